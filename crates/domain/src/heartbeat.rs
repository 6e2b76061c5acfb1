//! Heartbeat settings: what the server hands to devices, changed while links live (device-link design, section 5).

use crate::time::Millis;

/// Bounds of one transport's heartbeat interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// First interval on an unknown network.
    pub initial: Millis,
    /// Never beat more often.
    pub minimum: Millis,
    /// Never beat less often.
    pub maximum: Millis,
}

/// What a device is told about its heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeartbeatSettings {
    /// Over QUIC: UDP bindings of NATs live 30 to 180 s.
    pub quic: Interval,
    /// Over TCP: bindings mostly live 5 to 60 minutes.
    pub tcp: Interval,
    /// The server declares a link dead after this many hundredths of the announced interval without a byte, plus 10 s.
    pub idle_factor_percent: u32,
}

/// What is wrong with heartbeat settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeartbeatSettingsError {
    /// `minimum <= initial <= maximum` does not hold.
    #[error("must be minimum <= initial <= maximum")]
    Order,
    /// An interval is below [`HeartbeatSettings::FLOOR`] or above [`HeartbeatSettings::CEILING`].
    #[error("must lie between 1 s and 30 minutes")]
    Range,
    /// The idle factor is not within 110 to 1,000 per cent.
    #[error("must lie between 110 and 1000")]
    IdleFactor,
}

impl Default for HeartbeatSettings {
    fn default() -> Self {
        Self {
            quic: Interval { initial: 55_000, minimum: 25_000, maximum: 240_000 },
            tcp: Interval { initial: 270_000, minimum: 120_000, maximum: 590_000 },
            idle_factor_percent: 150,
        }
    }
}

impl HeartbeatSettings {
    /// No beat more often than this: a signalling storm otherwise.
    pub const FLOOR: Millis = 1_000;
    /// No beat less often than this: past every NAT's patience.
    pub const CEILING: Millis = 1_800_000;
    /// Added to the idle time: covers a slow radio wake-up.
    pub const IDLE_GRACE: Millis = 10_000;

    /// How long a link may be silent when its device announced `interval`.
    #[must_use]
    pub const fn idle_after(&self, interval: Millis) -> Millis {
        interval * self.idle_factor_percent as u64 / 100 + Self::IDLE_GRACE
    }

    /// Checks the bounds.
    ///
    /// # Errors
    /// Which rule is broken, and for which transport (`"quic"`, `"tcp"`, or empty for the factor).
    pub fn check(&self) -> Result<(), (&'static str, HeartbeatSettingsError)> {
        for (transport, interval) in [("quic", self.quic), ("tcp", self.tcp)] {
            if !(interval.minimum <= interval.initial && interval.initial <= interval.maximum) {
                return Err((transport, HeartbeatSettingsError::Order));
            }
            if interval.minimum < Self::FLOOR || interval.maximum > Self::CEILING {
                return Err((transport, HeartbeatSettingsError::Range));
            }
        }
        if !(110..=1_000).contains(&self.idle_factor_percent) {
            return Err(("", HeartbeatSettingsError::IdleFactor));
        }
        Ok(())
    }
}
