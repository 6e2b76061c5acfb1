//! Leaves a vendor alone whose servers fail one request after the other, and tries it with one request then: an outage is not
//! to use up the tries of every message that meets it.

use std::sync::{Mutex, PoisonError};

use homing_domain::{Millis, UnixMillis};

/// Failures in a row until nobody asks.
pub(super) const FAILURES_MAX: u32 = 5;
/// How long nobody asks at first; each probe that fails doubles it.
pub(super) const PAUSE_FIRST: Millis = 2_000;
/// Longest pause: an outage's end is noticed after it at the latest. People wait for what is held up meanwhile, and one
/// request of each process in this time is no load for a vendor that comes up again.
pub(super) const PAUSE_MAX: Millis = 15_000;
/// What part of a pause chance takes off at most: processes that saw the same outage do not all probe at the same moment.
const SPREAD_PART: Millis = 4;
/// While one probes, others look again after this.
pub(super) const PROBE_WAIT: Millis = 1_000;
/// Whoever probes and was not heard of for so long does not any more.
const PROBE_WITHIN: Millis = 20_000;

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    /// Everybody.
    Open,
    /// This one, with one request.
    Probe,
    /// Nobody, for so long.
    Closed(Millis),
}

#[derive(Clone, Copy, Debug)]
enum State {
    Works { failures: u32 },
    LeftAlone { until: UnixMillis, pause: Millis },
    Probed { since: UnixMillis, pause: Millis },
}

/// One app's channel.
#[derive(Debug)]
pub(super) struct Circuit {
    state: Mutex<State>,
    /// What this process takes off its pauses, of [`u32::MAX`] parts.
    jitter: u32,
}

impl Circuit {
    /// One that nothing is known of. `jitter` is chance's: each process has its own.
    pub(super) fn new(jitter: u32) -> Self {
        Self { state: Mutex::new(State::Works { failures: 0 }), jitter }
    }

    pub(super) fn gate(&self, now: UnixMillis) -> Gate {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match *state {
            State::Works { .. } => Gate::Open,
            // A clock that was set back does not keep it closed for longer than any pause.
            State::LeftAlone { until, .. } if (1..=PAUSE_MAX).contains(&until.since(now)) => {
                Gate::Closed(until.since(now))
            }
            State::Probed { since, .. } if since <= now && now.since(since) < PROBE_WITHIN => Gate::Closed(PROBE_WAIT),
            State::LeftAlone { pause, .. } | State::Probed { pause, .. } => {
                *state = State::Probed { since: now, pause };
                Gate::Probe
            }
        }
    }

    /// Whoever was let through since then to probe asked nobody after all: the next one may. Nothing happens if a request was
    /// heard of meanwhile, or another probes.
    pub(super) fn give_probe_back(&self, probed_since: UnixMillis) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let State::Probed { since, pause } = *state
            && since == probed_since
        {
            *state = State::LeftAlone { until: since, pause };
        }
    }

    /// Takes in how a request went. Answers for how long nobody asks from now on, if that follows.
    pub(super) fn note(&self, is_well: bool, now: UnixMillis) -> Option<Millis> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let pause = match *state {
            _ if is_well => {
                *state = State::Works { failures: 0 };
                return None;
            }
            State::Works { failures } if failures + 1 < FAILURES_MAX => {
                *state = State::Works { failures: failures + 1 };
                return None;
            }
            // They were under way when it was found to fail.
            State::LeftAlone { .. } => return None,
            State::Works { .. } => PAUSE_FIRST,
            State::Probed { pause, .. } => (pause * 2).min(PAUSE_MAX),
        };
        let spared = pause / SPREAD_PART * u64::from(self.jitter) / u64::from(u32::MAX);
        *state = State::LeftAlone { until: now.plus(pause - spared), pause };
        Some(pause - spared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_000_000);

    fn failing() -> Circuit {
        let circuit = Circuit::new(0);
        let opened: Vec<_> = (0..FAILURES_MAX).filter_map(|_| circuit.note(false, NOW)).collect();
        assert_eq!(opened, [PAUSE_FIRST]);
        circuit
    }

    #[test]
    fn only_failures_in_a_row_close_it() {
        let circuit = Circuit::new(0);
        for _ in 0..10 {
            (1..FAILURES_MAX).for_each(|_| assert_eq!(circuit.note(false, NOW), None));
            circuit.note(true, NOW);
        }
        assert_eq!(circuit.gate(NOW), Gate::Open);
        assert_eq!(failing().gate(NOW.plus(500)), Gate::Closed(PAUSE_FIRST - 500));
    }

    #[test]
    fn one_probes_and_what_comes_of_it_decides() {
        let circuit = failing();
        assert_eq!(circuit.note(false, NOW.plus(1)), None, "it was under way");
        let mut now = NOW.plus(PAUSE_FIRST);
        for pause in [4_000, 8_000, PAUSE_MAX, PAUSE_MAX] {
            assert_eq!([circuit.gate(now), circuit.gate(now)], [Gate::Probe, Gate::Closed(PROBE_WAIT)]);
            assert_eq!(circuit.note(false, now), Some(pause));
            assert_eq!(circuit.gate(now.plus(pause - 1)), Gate::Closed(1));
            now = now.plus(pause);
        }
        assert_eq!(circuit.gate(now), Gate::Probe);
        circuit.note(true, now);
        assert_eq!(circuit.gate(now), Gate::Open);
    }

    #[test]
    fn a_probe_that_asked_nobody_is_given_back_and_one_that_was_heard_of_is_not() {
        let circuit = failing();
        let now = NOW.plus(PAUSE_FIRST);
        assert_eq!(circuit.gate(now), Gate::Probe);
        circuit.give_probe_back(now.minus(1));
        assert_eq!(circuit.gate(now), Gate::Closed(PROBE_WAIT), "another's");
        circuit.give_probe_back(now);
        assert_eq!(circuit.gate(now.plus(1)), Gate::Probe);
        let pause = circuit.note(false, now.plus(1)).unwrap();
        circuit.give_probe_back(now.plus(1));
        assert_eq!(circuit.gate(now.plus(1)), Gate::Closed(pause), "it was asked, and failed");
    }

    #[test]
    fn processes_that_saw_the_same_outage_probe_at_different_times() {
        let pauses: Vec<_> = [0, u32::MAX / 2, u32::MAX]
            .map(|jitter| {
                let circuit = Circuit::new(jitter);
                let pause = (0..FAILURES_MAX).filter_map(|_| circuit.note(false, NOW)).sum();
                assert_eq!(circuit.gate(NOW.plus(pause - 1)), Gate::Closed(1));
                assert_eq!(circuit.gate(NOW.plus(pause)), Gate::Probe);
                pause
            })
            .into();
        assert_eq!(pauses, [PAUSE_FIRST, PAUSE_FIRST - 249, PAUSE_FIRST - PAUSE_FIRST / SPREAD_PART]);
    }

    #[test]
    fn a_probe_that_was_never_heard_of_and_a_clock_that_was_set_back_block_nobody() {
        let circuit = failing();
        let now = NOW.plus(PAUSE_FIRST);
        assert_eq!(circuit.gate(now), Gate::Probe);
        assert_eq!(circuit.gate(now.plus(PROBE_WITHIN)), Gate::Probe);
        assert_eq!(failing().gate(NOW.minus(PAUSE_MAX)), Gate::Probe);
    }
}
