//! Settings of the whole installation.

use std::future::Future;

use homing_domain::{HeartbeatSettings, KeyDigest};

use crate::{Replaced, Result};

/// What is set for the whole installation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FleetSettings {
    /// Heartbeats, unless an app has its own.
    pub heartbeat: HeartbeatSettings,
    /// SHA-256 of the operator's token.
    pub admin_token: Option<KeyDigest>,
    /// Raised by each change.
    pub revision: u64,
}

/// The settings.
pub trait Settings: Send + Sync {
    /// As they stand; the defaults (revision 0) before anything was set.
    fn settings(&self) -> impl Future<Output = Result<FleetSettings>> + Send;

    /// Replaces settings whose stored revision is `settings.revision - 1`.
    fn replace_settings(&self, settings: FleetSettings) -> impl Future<Output = Result<Replaced>> + Send;
}
