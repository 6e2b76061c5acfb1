//! Probes over QUIC: the gateway says something after a silence, and whether it arrives shows what the network keeps.

use homing_domain::{Interval, Millis, UnixMillis};

use super::learned::Learned;
use crate::Transport;

/// A probe that is later than this did not come through. A gateway that loses the packet has repeated it a few times by then.
pub(super) const PROBE_WITHIN: Millis = 3_000;
/// A clock that is looked at later than this after its time stood still with the device: what did not come in the meantime
/// says nothing.
const SLEPT: Millis = 2_000;
/// What is proven is proven again this often: a network changes without a word, by moving or by a new router.
const VERIFY_EVERY: Millis = 3_600_000;
/// Probes in a row that must fail at the same silence: one may be lost in a bad moment.
const STRIKES: u32 = 2;

#[derive(Debug)]
pub(super) struct Probing {
    out: Option<Out>,
    /// A probe did not come. It counts when the heartbeat after it is answered in time: else the whole network was away.
    missing: Option<Millis>,
    /// So often nothing came after this silence.
    strikes: Option<(Millis, u32)>,
    verify_at: UnixMillis,
}

/// A probe that was asked for.
#[derive(Clone, Copy, Debug)]
struct Out {
    silence: Millis,
    /// Since then nothing was said.
    since: UnixMillis,
}

impl Out {
    const fn deadline(&self) -> UnixMillis {
        self.since.plus(self.silence + PROBE_WITHIN)
    }
}

impl Probing {
    /// On a network whose earlier proofs have yet to be confirmed.
    pub(super) const fn new(now: UnixMillis) -> Self {
        Self { out: None, missing: None, strikes: None, verify_at: now }
    }

    /// What to ask for with this heartbeat.
    pub(super) fn ask(&mut self, learned: &mut Learned, bounds: &Interval, now: UnixMillis) -> Option<Millis> {
        let is_last_strike = |missing| self.strikes == Some((missing, STRIKES - 1));
        if self.missing.is_some_and(is_last_strike) {
            // The answer to this heartbeat makes it a failure: then there is something else to ask for.
            return None;
        }
        let silence = match self.strikes {
            Some((silence, _)) if silence <= bounds.maximum => Some(silence),
            _ if learned.proven > 0 && self.verify_at <= now => Some(learned.proven.min(bounds.maximum)),
            _ => learned.next_try(Transport::Quic, bounds, now),
        };
        let silence = silence.filter(|_| learned.pay(now))?;
        self.out = Some(Out { silence, since: now });
        Some(silence)
    }

    /// The heartbeat was answered, so the silence begins only now. Until when the probe is waited for.
    pub(super) fn begin(&mut self, now: UnixMillis) -> Option<UnixMillis> {
        let out = self.out.as_mut()?;
        out.since = now;
        Some(out.deadline())
    }

    /// The probe came. True = in time, and what is known may have changed.
    pub(super) fn arrived(&mut self, learned: &mut Learned, now: UnixMillis) -> bool {
        let Some(out) = self.out.take() else {
            return false;
        };
        // The answer to the heartbeat may have been a little slower than the probe.
        let is_early = now.plus(PROBE_WITHIN.min(out.silence / 16)) < out.since.plus(out.silence);
        if is_early || now > out.deadline() {
            return false;
        }
        learned.prove(out.silence);
        self.strikes = None;
        self.verify_at = now.plus(VERIFY_EVERY);
        true
    }

    /// Something else was said: the silence is broken. True = a probe was waited for.
    pub(super) const fn disturb(&mut self) -> bool {
        self.out.take().is_some()
    }

    /// A heartbeat goes out: a probe that has not come is missing.
    pub(super) fn close(&mut self, now: UnixMillis) {
        let out = self.out.take();
        let missing = out.filter(|out| (out.deadline()..=out.deadline().plus(SLEPT)).contains(&now));
        self.missing = missing.map(|out| out.silence);
    }

    /// That heartbeat was answered. True = what is known has changed.
    pub(super) fn answered(&mut self, learned: &mut Learned, is_timely: bool, now: UnixMillis) -> bool {
        let Some(silence) = self.missing.take().filter(|_| is_timely) else {
            return false;
        };
        let strikes = match self.strikes {
            Some((struck, strikes)) if struck == silence => strikes + 1,
            _ => 1,
        };
        self.strikes = (strikes < STRIKES).then_some((silence, strikes));
        if strikes < STRIKES {
            return false;
        }
        learned.fail(silence, now);
        true
    }

    /// The device may be on another path: what is proven is to be proven again.
    pub(super) fn doubt(&mut self, now: UnixMillis) {
        self.verify_at = self.verify_at.min(now);
    }
}
