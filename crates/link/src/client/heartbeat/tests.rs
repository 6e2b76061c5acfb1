use homing_wire::HeartbeatInterval;

use super::*;

const START: UnixMillis = UnixMillis(1_000_000);
const HERE: &str = "192.0.2.1:1000";

fn config(initial: u32, minimum: u32, maximum: u32) -> HeartbeatConfig {
    HeartbeatConfig { interval: Some(HeartbeatInterval { initial, minimum, maximum }), idle_factor_percent: 150 }
}

fn heartbeat(transport: Transport, learned: Learned) -> Heartbeat {
    Heartbeat::new(START, transport, Some(&config(20_000, 10_000, 60_000)), Power::Battery, learned)
}

fn fresh(transport: Transport) -> Heartbeat {
    heartbeat(transport, Learned::default())
}

/// Waits for what is due, and does it.
fn beat(heartbeat: &mut Heartbeat) -> (UnixMillis, Beat) {
    let now = heartbeat.next_timeout();
    (now, heartbeat.timeout(now).unwrap())
}

fn pong_after(heartbeat: &mut Heartbeat, now: UnixMillis, delay: Millis) -> UnixMillis {
    let now = now.plus(delay);
    heartbeat.heard(now);
    heartbeat.ponged(now, HERE);
    now
}

/// One heartbeat over QUIC on a network that keeps silence for `life`.
fn probe(heartbeat: &mut Heartbeat, life: Millis) -> Millis {
    let (now, due) = beat(heartbeat);
    let now = pong_after(heartbeat, now, 50);
    let Beat::Ping { probe_after, .. } = due else { panic!("{due:?}") };
    if probe_after > 0 && probe_after <= life {
        heartbeat.heard(now.plus(probe_after));
        heartbeat.probed(now.plus(probe_after));
    }
    probe_after
}

#[test]
fn it_beats_at_the_interval_and_dies_unanswered() {
    let mut tcp = fresh(Transport::Tcp);
    assert_eq!(tcp.timeout(START.plus(19_999)), None);
    assert_eq!(tcp.timeout(START.plus(20_000)), Some(Beat::Ping { next: 0, probe_after: 0 }));
    assert_eq!(tcp.next_timeout(), START.plus(35_000));
    assert_eq!(tcp.timeout(START.plus(35_000)), Some(Beat::Dead));
}

#[test]
fn any_byte_after_the_ping_proves_life() {
    let mut tcp = fresh(Transport::Tcp);
    tcp.timeout(START.plus(20_000));
    tcp.heard(START.plus(20_100));
    assert_eq!(tcp.timeout(START.plus(35_000)), None);
    assert!(matches!(tcp.timeout(START.plus(40_000)), Some(Beat::Ping { .. })));
}

#[test]
fn late_answers_shorten_it_and_three_timely_ones_heal() {
    let mut tcp = heartbeat(Transport::Tcp, Learned { proven: 60_000, ..Learned::default() });
    let mut waits = Vec::new();
    for delay in [LATE_AFTER + 1, LATE_AFTER + 1, LATE_AFTER + 1, 50, 50, 50, 50] {
        let (now, _) = beat(&mut tcp);
        pong_after(&mut tcp, now, delay);
        waits.push(tcp.next_timeout().since(now));
    }
    assert_eq!(waits[0], 51_000, "one may happen");
    assert_eq!(waits[1], 25_500 + LATE_AFTER + 1, "halved, from the answer on");
    assert_eq!(waits[2..6], [10_000 + LATE_AFTER + 1, 10_000, 10_000, 10_000]);
    assert_eq!((waits[6], tcp.interval()), (51_000, 51_000), "healed");
}

#[test]
fn a_lost_answer_is_a_late_one() {
    let mut tcp = heartbeat(Transport::Tcp, Learned { proven: 60_000, ..Learned::default() });
    for _ in 0..4 {
        let (now, _) = beat(&mut tcp);
        tcp.heard(now.plus(1));
    }
    assert_eq!(tcp.interval(), 10_000);
}

