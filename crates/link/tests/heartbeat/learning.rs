//! What is learned, how soon, and what it costs.

use homing_domain::{HeartbeatSettings, Interval, Millis};
use homing_link::Transport;
use homing_link::client::PROBES_A_DAY_MAX;

use crate::network::Network;
use crate::world::World;

const SECOND: Millis = 1_000;
const MINUTE: Millis = 60 * SECOND;
const HOUR: Millis = 60 * MINUTE;
const DAY: Millis = 24 * HOUR;
/// What a probe is waited for beyond its time.
const PROBE_WITHIN: Millis = 3 * SECOND;
const SEEDS: std::ops::Range<u64> = 1..6;

/// The kinds of network that RFC 4787 allows, and a bad one.
fn kinds(udp_life: Millis, tcp_life: Millis) -> [(&'static str, Network); 4] {
    let plain = Network::new(1, udp_life, tcp_life);
    [
        ("plain", plain),
        ("outbound refresh only", Network { inbound_refreshes: false, ..plain }),
        ("the same port again", Network { keeps_port: true, ..plain }),
        ("lossy", Network { loss_per_mille: 30, jitter: 900, ..plain }),
    ]
}

/// The longest that the settings let a device be silent, and what it may use of it.
fn best(life: Millis, bounds: Interval) -> Millis {
    life.min(bounds.maximum) * 80 / 100
}

#[test]
fn over_quic_it_finds_every_life_within_32_heartbeats_and_loses_no_link() {
    let bounds = HeartbeatSettings::default().quic;
    for life in [30, 45, 60, 90, 120, 180, 300].map(|seconds| seconds * SECOND) {
        for (kind, network) in kinds(life, HOUR) {
            for seed in SEEDS {
                let mut world = World::new(seed, network, Transport::Quic);
                let end = world.now.plus(2 * HOUR);
                world.run_until(end, |world| world.tally.pings == 32);
                let learned = world.interval().unwrap();
                let place = format!("{life} ms, {kind}, seed {seed}: {learned} ms");
                assert!(learned <= life && learned >= best(life, bounds).max(bounds.minimum), "{place}");
                let learning = world.take_tally();
                // It grows by half at the most, and begins at 55 s.
                let longest = (life / 2).max(bounds.initial.saturating_sub(life)) + PROBE_WITHIN + 4 * SECOND;
                assert!(learning.outages.longest <= longest, "{place}: {learning:?}");
                assert!(learning.outages.total <= 3 * MINUTE, "{place}: {learning:?}");
                world.run_for(DAY);
                assert_eq!(learning.lost + world.tally.lost, 0, "{place}");
                assert!(world.tally.outages.total <= 2 * MINUTE, "{place}: {:?}", world.tally);
                assert!(world.tally.probes_asked <= PROBES_A_DAY_MAX, "{place}: {:?}", world.tally);
                let most = DAY / best(life, bounds).max(bounds.minimum) + 10;
                assert!(world.tally.pings <= most, "{place}: {:?}, at most {most}", world.tally);
            }
        }
    }
}

#[test]
fn over_tcp_it_grows_without_a_loss_and_a_short_life_costs_six_links_in_a_month() {
    let bounds = HeartbeatSettings::default().tcp;
    for (minutes, links_in_a_month) in [(5, 6), (15, 0), (60, 0)] {
        for (kind, network) in kinds(MINUTE, minutes * MINUTE) {
            for seed in SEEDS {
                let mut world = World::new(seed, network, Transport::Tcp);
                let end = world.now.plus(6 * HOUR);
                world.run_until(end, |world| world.tally.pings == 32 && world.interval().is_some());
                let learned = world.interval().unwrap();
                let place = format!("{minutes} min, {kind}, seed {seed}: {learned} ms");
                assert!(learned <= minutes * MINUTE && learned >= best(minutes * MINUTE, bounds), "{place}");
                world.run_for(31 * DAY);
                assert!(world.tally.lost <= links_in_a_month, "{place}: {:?}", world.tally);
                assert!(world.tally.outages.longest <= minutes * MINUTE / 16, "{place}: {:?}", world.tally);
            }
        }
    }
}

#[test]
fn a_life_below_the_first_interval_over_tcp_costs_two_links() {
    let mut world = World::new(1, Network::new(1, MINUTE, 200 * SECOND), Transport::Tcp);
    world.run_for(DAY);
    assert!((160 * SECOND..=200 * SECOND).contains(&world.interval().unwrap()), "{:?}", world.interval());
    assert_eq!(world.tally.lost, 2);
}

#[test]
fn messages_come_at_once_but_for_the_minutes_in_which_it_learns() {
    for life in [30, 60, 120, 180].map(|seconds| seconds * SECOND) {
        let mut world = World::new(9, Network::new(1, life, HOUR), Transport::Quic);
        world.push_every(5 * MINUTE);
        world.run_for(4 * HOUR);
        let learning = world.take_tally().delays;
        assert!(learning.iter().all(|delay| *delay <= (life / 2).max(30 * SECOND)), "{life}: {learning:?}");
        world.run_for(4 * DAY);
        let mut delays = world.take_tally().delays;
        delays.sort_unstable();
        assert!(delays.len() > 500, "{}", delays.len());
        let punctual = delays.iter().filter(|delay| **delay <= SECOND).count();
        assert!(punctual * 1_000 >= delays.len() * 995, "{life}: {punctual} of {}", delays.len());
        assert!(delays.last().unwrap() <= &(life / 16 + PROBE_WITHIN + SECOND), "{life}: {:?}", delays.last());
    }
}

#[test]
fn a_network_that_grows_shorter_by_moving_is_noticed_by_the_new_address() {
    for seed in SEEDS {
        let mut world = World::new(seed, Network::new(1, 180 * SECOND, HOUR), Transport::Quic);
        world.run_for(2 * HOUR);
        assert_eq!(world.interval(), Some(151_206));
        world.move_to(Network::new(1, 60 * SECOND, HOUR), false);
        world.take_tally();
        let end = world.now.plus(HOUR);
        world.run_until(end, |world| world.interval().is_some_and(|interval| interval <= 60 * SECOND));
        // One heartbeat shows the address, two probes must fail, and the answer to the next heartbeat counts them.
        assert!(world.tally.pings <= 4, "{:?}", world.tally);
        world.run_for(HOUR);
        assert!((48 * SECOND..=60 * SECOND).contains(&world.interval().unwrap()));
        assert_eq!(world.tally.lost, 0);
    }
}

#[test]
fn a_network_that_grows_shorter_unseen_is_noticed_within_an_hour() {
    let long = Network { keeps_port: true, ..Network::new(1, 180 * SECOND, HOUR) };
    let mut world = World::new(3, long, Transport::Quic);
    world.run_for(2 * HOUR);
    world.network.udp_life = 60 * SECOND;
    let end = world.now.plus(HOUR + 12 * MINUTE);
    world.run_until(end, |world| world.interval().is_some_and(|interval| interval <= 60 * SECOND));
    assert!(world.now < end);
}

#[test]
fn a_network_that_grows_longer_is_noticed_within_a_day() {
    for transport in [Transport::Quic, Transport::Tcp] {
        let mut world = World::new(3, Network::new(1, 60 * SECOND, 5 * MINUTE), transport);
        world.run_for(2 * HOUR);
        (world.network.udp_life, world.network.tcp_life) = (HOUR, HOUR);
        world.run_for(DAY + 6 * HOUR);
        let bounds = HeartbeatSettings::default();
        let bounds = if transport == Transport::Quic { bounds.quic } else { bounds.tcp };
        assert!(world.interval().unwrap() >= best(HOUR, bounds), "{transport}: {:?}", world.interval());
    }
}

#[test]
fn back_on_a_network_it_knows_what_it_knew() {
    let (home, train) = (Network::new(1, 180 * SECOND, HOUR), Network::new(2, 40 * SECOND, HOUR));
    let mut world = World::new(5, home, Transport::Quic);
    world.run_for(2 * HOUR);
    for network in [train, home, train, home] {
        world.move_to(network, true);
        world.run_for(HOUR);
    }
    world.move_to(train, true);
    assert!((32 * SECOND..=40 * SECOND).contains(&world.interval().unwrap()), "at once: {:?}", world.interval());
    world.switch_to(Transport::Quic);
    world.take_tally();
    world.run_for(HOUR);
    assert!((32 * SECOND..=40 * SECOND).contains(&world.interval().unwrap()), "on a new link, too");
    assert!(world.tally.outages.total <= 5 * SECOND, "{:?}", world.tally);
}

#[test]
fn a_device_that_never_names_its_networks_learns_anew_after_each_move_and_loses_nothing() {
    let (home, train) = (Network::new(0, 180 * SECOND, HOUR), Network::new(0, 40 * SECOND, HOUR));
    let mut world = World::new(5, home, Transport::Quic);
    world.run_for(2 * HOUR);
    for network in [train, home, train] {
        world.move_to(network, false);
        world.run_for(2 * HOUR);
        assert!(world.interval().unwrap() <= network.udp_life, "{:?}", world.interval());
    }
    assert_eq!(world.tally.lost, 0);
}

#[test]
fn tunnels_take_nothing_of_what_is_known() {
    for (transport, tunnel) in [
        (Transport::Quic, (7 * MINUTE, 20 * SECOND)),
        (Transport::Quic, (11 * MINUTE, 3 * MINUTE)),
        (Transport::Tcp, (23 * MINUTE, 4 * MINUTE)),
    ] {
        for seed in SEEDS {
            let network = Network { tunnel: Some(tunnel), ..Network::new(1, HOUR, HOUR) };
            let mut world = World::new(seed, network, transport);
            world.run_for(DAY);
            let known = world.memory.networks().learned(1, transport);
            let place = format!("{transport}, {tunnel:?}, seed {seed}: {known:?}");
            match transport {
                Transport::Quic => assert_eq!(known.failed, None, "{place}"),
                // A link may die in a tunnel and be back at the first try behind it. That ends the growth for a day.
                Transport::Tcp => assert!(known.proven >= 270 * SECOND, "{place}"),
            }
        }
    }
}

#[test]
fn a_network_that_changes_all_the_time_gets_no_more_probes_than_a_day_holds() {
    let mut world = World::new(5, Network::new(1, 180 * SECOND, HOUR), Transport::Quic);
    for day in 0..3 {
        world.take_tally();
        for change in 0..72 {
            let life = if change % 2 == 0 { 40 } else { 180 };
            world.move_to(Network::new(1, life * SECOND, HOUR), false);
            world.run_for(20 * MINUTE);
        }
        assert!(world.tally.probes_asked <= PROBES_A_DAY_MAX, "day {day}: {:?}", world.tally);
        assert!(world.tally.probes_asked >= PROBES_A_DAY_MAX / 2, "it does look: {:?}", world.tally);
        assert_eq!(world.tally.lost, 0);
    }
}

#[test]
fn new_settings_hold_at_once_and_nothing_longer_is_tried() {
    let mut world = World::new(5, Network::new(1, 180 * SECOND, HOUR), Transport::Quic);
    world.run_for(2 * HOUR);
    let mut settings = HeartbeatSettings {
        quic: Interval { initial: 30 * SECOND, minimum: 20 * SECOND, maximum: 100 * SECOND },
        ..HeartbeatSettings::default()
    };
    world.configure(settings);
    world.take_tally();
    world.run_for(MINUTE);
    assert_eq!((world.interval(), world.tally.pings), (Some(100 * SECOND), 1), "what was learned is longer");
    world.run_for(DAY);
    assert!(world.tally.pings >= DAY / (100 * SECOND + PROBE_WITHIN), "{:?}", world.tally);
    settings.quic.maximum = 240 * SECOND;
    world.configure(settings);
    world.run_for(MINUTE);
    assert_eq!(world.interval(), Some(151_206), "nothing was forgotten");
}

#[test]
fn the_gateway_sends_no_probe_that_is_of_no_use() {
    let mut world = World::new(5, Network::new(1, HOUR, HOUR), Transport::Quic);
    world.push_every(40 * SECOND);
    world.run_for(DAY);
    let unused = world.tally.probes_asked - world.probes_sent();
    assert!(unused > 10, "asked {}, sent {}", world.tally.probes_asked, world.probes_sent());
    assert_eq!(world.tally.outages.total, 0);
}
