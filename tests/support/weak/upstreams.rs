//! Messages from devices, once per (device, id).

use std::collections::BTreeSet;

use homing_domain::{AppId, DeviceId, Upstream, UpstreamId};
use homing_ports::{Created, Result, StoredUpstream, Upstreams};

use super::Weak;

/// What devices sent.
#[derive(Debug, Default)]
pub struct UpstreamState {
    /// In the order of arrival.
    pub stored: Vec<StoredUpstream>,
    seen: BTreeSet<(DeviceId, UpstreamId)>,
}

impl Upstreams for Weak {
    async fn store_upstream(&self, upstream: Upstream) -> Result<Created> {
        self.call("store an upstream message", move |state| {
            if !state.upstreams.seen.insert((upstream.device, upstream.id)) {
                state.coverage.hit("upstream", "repeat");
                return Ok(Created::Exists);
            }
            state.coverage.hit("upstream", "new");
            let position = state.upstreams.stored.len() as u64 + 1;
            state.upstreams.stored.push(StoredUpstream { position, upstream });
            Ok(Created::New)
        })
        .await
    }

    async fn upstreams(&self, app: &AppId, after: u64, limit: usize) -> Result<Vec<StoredUpstream>> {
        let app = app.clone();
        self.call("list upstream messages", move |state| {
            let of_app = state.upstreams.stored.iter().filter(|stored| stored.upstream.app == app);
            Ok(of_app.filter(|stored| stored.position > after).take(limit).cloned().collect())
        })
        .await
    }
}