#[test]
fn while_answers_are_late_nothing_is_tried() {
    let mut quic = fresh(Transport::Quic);
    let (now, first) = beat(&mut quic);
    assert_eq!(first, Beat::Ping { next: 23_000, probe_after: 20_000 });
    pong_after(&mut quic, now, LATE_AFTER + 1);
    assert!(matches!(beat(&mut quic).1, Beat::Ping { probe_after: 0, .. }));
}

#[test]
fn a_new_setting_is_announced_at_once() {
    let mut tcp = Heartbeat::new(START, Transport::Tcp, None, Power::Battery, Learned::default());
    assert_eq!(tcp.interval(), 270_000);
    tcp.configure(START, &config(30_000, 10_000, 60_000));
    assert_eq!(tcp.new_interval(), Some(30_000));
    assert_eq!(tcp.new_interval(), None);
    assert_eq!(tcp.timeout(START), Some(Beat::Ping { next: 30_000, probe_after: 0 }));
    tcp.configure(START, &config(5, 10, 1));
    assert_eq!((tcp.interval(), tcp.new_interval()), (30_000, None), "nonsense is ignored");
}

#[test]
fn new_bounds_keep_what_was_learned_and_cut_short_what_is_under_way() {
    let mut quic = heartbeat(Transport::Quic, Learned { proven: 40_000, ..Learned::default() });
    let (now, _) = beat(&mut quic);
    let now = pong_after(&mut quic, now, 50);
    assert_eq!(quic.next_timeout(), now.plus(43_000), "waits for its probe");
    quic.configure(now, &config(12_000, 10_000, 34_000));
    assert_eq!(quic.interval(), 34_000);
    assert_eq!(quic.next_timeout(), now.plus(34_000), "no longer than allowed");
    quic.configure(now, &config(12_000, 10_000, 15_000));
    let (now, due) = beat(&mut quic);
    assert_eq!(due, Beat::Ping { next: 18_000, probe_after: 15_000 }, "never a longer silence than allowed");
    quic.probed(now.plus(15_000));
    assert_eq!(quic.interval(), 15_000);
}

#[test]
fn a_probe_in_time_proves_the_silence_and_the_device_beats_at_once() {
    let mut quic = fresh(Transport::Quic);
    let (now, due) = beat(&mut quic);
    assert_eq!(due, Beat::Ping { next: 23_000, probe_after: 20_000 });
    let since = pong_after(&mut quic, now, 50);
    quic.heard(since.plus(20_000));
    quic.probed(since.plus(20_000));
    assert_eq!(quic.interval(), 17_000, "85 per cent of it");
    assert_eq!(quic.new_lesson().unwrap().proven, 20_000);
    assert_eq!(quic.next_timeout(), since.plus(20_000));
    assert_eq!(beat(&mut quic).1, Beat::Ping { next: 33_000, probe_after: 30_000 }, "half as long again");
}

#[test]
fn a_probe_that_is_late_or_early_or_was_not_asked_for_proves_nothing() {
    for at in [23_001, 18_000] {
        let mut quic = fresh(Transport::Quic);
        let (now, _) = beat(&mut quic);
        let since = pong_after(&mut quic, now, 50);
        quic.probed(since.plus(at));
        assert_eq!(quic.learned.proven, 0, "{at}");
    }
    let mut quic = fresh(Transport::Quic);
    quic.probed(START.plus(5));
    assert_eq!(quic.learned, Learned::default());
}

#[test]
fn a_probe_that_was_held_up_does_not_count_for_the_next_one_nor_spoil_it() {
    let mut quic = fresh(Transport::Quic);
    probe(&mut quic, 0);
    let (now, _) = beat(&mut quic);
    quic.heard(now.plus(50));
    quic.probed(now.plus(50));
    let since = pong_after(&mut quic, now, 50);
    assert_eq!(quic.next_timeout(), since.plus(23_000), "the second is waited for");
    quic.probed(since.plus(20_000));
    assert_eq!(quic.learned.proven, 20_000);
}

