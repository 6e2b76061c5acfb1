//! What is to go wrong at a vendor.

use serde::{Deserialize, Serialize};

/// The share of messages that people open when nothing else is said.
const OPENED_SHARE: f64 = 0.1;
/// The share of receipts that are late when there is a delay but no share.
const LATE_SHARE: f64 = 0.1;

/// What is to go wrong at a vendor. Shares are of one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Share of sends that are answered with the vendor's way to say "too fast".
    pub throttle_share: f64,
    /// Everything is answered with the vendor's way to say that it is down.
    pub outage: bool,
    /// Milliseconds that each answer waits.
    pub slow_ms: u64,
    /// Share of sends that are taken, and whose answer breaks off on its way.
    pub answer_lost_share: f64,
    /// Everything that authorises requests expires now. Acts once for each time that it is put.
    pub expire_access: bool,
    /// Share of delivered messages that are opened, where the vendor tells so.
    pub opened_share: f64,
    /// Share of receipts that are posted twice.
    pub duplicate_receipts_share: f64,
    /// Milliseconds that a late receipt is late.
    pub late_receipts_ms: u64,
    /// Share of receipts that are late.
    pub late_receipts_share: f64,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            throttle_share: 0.0,
            outage: false,
            slow_ms: 0,
            answer_lost_share: 0.0,
            expire_access: false,
            opened_share: OPENED_SHARE,
            duplicate_receipts_share: 0.0,
            late_receipts_ms: 0,
            late_receipts_share: LATE_SHARE,
        }
    }
}

/// Longest that an answer may wait: clients have given up by then.
const SLOW_MAX_MS: u64 = 120_000;
/// Longest that a receipt may be late: a day.
const LATE_MAX_MS: u64 = 86_400_000;

/// Faults that make no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultsError {
    /// A share is not within 0 and 1.
    #[error("{0} must be between 0 and 1")]
    Share(&'static str),
    /// A time is longer than is of use.
    #[error("{0} is too long")]
    TooLong(&'static str),
}

impl Faults {
    /// Checks shares and times.
    ///
    /// # Errors
    /// [`FaultsError`] names the field.
    pub fn checked(self) -> Result<Self, FaultsError> {
        let shares = [
            ("throttle_share", self.throttle_share),
            ("answer_lost_share", self.answer_lost_share),
            ("opened_share", self.opened_share),
            ("duplicate_receipts_share", self.duplicate_receipts_share),
            ("late_receipts_share", self.late_receipts_share),
        ];
        if let Some((name, _)) = shares.iter().find(|(_, share)| !(0.0..=1.0).contains(share)) {
            return Err(FaultsError::Share(name));
        }
        if self.slow_ms > SLOW_MAX_MS {
            return Err(FaultsError::TooLong("slow_ms"));
        }
        if self.late_receipts_ms > LATE_MAX_MS {
            return Err(FaultsError::TooLong("late_receipts_ms"));
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_does_not_go_wrong_and_nonsense_is_refused() {
        let faults: Faults = serde_json::from_str(r#"{"throttle_share": 0.1}"#).unwrap();
        assert_eq!(faults, Faults { throttle_share: 0.1, ..Faults::default() });
        assert!(serde_json::from_str::<Faults>(r#"{"trottle_share": 0.1}"#).is_err());
        assert!(faults.checked().is_ok());
        assert_eq!(Faults { opened_share: 1.5, ..faults }.checked(), Err(FaultsError::Share("opened_share")));
        assert_eq!(Faults { slow_ms: 1 << 30, ..faults }.checked(), Err(FaultsError::TooLong("slow_ms")));
    }
}
