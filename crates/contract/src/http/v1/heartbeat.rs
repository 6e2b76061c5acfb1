//! Heartbeat settings.

use homing_domain::{HeartbeatSettings, Interval};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::{Checked, Violations, pointer};

/// How often devices show a sign of life. Devices learn the best interval of each network between these bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct HeartbeatView {
    /// Over QUIC.
    pub quic: IntervalView,
    /// Over TCP.
    pub tcp: IntervalView,
    /// A link is declared dead after this many hundredths of its interval without a byte, plus 10 s.
    #[schema(minimum = 110, maximum = 1000, example = 150)]
    pub idle_factor_percent: u32,
}

only_objects!(HeartbeatView);

/// Bounds of one transport's interval, from 1,000 (1 s) to 1,800,000 (30 minutes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct IntervalView {
    /// First interval on an unknown network, in milliseconds.
    #[schema(example = 55_000)]
    pub initial_ms: u64,
    /// Never more often, in milliseconds.
    #[schema(example = 25_000)]
    pub minimum_ms: u64,
    /// Never less often, in milliseconds.
    #[schema(example = 240_000)]
    pub maximum_ms: u64,
}

only_objects!(IntervalView);

impl HeartbeatView {
    /// Checks the bounds; `at` is the pointer to this object.
    ///
    /// # Errors
    /// The first bound that does not hold.
    pub fn check(self, at: &str) -> Checked<HeartbeatSettings> {
        let interval = |view: IntervalView| Interval {
            initial: view.initial_ms,
            minimum: view.minimum_ms,
            maximum: view.maximum_ms,
        };
        let settings = HeartbeatSettings {
            quic: interval(self.quic),
            tcp: interval(self.tcp),
            idle_factor_percent: self.idle_factor_percent,
        };
        settings.check().map(|()| settings).map_err(|(part, error)| {
            let part = if part.is_empty() { "idle_factor_percent" } else { part };
            Violations::one("out_of_range", pointer(at, part), error.to_string())
        })
    }
}

impl From<HeartbeatSettings> for HeartbeatView {
    fn from(settings: HeartbeatSettings) -> Self {
        let view = |interval: Interval| IntervalView {
            initial_ms: interval.initial,
            minimum_ms: interval.minimum,
            maximum_ms: interval.maximum,
        };
        Self { quic: view(settings.quic), tcp: view(settings.tcp), idle_factor_percent: settings.idle_factor_percent }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_checked_where_they_stand() {
        let good = HeartbeatView::from(HeartbeatSettings::default());
        assert_eq!(good.check(""), Ok(HeartbeatSettings::default()));
        let pointer = |view: HeartbeatView| view.check("/heartbeat").unwrap_err().into_vec()[0].pointer.clone();
        let mut bad = good;
        bad.tcp.minimum_ms = 1;
        assert_eq!(pointer(bad), "/heartbeat/tcp");
        let mut bad = good;
        bad.idle_factor_percent = 50;
        assert_eq!(pointer(bad), "/heartbeat/idle_factor_percent");
    }
}