#[test]
fn what_is_said_in_between_spoils_the_probe_and_the_wait_is_as_usual() {
    for (heard, said) in [(true, 5_000), (false, 5_000)] {
        let mut quic = fresh(Transport::Quic);
        let (now, _) = beat(&mut quic);
        let since = pong_after(&mut quic, now, 50);
        if heard {
            quic.disturb(since.plus(said));
        } else {
            quic.sent(since.plus(said));
        }
        assert_eq!(quic.next_timeout(), since.plus(23_000).min(since.plus(said + 20_000)));
        quic.probed(since.plus(20_000));
        assert_eq!(quic.learned.proven, 0);
        let (now, _) = beat(&mut quic);
        pong_after(&mut quic, now, 50);
        assert_eq!(quic.probing.ask(&mut quic.learned.clone(), &quic.bounds, now), Some(20_000), "no strike");
    }
}

#[test]
fn two_missing_probes_are_a_failure_if_the_path_is_well_and_one_is_none() {
    let mut quic = fresh(Transport::Quic);
    assert_eq!([probe(&mut quic, 0), probe(&mut quic, 0)], [20_000, 20_000]);
    assert_eq!(quic.learned.failed, None, "the second has not been answered for yet");
    let (now, _) = beat(&mut quic);
    pong_after(&mut quic, now, 50);
    assert_eq!(quic.learned.failed.map(|failed| failed.silence), Some(20_000));
    assert_eq!(quic.interval(), 10_000);
    let mut quic = fresh(Transport::Quic);
    assert_eq!([probe(&mut quic, 0), probe(&mut quic, 30_000), probe(&mut quic, 0)], [20_000, 20_000, 30_000]);
    beat(&mut quic);
    assert_eq!(quic.learned.failed, None);
}

#[test]
fn a_missing_probe_says_nothing_when_the_whole_path_is_ill_or_the_device_slept() {
    let mut ill = fresh(Transport::Quic);
    for round in 0..6 {
        // The heartbeats after both probes are answered late, and then it takes three to heal.
        let asked = [50, LATE_AFTER + 1, LATE_AFTER + 1, 50, 50, 50].map(|delay| {
            let (now, due) = beat(&mut ill);
            pong_after(&mut ill, now, delay);
            matches!(due, Beat::Ping { probe_after: 1.., .. })
        });
        assert_eq!(asked, [true, true, false, false, false, false], "round {round}");
    }
    assert_eq!(ill.learned.failed, None);
    let mut asleep = fresh(Transport::Quic);
    for _ in 0..6 {
        let now = asleep.next_timeout().plus(60_000);
        assert!(matches!(asleep.timeout(now), Some(Beat::Ping { probe_after: 20_000, .. })));
        pong_after(&mut asleep, now, 50);
    }
    assert_eq!(asleep.learned.failed, None);
}

#[test]
fn what_is_remembered_is_verified_with_the_first_heartbeat_and_then_every_hour() {
    let remembered = Learned { proven: 60_000, ..Learned::default() };
    let mut quic = heartbeat(Transport::Quic, remembered);
    assert_eq!(quic.interval(), 51_000);
    assert_eq!(probe(&mut quic, 60_000), 60_000);
    let verified_at = quic.next_timeout();
    let mut quiet = 0;
    while probe(&mut quic, 60_000) == 0 {
        quiet += 1;
        assert!(quiet < 1_000, "it never verifies");
    }
    assert_eq!(quiet, 3_600_000_u64.div_ceil(51_000), "every hour");
    assert!(quic.next_timeout().since(verified_at) >= 3_600_000);
}

