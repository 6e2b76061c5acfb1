//! Drills: places where the process can be told to die, so that a test can prove that nothing accepted is lost there.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::config::Drill;

/// A place between two port calls where a crash must not matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailPoint {
    /// The message row is durable, its job is not queued, nothing is answered.
    BeforeAudienceSend,
    /// The mailbox holds the message, the gateway has not been told.
    BetweenEnqueueAndHandOff,
    /// The device has acknowledged, the receipts are not queued.
    AcksUnflushed,
    /// The receipts are queued, the mailbox is not trimmed.
    BetweenReceiptsAndTrim,
    /// The delivery is claimed, its vendor has not been asked.
    BetweenClaimAndVendor,
    /// The vendor has it, and the ledger has not been told.
    BetweenVendorAndLedger,
}

impl FailPoint {
    /// Every point.
    pub const ALL: [Self; 6] = [
        Self::BeforeAudienceSend,
        Self::BetweenEnqueueAndHandOff,
        Self::AcksUnflushed,
        Self::BetweenReceiptsAndTrim,
        Self::BetweenClaimAndVendor,
        Self::BetweenVendorAndLedger,
    ];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BeforeAudienceSend => "before-audience-send",
            Self::BetweenEnqueueAndHandOff => "between-enqueue-and-hand-off",
            Self::AcksUnflushed => "acks-unflushed",
            Self::BetweenReceiptsAndTrim => "between-receipts-and-trim",
            Self::BetweenClaimAndVendor => "between-claim-and-vendor",
            Self::BetweenVendorAndLedger => "between-vendor-and-ledger",
        }
    }

    /// The point of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|point| point.name() == name)
    }
}

/// Counts passings and kills the process at the one that was asked for.
#[derive(Debug, Default)]
pub struct Drills {
    armed: Option<(FailPoint, u64)>,
    passed: AtomicU64,
}

impl Drills {
    /// For a drill, or none.
    #[must_use]
    pub fn new(drill: Option<&Drill>) -> Self {
        let armed = drill.and_then(|drill| Some((FailPoint::named(&drill.point)?, drill.hit)));
        Self { armed, passed: AtomicU64::new(0) }
    }

    /// Whether a drill stands there: what only it wants to know is not found out otherwise.
    #[must_use]
    pub fn wait_at(&self, point: FailPoint) -> bool {
        self.armed.is_some_and(|(armed, _)| armed == point)
    }

    /// The caller passes a point; it may not return.
    pub fn pass(&self, point: FailPoint) {
        if let Some((armed, hit)) = self.armed
            && armed == point
            && self.passed.fetch_add(1, Ordering::SeqCst) + 1 == hit
        {
            die(point, hit);
        }
    }
}

/// Dies as by a power cut: SIGKILL runs no handler and flushes nothing. The shell's built-in `kill` needs no `unsafe`
/// and no further package; where there is no shell, abort comes close.
#[expect(clippy::print_stderr, reason = "the last words of a drill, for the script that ordered it")]
fn die(point: FailPoint, hit: u64) -> ! {
    eprintln!("fail point {} reached, passing {hit}: dying by SIGKILL", point.name());
    let killed = Command::new("/bin/sh")
        .args(["-c", &format!("kill -KILL {}", std::process::id())])
        .stdin(Stdio::null())
        .status();
    match killed {
        // The signal is on its way; this thread must not go on into the very call the drill stands before.
        Ok(status) if status.success() => loop {
            std::thread::park();
        },
        _ => std::process::abort(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for point in FailPoint::ALL {
            assert_eq!(FailPoint::named(point.name()), Some(point));
        }
        assert_eq!(FailPoint::named("elsewhere"), None);
    }

    #[test]
    fn other_points_and_earlier_passings_are_harmless() {
        let drills = Drills::new(Some(&Drill { point: "acks-unflushed".into(), hit: 3 }));
        drills.pass(FailPoint::BeforeAudienceSend);
        drills.pass(FailPoint::AcksUnflushed);
        drills.pass(FailPoint::AcksUnflushed);
        assert_eq!(drills.passed.load(Ordering::SeqCst), 2);
        Drills::new(None).pass(FailPoint::AcksUnflushed);
    }
}
