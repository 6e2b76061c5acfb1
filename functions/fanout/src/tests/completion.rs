//! A message that is over when its last page is done is completed here, and told of where somebody asked.

use std::sync::Arc;

use homing_domain::{Audience, BusEvent, Channel, Counter, Stage};

use super::driver::run;
use super::world::{NOW, When, World, device};
use super::{MESSAGE, app, user, world};

/// A list of two devices which end before the page that names them is done.
fn ended_meanwhile(asks: bool) -> Arc<World> {
    let devices = (0..2).map(|n| device(&app(), n, None, NOW).id).collect();
    let world = world(Audience::Devices(devices), 0);
    world.with(|state| {
        state.asks = asks;
        state.tally.add(Counter::Ended(Channel::Own, Stage::Delivered), 2);
    });
    world
}

fn is_told(world: &World, delivered: i64) {
    world.with(|state| {
        assert_eq!(state.messages[&MESSAGE].stage, Stage::Completed);
        assert!(!state.events.is_empty());
        for event in &state.events {
            let BusEvent::MessageCompleted { message, balance, .. } = event else { panic!("{event:?}") };
            assert_eq!((*message, balance.delivered, balance.pending), (MESSAGE, delivered, 0));
        }
    });
}

#[test]
fn who_asked_is_told_whatever_fails() {
    let quiet = ended_meanwhile(true);
    run(&quiet, |_| {});
    is_told(&quiet, 2);
    for at in 1..=quiet.with(|state| state.calls) {
        for when in [When::Before, When::After] {
            let world = ended_meanwhile(true);
            world.with(|state| state.fail_at = Some((at, when)));
            run(&world, |_| {});
            is_told(&world, 2);
        }
    }
}

#[test]
fn a_message_for_nobody_is_complete() {
    for asks in [false, true] {
        let world = world(Audience::Users(vec![user(9)]), 0);
        world.with(|state| state.asks = asks);
        run(&world, |_| {});
        world.with(|state| {
            assert_eq!(state.messages[&MESSAGE].stage, Stage::Completed);
            assert_eq!(!state.events.is_empty(), asks);
        });
    }
}

#[test]
fn an_app_that_does_not_ask_costs_no_reading() {
    let world = ended_meanwhile(false);
    run(&world, |_| {});
    world.with(|state| {
        assert_eq!(state.messages[&MESSAGE].stage, Stage::Released, "left to the sweeper");
        assert_eq!((state.tally_reads, state.events.len()), (0, 0));
    });
}

#[test]
fn what_is_pending_is_not_complete() {
    let world = ended_meanwhile(true);
    world.with(|state| state.tally.add(Counter::Ended(Channel::Own, Stage::Delivered), -1));
    run(&world, |_| {});
    world.with(|state| {
        assert_eq!(state.messages[&MESSAGE].stage, Stage::Released);
        assert!(state.events.is_empty() && state.tally_reads > 0);
    });
}
