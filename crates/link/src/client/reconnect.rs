//! Whether and when to connect again.

use homing_domain::{ConnSeq, Millis};
use homing_wire::CloseCode;

use super::end::{Closed, Ended};
use super::memory::Memory;

/// How long to wait between tries: a random part ("full jitter") of a bound that doubles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Bound of the first wait after a live link broke: the devices of a gateway that crashed spread over it.
    pub after_loss: Millis,
    /// Bound of the first wait after a try that failed.
    pub base: Millis,
    /// Largest bound.
    pub cap: Millis,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { after_loss: 30_000, base: 2_000, cap: 600_000 }
    }
}

impl Backoff {
    /// Part of [`Backoff::bound`] that `random`, even over all of `u64`, picks.
    fn wait(&self, failures: u32, random: u64) -> Millis {
        pick(self.bound(failures), random)
    }

    fn bound(&self, failures: u32) -> Millis {
        let doubled = self.base.saturating_mul(1_u64.checked_shl(failures).unwrap_or(u64::MAX));
        doubled.min(self.cap)
    }
}

/// A number below `bound`, or 0.
fn pick(bound: Millis, random: u64) -> Millis {
    // Multiply and shift: even to within bound / 2^64. The shift leaves less than `bound`.
    ((u128::from(bound) * u128::from(random)) >> 64) as Millis
}

/// What to do without a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Connect after this.
    Wait(Millis),
    /// Never again with these credentials.
    Stop(Stop),
}

/// Why a device stops connecting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Another installation with the same credentials took over.
    Replaced {
        /// Its connection number.
        by: ConnSeq,
    },
    /// The gateway does not accept its proof.
    Unauthenticated,
    /// It is deregistered.
    Revoked,
}

/// Counts tries.
#[derive(Clone, Debug)]
pub struct Reconnect {
    backoff: Backoff,
    /// Tries that failed since the last Welcome.
    failures: u32,
    /// A stale number was corrected since the last Welcome.
    corrected: bool,
}

impl Reconnect {
    /// Before the first try.
    #[must_use]
    pub const fn new(backoff: Backoff) -> Self {
        Self { backoff, failures: 0, corrected: false }
    }

    /// A link is live.
    pub const fn welcomed(&mut self) {
        self.failures = 0;
        self.corrected = false;
    }

    /// The network is another one: earlier failures say nothing about it.
    pub const fn network_changed(&mut self) {
        self.failures = 0;
    }

    /// A link or a try has ended. `was_live` = it had been welcomed; `random` is even over all of `u64`.
    pub fn ended(&mut self, ended: Ended, was_live: bool, memory: &mut Memory, random: u64) -> Next {
        if !was_live && ended == Ended::Unreachable {
            memory.suspicion.network_is_away();
        }
        if let Ended::Closed(closed) = ended
            && let Some(next) = self.closed(closed, memory)
        {
            return next;
        }
        let retry_after = match ended {
            Ended::Closed(closed) => closed.retry_after,
            _ => 0,
        };
        if retry_after > 0 {
            // The server spreads the fleet with this number; the half on top keeps equal numbers apart.
            return Next::Wait(retry_after.saturating_add(pick(retry_after / 2, random)));
        }
        if was_live && self.failures == 0 {
            self.failures = 1;
            return Next::Wait(pick(self.backoff.after_loss, random));
        }
        let wait = self.backoff.wait(self.failures, random);
        self.failures = self.failures.saturating_add(1);
        Next::Wait(wait)
    }

