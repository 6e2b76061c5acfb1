//! Forwarding to where an app wants its devices' messages.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use homing_contract::bus;
use homing_domain::{AppId, Millis, UnixMillis, Upstream, UpstreamRoute};
use homing_ports::{Apps as _, Clock as _, Outgoing, Result};

use crate::AwsStore;

/// A route is believed for so long: a change of the app's settings takes effect within it.
const BELIEVED_FOR: Millis = 10_000;
/// Apps whose route is remembered: more than devices of one gateway belong to. Beyond it all are forgotten.
const APPS_MAX: usize = 1_024;

/// Where apps want messages, as read not long ago.
#[derive(Debug, Default)]
pub(super) struct Routes(Mutex<HashMap<AppId, (UnixMillis, UpstreamRoute)>>);

impl Routes {
    fn get(&self, app: &AppId, now: UnixMillis) -> Option<UpstreamRoute> {
        let routes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (read_at, route) = routes.get(app)?;
        (now.since(*read_at) < BELIEVED_FOR).then(|| route.clone())
    }

    fn put(&self, app: &AppId, now: UnixMillis, route: UpstreamRoute) {
        let mut routes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if routes.len() >= APPS_MAX {
            routes.clear();
        }
        routes.insert(app.clone(), (now, route));
    }
}

impl AwsStore {
    /// Where an app's messages go. An app that is gone gets no more than the list.
    pub(super) async fn route_of(&self, app: &AppId) -> Result<UpstreamRoute> {
        let now = self.now();
        if let Some(route) = self.shared.upstreams.routes.get(app, now) {
            return Ok(route);
        }
        let route = self.app(app).await?.map(|app| app.upstream).unwrap_or_default();
        self.shared.upstreams.routes.put(app, now, route.clone());
        Ok(route)
    }

    /// Sends a message where it is wanted; durable there when answered.
    pub(super) async fn forward(&self, route: &UpstreamRoute, upstream: &Upstream) -> Result<()> {
        match route {
            UpstreamRoute::Poll => Ok(()),
            UpstreamRoute::Queue(url) => {
                self.send_all(url, vec![Outgoing::now(bus::encode_upstream(upstream).json)]).await
            }
            UpstreamRoute::Bus => self.put_on_bus(vec![bus::encode_upstream(upstream)]).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_believed_for_a_while() {
        let (routes, app): (Routes, AppId) = (Routes::default(), "shop".parse().unwrap());
        let read_at = UnixMillis(1_000);
        assert_eq!(routes.get(&app, read_at), None);
        routes.put(&app, read_at, UpstreamRoute::Bus);
        assert_eq!(routes.get(&app, read_at.plus(BELIEVED_FOR - 1)), Some(UpstreamRoute::Bus));
        assert_eq!(routes.get(&app, read_at.plus(BELIEVED_FOR)), None);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let routes = Routes::default();
        for n in 0..=APPS_MAX {
            routes.put(&format!("app-{n}").parse().unwrap(), UnixMillis(0), UpstreamRoute::Poll);
        }
        assert_eq!(routes.0.lock().unwrap().len(), 1);
    }
}
