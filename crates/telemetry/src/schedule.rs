//! Events about messages whose time has come.

use homing_domain::{MessageId, Millis};
use metrics::{counter, histogram};
use tracing::{info, warn};

use crate::{metric, seconds};

/// A scheduled message's time has come, and its job is queued.
#[derive(Clone, Copy, Debug)]
pub struct MessageDue {
    /// Which message.
    pub message: MessageId,
    /// Since its time.
    pub late: Millis,
}

impl MessageDue {
    /// Logs and measures it.
    pub fn emit(&self) {
        histogram!(metric::RELEASE_LATENESS).record(seconds(self.late));
        info!(message = %self.message, late_ms = self.late, "scheduled message due");
    }
}

/// Messages were found that nothing had moved although it was time.
#[derive(Clone, Copy, Debug)]
pub struct OverdueSwept {
    /// Not released: their jobs were sent again.
    pub released: usize,
    /// Parts held back whose time is past: their jobs were sent again.
    pub held: usize,
    /// Over: their close jobs were sent.
    pub closed: usize,
    /// Over, but their release is still under way: left alone.
    pub hanging: usize,
}

impl OverdueSwept {
    /// Logs and counts it. Closing is the everyday case; the others mean that something was lost or is slow.
    pub fn emit(&self) {
        let Self { released, held, closed, hanging } = *self;
        for (outcome, messages) in [("released", released), ("held", held), ("closed", closed), ("hanging", hanging)] {
            if messages > 0 {
                counter!(metric::OVERDUE_SWEPT, "outcome" => outcome).increment(messages as u64);
            }
        }
        if released + held + hanging > 0 {
            warn!(released, held, closed, hanging, "overdue messages swept");
        } else {
            info!(released, held, closed, hanging, "overdue messages swept");
        }
    }
}
