//! Events about what vendors tell later.

use homing_domain::Channel;
use metrics::counter;
use tracing::debug;

use crate::metric;

/// A vendor told of something that happened to a message at a device.
#[derive(Clone, Copy, Debug)]
pub struct CallbackTaken {
    /// Which vendor.
    pub channel: Channel,
    /// What: `delivered`, `displayed`, `opened`, `invalid_token`, `dropped`.
    pub kind: &'static str,
    /// What followed: `taken`, `noted` (it is only counted here), `unnamed` (it names no message of ours), `unknown` (nobody has
    /// this token, or its device was not sent this message by this way).
    pub outcome: &'static str,
}

impl CallbackTaken {
    /// Logs and counts it.
    pub fn emit(&self) {
        let Self { channel, kind, outcome } = *self;
        counter!(metric::CALLBACK_EVENTS, "channel" => channel.name(), "kind" => kind, "outcome" => outcome)
            .increment(1);
        debug!(%channel, kind, outcome, "a vendor's receipt");
    }
}
