//! Messages from devices, kept for the business to read.

use std::future::Future;

use homing_domain::{AppId, Upstream};

use crate::{Created, Result};

/// An upstream message with its place in the app's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredUpstream {
    /// Rises with arrival; a cursor for reading on.
    pub position: u64,
    /// The message.
    pub upstream: Upstream,
}

/// Upstream messages.
pub trait Upstreams: Send + Sync {
    /// Stores one, once per (device, id); durable when answered.
    fn store_upstream(&self, upstream: Upstream) -> impl Future<Output = Result<Created>> + Send;

    /// Those of an app after a position, in the order of arrival, at most `limit`.
    fn upstreams(
        &self,
        app: &AppId,
        after: u64,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<StoredUpstream>>> + Send;
}
