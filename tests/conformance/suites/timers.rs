//! Timers: a tick comes at about its time, perhaps early, perhaps twice.

use homing_contract::queue;
use homing_domain::{DueTick, Millis, UnixMillis};
use homing_ports::{QueueName, Timers};

use crate::adapter::{Adapter, Ports};
use crate::values::message_id;

const QUEUE: QueueName = QueueName::Due;
/// A tick may be so early: a scheduler that is precise to the minute is asked for the minute before.
const EARLY_MAX: Millis = 120_000;
/// And so late.
const LATE_MAX: Millis = 120_000;
/// Time on the wall until a scheduler has seen that its clock moved.
const PATIENCE: Millis = 20_000;
const MINUTE: Millis = 60_000;
const DAY: Millis = 24 * 60 * MINUTE;

fn tick(n: u32, at: UnixMillis) -> DueTick {
    DueTick { message: message_id(n), at }
}

/// Takes the ticks that have come, waiting for the first.
async fn take(ports: &impl Ports, wait: Millis) -> Vec<DueTick> {
    let mut ticks = Vec::new();
    let mut wait = wait;
    while let items = ports.receive(QUEUE, 9, wait).await.unwrap()
        && !items.is_empty()
    {
        wait = 0;
        for item in items {
            ticks.push(queue::decode(&item.body).unwrap());
            ports.delete(QUEUE, vec![item.handle]).await.unwrap();
        }
    }
    ticks
}

/// One timer from now until its tick.
async fn comes_after<A: Adapter>(world: &A, span: Millis) {
    let ports = world.ports();
    let tick = tick(1, world.now().plus(span));
    ports.set_timer(tick).await.unwrap();
    world.advance(span - EARLY_MAX).await;
    assert!(take(ports, 0).await.is_empty(), "it is far too early");
    world.advance(EARLY_MAX + LATE_MAX).await;
    let taken = take(ports, PATIENCE).await;
    assert!(!taken.is_empty(), "it never came");
    assert!(taken.iter().all(|taken| *taken == tick), "{taken:?}");
}

pub(crate) async fn a_near_one_ticks<A: Adapter>(world: &A) {
    comes_after(world, 10 * MINUTE).await;
}

pub(crate) async fn a_far_one_ticks<A: Adapter>(world: &A) {
    comes_after(world, 3 * DAY).await;
}

pub(crate) async fn a_time_that_is_over_ticks_at_once<A: Adapter>(world: &A) {
    let past = tick(1, world.now().minus(DAY));
    world.ports().set_timer(past).await.unwrap();
    assert_eq!(take(world.ports(), PATIENCE).await.first(), Some(&past));
}

pub(crate) async fn setting_it_twice_is_harmless<A: Adapter>(world: &A) {
    let ports = world.ports();
    let at = world.now().plus(DAY);
    for n in [1, 2, 1] {
        ports.set_timer(tick(n, at)).await.unwrap();
    }
    world.advance(DAY + LATE_MAX).await;
    let mut taken = take(ports, PATIENCE).await;
    while !(1..=2).all(|n| taken.contains(&tick(n, at))) {
        let more = take(ports, PATIENCE).await;
        assert!(!more.is_empty(), "only {taken:?} came");
        taken.extend(more);
    }
}