#[test]
fn another_address_is_a_reason_to_verify() {
    let mut quic = heartbeat(Transport::Quic, Learned { proven: 60_000, ..Learned::default() });
    assert_eq!([probe(&mut quic, 60_000), probe(&mut quic, 60_000)], [60_000, 0]);
    let (now, _) = beat(&mut quic);
    quic.heard(now);
    quic.ponged(now, "");
    assert_eq!(probe(&mut quic, 60_000), 0, "unchanged");
    let (now, _) = beat(&mut quic);
    quic.heard(now);
    quic.ponged(now, "192.0.2.1:1001");
    assert_eq!(probe(&mut quic, 0), 60_000);
    assert_eq!(quic.interval(), 51_000, "not before it failed");
}

#[test]
fn over_tcp_heartbeats_prove_and_the_next_may_come_a_sixteenth_later() {
    let mut tcp = fresh(Transport::Tcp);
    let mut waits = Vec::new();
    for _ in 0..4 {
        let (now, due) = beat(&mut tcp);
        assert!(matches!(due, Beat::Ping { probe_after: 0, .. }));
        // Nothing is said between this answer and the next heartbeat.
        tcp.quiet_since = now;
        tcp.heard = true;
        tcp.ponged(now, HERE);
        waits.push(tcp.next_timeout().since(now));
    }
    assert_eq!(waits, [17_000, 21_250, 21_250, 22_578], "what stretches is announced, so a beat ahead");
    assert_eq!(tcp.learned.proven, 21_250);
}

#[test]
fn over_tcp_a_heartbeat_proves_no_more_than_the_silence_before_it() {
    let mut tcp = fresh(Transport::Tcp);
    tcp.sent(START.plus(12_000));
    let (now, _) = beat(&mut tcp);
    pong_after(&mut tcp, now, 10);
    assert_eq!(tcp.learned.proven, 8_000);
    let mut tcp = fresh(Transport::Tcp);
    tcp.heard(START.plus(15_000));
    let (now, _) = beat(&mut tcp);
    pong_after(&mut tcp, now, 10);
    assert_eq!(tcp.learned.proven, 5_000);
}

#[test]
fn only_a_link_over_tcp_that_dies_at_a_heartbeat_is_suspicious() {
    let mut tcp = fresh(Transport::Tcp);
    assert_eq!(tcp.suspect(), None, "in the middle of a silence");
    let (now, _) = beat(&mut tcp);
    assert_eq!(tcp.suspect(), Some(20_000));
    pong_after(&mut tcp, now, 10);
    assert_eq!(tcp.suspect(), None);
    let mut quic = fresh(Transport::Quic);
    beat(&mut quic);
    assert_eq!(quic.suspect(), None);
}

#[test]
fn on_another_network_it_goes_on_with_what_is_known_of_that_one() {
    let mut quic = heartbeat(Transport::Quic, Learned { proven: 60_000, ..Learned::default() });
    quic.network_changed(START.plus(7), Learned { proven: 30_000, ..Learned::default() });
    assert_eq!((quic.interval(), quic.next_timeout()), (25_500, START.plus(7)), "a Ping shows the new address");
    assert_eq!(beat(&mut quic).1, Beat::Ping { next: 33_000, probe_after: 30_000 });
}

#[test]
fn on_mains_it_beats_every_minute_or_two() {
    for (transport, expected) in [(Transport::Quic, 70_589), (Transport::Tcp, 120_000)] {
        let learned = Learned { proven: 600_000, ..Learned::default() };
        assert_eq!(Heartbeat::new(START, transport, None, Power::Mains, learned).interval(), expected);
        let unknown = Heartbeat::new(START, transport, None, Power::Mains, Learned::default());
        assert_eq!(unknown.interval(), expected.min(if transport == Transport::Quic { 55_000 } else { 120_000 }));
    }
    let mut quic = Heartbeat::new(START, Transport::Quic, None, Power::Mains, Learned::default());
    let tried: Vec<_> = (0..4).map(|_| probe(&mut quic, 240_000)).collect();
    assert_eq!(tried, [55_000, 70_589, 0, 0], "it looks for nothing longer");
}