    /// The codes that decide by themselves.
    fn closed(&mut self, closed: Closed, memory: &mut Memory) -> Option<Next> {
        match closed.code? {
            CloseCode::Superseded if closed.detail > memory.conn_seq() => {
                Some(Next::Stop(Stop::Replaced { by: closed.detail }))
            }
            CloseCode::StaleConnection => {
                memory.overtake(closed.detail);
                let first = !std::mem::replace(&mut self.corrected, true);
                first.then_some(Next::Wait(0))
            }
            CloseCode::Authentication => Some(Next::Stop(Stop::Unauthenticated)),
            CloseCode::Revoked => Some(Next::Stop(Stop::Revoked)),
            CloseCode::Normal
            | CloseCode::Superseded
            | CloseCode::Overload
            | CloseCode::Protocol
            | CloseCode::Drain
            | CloseCode::Idle => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::memory::Saved;
    use super::*;

    const HALF: u64 = 1 << 63;

    fn memory(conn_seq: ConnSeq) -> Memory {
        Memory::new(Saved { conn_seq, ..Saved::default() })
    }

    fn closed(code: CloseCode, detail: u64, retry_after: Millis) -> Ended {
        Ended::Closed(Closed { code: Some(code), retry_after, detail })
    }

    #[test]
    fn waits_double_up_to_the_cap_and_are_jittered_fully() {
        let mut reconnect = Reconnect::new(Backoff::default());
        let waits: Vec<_> = (0..11).map(|_| reconnect.ended(Ended::Unreachable, false, &mut memory(1), HALF)).collect();
        let seconds = [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300];
        assert_eq!(waits, seconds.map(|s| Next::Wait(s * 1_000)));
        assert_eq!(reconnect.ended(Ended::Unreachable, false, &mut memory(1), 0), Next::Wait(0));
        assert_eq!(reconnect.ended(Ended::Unreachable, false, &mut memory(1), u64::MAX), Next::Wait(599_999));
        reconnect.welcomed();
        assert_eq!(reconnect.ended(Ended::Lost, true, &mut memory(1), HALF), Next::Wait(15_000), "a live link broke");
        assert_eq!(reconnect.ended(Ended::Unreachable, false, &mut memory(1), HALF), Next::Wait(2_000));
    }

    #[test]
    fn the_gateway_may_say_when() {
        let mut reconnect = Reconnect::new(Backoff::default());
        let ended = closed(CloseCode::Overload, 0, 60_000);
        assert_eq!(reconnect.ended(ended, true, &mut memory(1), 0), Next::Wait(60_000));
        assert_eq!(reconnect.ended(ended, true, &mut memory(1), HALF), Next::Wait(75_000));
    }

    #[test]
    fn superseded_by_another_installation_stops_and_by_an_own_link_does_not() {
        let mut reconnect = Reconnect::new(Backoff::default());
        let by = |n| closed(CloseCode::Superseded, n, 0);
        assert_eq!(reconnect.ended(by(8), true, &mut memory(7), 0), Next::Stop(Stop::Replaced { by: 8 }));
        assert_eq!(reconnect.ended(by(7), true, &mut memory(7), 0), Next::Wait(0));
        assert_eq!(reconnect.ended(by(6), true, &mut memory(7), 0), Next::Wait(0));
    }

    #[test]
    fn a_stale_number_is_corrected_and_tried_again_once() {
        let mut reconnect = Reconnect::new(Backoff::default());
        let mut memory = memory(3);
        let stale = closed(CloseCode::StaleConnection, 40, 0);
        assert_eq!(reconnect.ended(stale, false, &mut memory, HALF), Next::Wait(0));
        assert_eq!(memory.raise_connection(), 41);
        assert_eq!(reconnect.ended(stale, false, &mut memory, HALF), Next::Wait(1_000), "then as the backoff says");
        assert_eq!(memory.raise_connection(), 42, "never lowered");
    }

    #[test]
    fn credentials_that_do_not_hold_stop() {
        let mut reconnect = Reconnect::new(Backoff::default());
        for (code, stop) in [(CloseCode::Authentication, Stop::Unauthenticated), (CloseCode::Revoked, Stop::Revoked)] {
            assert_eq!(reconnect.ended(closed(code, 0, 0), false, &mut memory(1), 0), Next::Stop(stop));
        }
    }
}
