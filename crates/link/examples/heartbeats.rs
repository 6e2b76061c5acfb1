//! How often heartbeats wake a phone's radio, learned against a fixed interval of 120 s, on simulated networks.
//!
//! `cargo run -p homing-link --release --example heartbeats` prints the tables of `docs/heartbeat.md`.

#![expect(clippy::print_stdout, reason = "it prints tables")]
#![expect(dead_code, reason = "the tests need more of the simulated world than this")]

#[path = "../tests/heartbeat/gateway.rs"]
mod gateway;
#[path = "../tests/heartbeat/network.rs"]
mod network;
#[path = "../tests/heartbeat/world.rs"]
mod world;

use homing_domain::Millis;
use homing_link::Transport;

use network::Network;
use world::{Tally, World};

const SECOND: Millis = 1_000;
const MINUTE: Millis = 60 * SECOND;
const HOUR: Millis = 60 * MINUTE;
const DAY: Millis = 24 * HOUR;
/// What it is compared with.
const FIXED: Millis = 120 * SECOND;
const SEED: u64 = 7;

fn main() {
    println!(
        "| binding lives | learned | wake-ups a day | fixed 120 s | saved | unreachable a day | fixed 120 s | links lost |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for seconds in [30, 60, 120, 180, 300] {
        row(Transport::Quic, seconds * SECOND);
    }
    for minutes in [5, 15, 60] {
        row(Transport::Tcp, minutes * MINUTE);
    }
    println!();
    println!(
        "| a day: Wi-Fi 10 h, cellular 14 h | the first | later ones | fixed 120 s | unreachable, later ones | fixed 120 s |"
    );
    println!("|---|---|---|---|---|---|");
    for (name, cellular) in [("QUIC on both", Transport::Quic), ("QUIC on Wi-Fi, TCP on cellular", Transport::Tcp)] {
        day(name, cellular);
    }
}

/// One network: the second day, when it is learned.
fn row(transport: Transport, life: Millis) {
    let mut world = World::new(SEED, Network::new(1, life, life), transport);
    world.run_for(DAY);
    world.take_tally();
    world.run_for(DAY);
    let interval = world.interval().map_or_else(String::new, seconds);
    let Tally { pings, outages, lost, .. } = world.take_tally();
    let fixed = DAY / FIXED;
    let unreachable = fixed * FIXED.saturating_sub(life);
    println!(
        "| {transport} {} | {interval} | {pings} | {fixed} | {} | {} | {} | {lost} |",
        seconds(life),
        saved(pings, fixed),
        seconds(outages.total),
        seconds(unreachable),
    );
}

/// A home router that keeps UDP for 180 s, and a provider's NAT that keeps UDP for 60 s and TCP for 30 minutes.
fn day(name: &str, cellular: Transport) {
    let wifi = Network::new(1, 180 * SECOND, HOUR);
    let mobile = Network::new(2, 60 * SECOND, 30 * MINUTE);
    let mut world = World::new(SEED, wifi, Transport::Quic);
    let mut days = Vec::new();
    for _ in 0..3 {
        world.move_to(wifi, true);
        world.switch_to(Transport::Quic);
        world.run_for(10 * HOUR);
        world.move_to(mobile, true);
        world.switch_to(cellular);
        world.run_for(14 * HOUR);
        days.push(world.take_tally());
    }
    let fixed = DAY / FIXED;
    let forgotten = if cellular == Transport::Quic { 14 * HOUR / FIXED * (FIXED - mobile.udp_life) } else { 0 };
    println!(
        "| {name} | {} | {} ({}) | {fixed} | {} | {} |",
        days[0].pings,
        days[2].pings,
        saved(days[2].pings, fixed),
        seconds(days[2].outages.total),
        seconds(forgotten),
    );
}

fn seconds(span: Millis) -> String {
    if span >= 10 * MINUTE && span.is_multiple_of(MINUTE) {
        format!("{} min", span / MINUTE)
    } else {
        format!("{} s", span.div_ceil(SECOND))
    }
}

fn saved(pings: u64, fixed: u64) -> String {
    if pings <= fixed {
        format!("{} %", (fixed - pings) * 100 / fixed)
    } else {
        format!("-{} %", (pings - fixed) * 100 / fixed)
    }
}
