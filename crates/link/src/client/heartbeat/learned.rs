//! What is known of how long a network keeps a silent binding, and what to try next (ADR 0017).

use homing_domain::{HeartbeatSettings, Interval, Millis, UnixMillis};

use crate::Transport;

/// Per cent of a proven silence that is used: timers fire late, and a network is not the same every minute.
pub(super) const USED_PERCENT: Millis = 85;
/// The search ends when the failed silence is less than a sixteenth above the proven one: 85 % of what is proven is then at
/// least 80 % of what the network grants.
const FINENESS: Millis = 16;
/// ...or less than this above it.
const FINEST: Millis = 1_000;
/// Silences that differ by less than this part are the same: a heartbeat is measured with its round trip.
const SAME: Millis = 64;
/// A silence that failed is tried again after this: networks are rebuilt, and a failure may have had another reason.
const RETEST_AFTER: Millis = 24 * 3_600_000;
/// Each failure at the same silence doubles that wait, so often: over TCP a failure costs a link. 16 days at the most.
const RETEST_DOUBLINGS_MAX: u32 = 4;

/// Probes that may be asked for at once: a search from nothing takes up to 16, and a network may change meanwhile.
const PROBES_AT_ONCE: Millis = 24;
/// One more is allowed each time this has passed.
const PROBE_EVERY: Millis = 30 * 60_000;
/// So within any day at most these are asked for, per network. A probe takes the place of a heartbeat: it costs a phone no
/// wake-up more, only the gateway a frame.
pub const PROBES_A_DAY_MAX: u64 = PROBES_AT_ONCE + 24 * 3_600_000 / PROBE_EVERY;

/// What a device has learned of one network over one transport.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    /// The longest silence after which something still came through; 0 = none is known.
    pub proven: Millis,
    /// The shortest silence after which nothing did.
    pub failed: Option<Failed>,
    /// The budget of probes is used up to here.
    pub paid_until: UnixMillis,
}

/// A silence that was too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed {
    /// How long.
    pub silence: Millis,
    /// When it was found so the last time.
    pub at: UnixMillis,
    /// How often it was.
    pub times: u32,
}

impl Failed {
    const fn retest_at(&self) -> UnixMillis {
        let times = self.times.saturating_sub(1);
        let doublings = if times < RETEST_DOUBLINGS_MAX { times } else { RETEST_DOUBLINGS_MAX };
        self.at.plus(RETEST_AFTER << doublings)
    }
}

impl Learned {
    /// The interval to use.
    pub(super) fn interval(&self, bounds: &Interval) -> Millis {
        match (self.proven, self.failed) {
            (0, None) => bounds.initial,
            (0, Some(_)) => bounds.minimum,
            (proven, _) => (proven * USED_PERCENT / 100).clamp(bounds.minimum, bounds.maximum),
        }
    }

    /// A longer silence that is worth a try, if there is one. Over QUIC a try that fails costs nothing, so the steps are
    /// large and the search halves what is open. Over TCP it costs the link: the steps are small and only go up, and what
    /// failed is left alone for a day.
    pub(super) fn next_try(&self, transport: Transport, bounds: &Interval, now: UnixMillis) -> Option<Millis> {
        let low = match (transport, self.proven, self.failed) {
            (Transport::Quic, 0, None) => return Some(bounds.initial),
            // The heartbeats themselves are the proof.
            (Transport::Tcp, 0, _) => return None,
            (Transport::Quic, 0, Some(_)) => bounds.minimum,
            (_, proven, _) => proven,
        };
        let small_step = low + resolution(low);
        let target = match (self.failed, transport) {
            (Some(failed), _) if failed.silence <= small_step => {
                if now < failed.retest_at() {
                    return None;
                }
                failed.silence.max(low + FINEST)
            }
            (Some(failed), Transport::Quic) if failed.silence <= bounds.maximum => {
                Millis::midpoint(low, failed.silence)
            }
            (_, Transport::Quic) => low + low / 2,
            (_, Transport::Tcp) => small_step,
        };
        Some(target.min(bounds.maximum)).filter(|target| *target > low)
    }

    /// Something came through after this silence. True = that is news.
    pub(super) fn prove(&mut self, silence: Millis) -> bool {
        let silence = silence.min(HeartbeatSettings::CEILING);
        if silence <= self.proven {
            return false;
        }
        self.proven = silence;
        self.failed = self.failed.filter(|failed| failed.silence > silence);
        true
    }

    /// Nothing came through after this silence. What was proven beyond it holds no more: the network is another one now.
    pub(super) fn fail(&mut self, silence: Millis, now: UnixMillis) {
        let times =
            self.failed.filter(|failed| failed.silence <= silence + silence / SAME).map_or(0, |failed| failed.times);
        let silence = self.failed.map_or(silence, |failed| failed.silence.min(silence));
        self.failed = Some(Failed { silence, at: now, times: times.saturating_add(1) });
        if self.proven >= silence {
            self.proven = 0;
        }
    }

    /// Takes one probe from the budget. False = it is used up.
    pub(super) fn pay(&mut self, now: UnixMillis) -> bool {
        let budget = PROBES_AT_ONCE * PROBE_EVERY;
        // The clock may have been set back.
        let paid = self.paid_until.max(now).min(now.plus(budget)).plus(PROBE_EVERY);
        let is_within = paid.since(now) <= budget;
        if is_within {
            self.paid_until = paid;
        }
        is_within
    }
}

/// How near to the truth the search goes.
fn resolution(low: Millis) -> Millis {
    (low / FINENESS).max(FINEST)
}

#[cfg(test)]
mod tests;
