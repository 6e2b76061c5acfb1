use super::*;

const QUIC: Interval = Interval { initial: 55_000, minimum: 25_000, maximum: 240_000 };
const TCP: Interval = Interval { initial: 270_000, minimum: 120_000, maximum: 590_000 };
const NOW: UnixMillis = UnixMillis(1_000_000);
const DAY: Millis = 24 * 3_600_000;

/// Tries over QUIC until nothing is worth a try.
fn search(learned: &mut Learned, life: Millis) -> Vec<Millis> {
    let mut tried = Vec::new();
    while let Some(silence) = learned.next_try(Transport::Quic, &QUIC, NOW) {
        tried.push(silence);
        if silence <= life {
            learned.prove(silence);
        } else {
            learned.fail(silence, NOW);
        }
        assert!(tried.len() < 20, "no end: {tried:?}");
    }
    tried
}

#[test]
fn the_search_ends_near_every_life_and_never_above_it() {
    for life in (25..=300).map(|seconds| seconds * 1_000) {
        let mut learned = Learned::default();
        let tried = search(&mut learned, life);
        let used = learned.interval(&QUIC);
        let best = life.min(QUIC.maximum);
        assert!(used <= life && (used * 100 >= best * 80 || used == QUIC.minimum), "{life}: {used} after {tried:?}");
        assert!(tried.len() <= 9, "{life}: {tried:?}");
        assert!(tried.iter().all(|silence| *silence <= QUIC.maximum));
    }
}

#[test]
fn it_grows_by_half_and_then_halves_what_is_open() {
    assert_eq!(search(&mut Learned::default(), 100_000), [55_000, 82_500, 123_750, 103_125, 92_812, 97_968]);
}

#[test]
fn over_tcp_it_goes_up_in_small_steps_and_stops_at_the_first_failure() {
    let mut learned = Learned { proven: 280_000, ..Learned::default() };
    assert_eq!(learned.next_try(Transport::Tcp, &TCP, NOW), Some(297_500));
    learned.prove(297_500);
    let failed = learned.next_try(Transport::Tcp, &TCP, NOW).unwrap();
    learned.fail(failed, NOW);
    assert_eq!((learned.next_try(Transport::Tcp, &TCP, NOW), learned.proven), (None, 297_500));
    let mut far = Learned { proven: 120_000, failed: Some(Failed { silence: 270_000, at: NOW, times: 1 }), ..learned };
    let mut steps = 0;
    while let Some(silence) = far.next_try(Transport::Tcp, &TCP, NOW) {
        assert!(silence < 270_000, "what failed is left alone");
        assert!(silence - far.proven <= far.proven / 16);
        far.prove(silence);
        steps += 1;
    }
    assert_eq!(steps, 13);
}

#[test]
fn nothing_is_proven_by_the_settings() {
    let fresh = Learned::default();
    assert_eq!((fresh.interval(&QUIC), fresh.next_try(Transport::Quic, &QUIC, NOW)), (55_000, Some(55_000)));
    assert_eq!((fresh.interval(&TCP), fresh.next_try(Transport::Tcp, &TCP, NOW)), (270_000, None));
}

#[test]
fn a_failure_below_what_was_proven_takes_the_proof_away() {
    let mut learned = Learned { proven: 170_000, ..Learned::default() };
    learned.fail(170_000, NOW);
    assert_eq!((learned.proven, learned.interval(&QUIC)), (0, QUIC.minimum));
    search(&mut learned, 60_000);
    assert!((48_000..=60_000).contains(&learned.interval(&QUIC)));
}

#[test]
fn a_proof_above_what_failed_takes_the_failure_away() {
    let mut learned = Learned::default();
    learned.fail(100_000, NOW);
    assert!(learned.prove(100_000));
    assert_eq!(learned.failed, None);
    assert!(!learned.prove(90_000));
}

#[test]
fn what_failed_is_tried_again_after_a_day_and_ever_more_seldom() {
    let mut learned = Learned { proven: 100_000, ..Learned::default() };
    let mut now = NOW;
    for days in [1, 2, 4, 8, 16, 16] {
        // A little less each time, as it is measured over TCP.
        learned.fail(105_000 - days, now);
        let due = now.plus(days * DAY);
        assert_eq!(learned.next_try(Transport::Quic, &QUIC, UnixMillis(due.0 - 1)), None, "{days}");
        assert_eq!(learned.next_try(Transport::Quic, &QUIC, due), Some(105_000 - days));
        now = due;
    }
    learned.prove(105_000);
    assert_eq!(learned.next_try(Transport::Quic, &QUIC, now), Some(157_500));
}

#[test]
fn a_network_that_failed_at_the_least_is_tried_again_too() {
    let mut learned = Learned::default();
    learned.fail(25_000, NOW);
    assert_eq!(learned.next_try(Transport::Quic, &QUIC, NOW), None);
    assert_eq!(learned.next_try(Transport::Quic, &QUIC, NOW.plus(DAY)), Some(26_000));
}

#[test]
fn a_day_holds_so_many_probes_and_a_clock_that_was_set_back_does_not_stop_them_for_ever() {
    let mut learned = Learned::default();
    let most = (0..24 * 60).filter(|minute| learned.pay(NOW.plus(minute * 60_000))).count();
    assert_eq!(u64::try_from(most).unwrap(), PROBES_A_DAY_MAX - 1, "the last one of the day is not due yet");
    let mut learned = Learned { paid_until: UnixMillis(u64::MAX / 2), ..Learned::default() };
    assert!(!learned.pay(NOW));
    learned.paid_until = NOW.plus(PROBES_AT_ONCE * PROBE_EVERY);
    assert!(!learned.pay(NOW) && learned.pay(NOW.plus(PROBE_EVERY)));
}
