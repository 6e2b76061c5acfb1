//! Events about what apps have from vendors and what stops being valid.

use homing_domain::{AppId, Channel};
use metrics::counter;
use tracing::{error, warn};

use crate::metric;

/// An app's certificate is about to expire, or has, and its owner was to be told.
#[derive(Clone, Copy, Debug)]
pub struct CertificateExpiring<'a> {
    /// Whose.
    pub app: &'a AppId,
    /// At which vendor.
    pub channel: Channel,
    /// Days left, begun ones included; 0 = it has expired.
    pub days_left: u16,
    /// How many were told, by mail or webhook.
    pub told: usize,
    /// How many could not be told.
    pub failed: usize,
}

impl CertificateExpiring<'_> {
    /// Logs and counts it.
    pub fn emit(&self) {
        let Self { app, channel, days_left, told, failed } = *self;
        let outcome = if told > 0 { "told" } else { "untold" };
        counter!(metric::CERTIFICATES_EXPIRING, "channel" => channel.name(), "outcome" => outcome).increment(1);
        if days_left == 0 {
            error!(%app, %channel, told, failed, "an app's certificate has expired");
        } else {
            warn!(%app, %channel, days_left, told, failed, "an app's certificate is about to expire");
        }
    }
}
