//! One vocabulary for every stop of a message: the store, the logs, the metrics and the API all use these names.

use std::fmt;
use std::str::FromStr;

/// A stop on the way of a message, or of one (message, device).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Message: durable and answered; its job is (being) queued.
    Accepted,
    /// Message: durable, waiting for its time.
    Scheduled,
    /// Message: the audience is being enumerated.
    Releasing,
    /// Message: every device it is for is known; `targeted` is final.
    Released,
    /// Message: nothing is pending any more.
    Completed,
    /// Delivery: on its way; in the device's mailbox or in a vendor's queue of ours.
    Pending,
    /// Delivery, end: the device acknowledged it, or the vendor says that it arrived.
    Delivered,
    /// Delivery, end: taken by a vendor that gives no delivery receipts.
    HandedOff,
    /// Delivery, end: its time to live ran out first.
    Expired,
    /// Delivery, end: it cannot be delivered (the reason says why).
    Failed,
    /// Delivery, end: recalled before it was delivered.
    Recalled,
    /// Delivery, end: held back on purpose (the reason says why).
    Suppressed,
    /// Delivery, end: the message was cancelled before release.
    Cancelled,
}

/// A move that the transition table does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a message cannot go from {from} to {to}")]
pub struct IllegalMove {
    /// Where it is.
    pub from: Stage,
    /// Where it was to go.
    pub to: Stage,
}

impl Stage {
    /// Every stage, in the order of the way.
    pub const ALL: [Self; 13] = [
        Self::Accepted,
        Self::Scheduled,
        Self::Releasing,
        Self::Released,
        Self::Completed,
        Self::Pending,
        Self::Delivered,
        Self::HandedOff,
        Self::Expired,
        Self::Failed,
        Self::Recalled,
        Self::Suppressed,
        Self::Cancelled,
    ];

    /// The stages in which one (message, device) can end: the columns of the balance beside `pending`.
    pub const ENDS: [Self; 7] = [
        Self::Delivered,
        Self::HandedOff,
        Self::Expired,
        Self::Failed,
        Self::Recalled,
        Self::Suppressed,
        Self::Cancelled,
    ];

    /// The stable name in JSON, logs, metrics and documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Scheduled => "scheduled",
            Self::Releasing => "releasing",
            Self::Released => "released",
            Self::Completed => "completed",
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::HandedOff => "handed_off",
            Self::Expired => "expired",
            Self::Failed => "failed",
            Self::Recalled => "recalled",
            Self::Suppressed => "suppressed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether a delivery ends here.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(
            self,
            Self::Delivered
                | Self::HandedOff
                | Self::Expired
                | Self::Failed
                | Self::Recalled
                | Self::Suppressed
                | Self::Cancelled
        )
    }

    /// Whether the table allows this move. Out of any other end leads one way, to `delivered`: a stage concludes that a device
    /// does not get a message, the device's own word or its vendor's is a fact that arrives late. A recurring message goes from `scheduled` to `completed`: its occurrences are messages of their own.
    #[must_use]
    pub const fn may_become(self, to: Self) -> bool {
        match self {
            Self::Accepted => matches!(to, Self::Releasing | Self::Cancelled),
            Self::Scheduled => matches!(to, Self::Accepted | Self::Releasing | Self::Cancelled | Self::Completed),
            Self::Releasing => matches!(to, Self::Released),
            Self::Released => matches!(to, Self::Completed),
            Self::Pending => to.is_terminal(),
            Self::HandedOff | Self::Expired | Self::Failed | Self::Recalled | Self::Suppressed | Self::Cancelled => {
                matches!(to, Self::Delivered)
            }
            Self::Completed | Self::Delivered => false,
        }
    }

    /// Makes the move.
    ///
    /// # Errors
    /// [`IllegalMove`] when the table does not allow it.
    pub const fn become_stage(self, to: Self) -> Result<Self, IllegalMove> {
        if self.may_become(to) { Ok(to) } else { Err(IllegalMove { from: self, to }) }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Stage {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|stage| stage.name() == text).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole matrix, so that a change of one cell is a change of this text.
    #[test]
    fn the_transition_table() {
        let table: Vec<String> = Stage::ALL
            .into_iter()
            .map(|from| {
                let to: Vec<_> = Stage::ALL.into_iter().filter(|to| from.may_become(*to)).map(Stage::name).collect();
                format!("{from} -> {}", to.join(" "))
            })
            .collect();
        assert_eq!(
            table,
            [
                "accepted -> releasing cancelled",
                "scheduled -> accepted releasing completed cancelled",
                "releasing -> released",
                "released -> completed",
                "completed -> ",
                "pending -> delivered handed_off expired failed recalled suppressed cancelled",
                "delivered -> ",
                "handed_off -> delivered",
                "expired -> delivered",
                "failed -> delivered",
                "recalled -> delivered",
                "suppressed -> delivered",
                "cancelled -> delivered",
            ]
        );
    }

    #[test]
    fn names_are_unique_and_read_back() {
        for stage in Stage::ALL {
            assert_eq!(stage.name().parse(), Ok(stage));
        }
    }
}
