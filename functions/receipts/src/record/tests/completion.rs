//! The delivery that ends last completes its message, whatever fails, and costs little where nobody asked.

use homing_domain::{BusEvent, UnixMillis};

use super::*;
use crate::tests::world::app;

/// Both messages are released, each to devices 1 and 2; of the first, device 2 has ended before.
fn world(asks: bool) -> Arc<World> {
    let world = Arc::new(World::default());
    world.with(|state| {
        let app = app("shop", asks);
        state.apps.insert(app.id.clone(), app);
        for message in MESSAGES {
            state.messages.insert(message, released(message, UnixMillis(1_000)));
            state.tallies.insert(message, Tally::targeted(2));
        }
    });
    handle(&world, &batch(9, vec![receipt(0, 2, expired())])).unwrap();
    world.with(|state| {
        assert!(state.events.is_empty());
        assert_eq!(state.messages[&MESSAGES[0]].stage, Stage::Released);
        (state.calls, state.message_reads) = (0, 0);
    });
    world
}

/// Ends the first message, and half of the second.
fn last() -> ReceiptBatch {
    batch(1, vec![receipt(0, 1, delivered()), receipt(1, 1, delivered())])
}

fn stages(world: &World) -> [Stage; 2] {
    world.with(|state| MESSAGES.map(|message| state.messages[&message].stage))
}

/// The messages that were told of.
fn told(world: &World) -> Vec<MessageId> {
    world.with(|state| {
        let message = |event: &BusEvent| match event {
            BusEvent::MessageCompleted { message, balance, .. } => {
                assert_eq!((balance.targeted, balance.pending), (2, 0));
                *message
            }
            other => panic!("{other:?}"),
        };
        state.events.iter().map(message).collect()
    })
}

#[test]
fn the_last_delivery_completes_its_message_whatever_fails() {
    let quiet = world(true);
    handle(&quiet, &last()).unwrap();
    assert_eq!((stages(&quiet), told(&quiet)), ([Stage::Completed, Stage::Released], vec![MESSAGES[0]]));
    for at in 1..=quiet.with(|state| state.calls) {
        for when in When::ALL {
            let world = world(true);
            world.with(|state| state.fail_at = Some((at, when)));
            if handle(&world, &last()).is_err() {
                handle(&world, &last()).unwrap();
            }
            assert_eq!(stages(&world), [Stage::Completed, Stage::Released]);
            let told = told(&world);
            assert!(!told.is_empty() && told.iter().all(|message| *message == MESSAGES[0]), "{told:?}");
        }
    }
}

#[test]
fn nobody_is_told_unasked() {
    let world = world(false);
    handle(&world, &last()).unwrap();
    assert_eq!((stages(&world), told(&world)), ([Stage::Completed, Stage::Released], vec![]));
    assert_eq!(
        world.with(|state| state.message_reads),
        3,
        "the row of the one that looks complete, and both for the figures"
    );
}

#[test]
fn what_nobody_sent_is_completed_and_not_told_of() {
    let world = world(true);
    world.with(|state| {
        let clearing = state.messages.get_mut(&MESSAGES[0]).unwrap();
        clearing.recalls = Some(MESSAGES[1]);
    });
    handle(&world, &last()).unwrap();
    assert_eq!((stages(&world)[0], told(&world)), (Stage::Completed, vec![]));
}

#[test]
fn a_message_of_another_app_is_not_told_of() {
    let world = world(false);
    world.with(|state| {
        let other = app("other", true);
        state.apps.insert(other.id.clone(), other);
    });
    handle(&world, &last()).unwrap();
    assert_eq!((stages(&world)[0], told(&world)), (Stage::Completed, vec![]));
    assert_eq!(
        world.with(|state| state.message_reads),
        3,
        "the complete one's row says whose it is, and both for the figures"
    );
}

#[test]
fn what_is_still_being_released_is_not_complete() {
    let world = world(true);
    world.with(|state| state.messages.get_mut(&MESSAGES[0]).unwrap().stage = Stage::Releasing);
    handle(&world, &last()).unwrap();
    assert_eq!((stages(&world)[0], told(&world)), (Stage::Releasing, vec![]));
}

/// The rest of an audience may be counted, and its release end, at any moment while the receipts of its first page are.
#[test]
fn numbers_from_before_the_release_complete_nothing() {
    let calls = {
        let world = world(true);
        handle(&world, &last()).unwrap();
        world.with(|state| state.calls)
    };
    for at in 1..=calls {
        let world = world(true);
        world.with(|state| {
            state.messages.get_mut(&MESSAGES[0]).unwrap().stage = Stage::Releasing;
            state.others = Some((at, |state| {
                state.tallies.get_mut(&MESSAGES[0]).unwrap().merge(&Tally::targeted(1));
                state.messages.get_mut(&MESSAGES[0]).unwrap().stage = Stage::Released;
            }));
        });
        handle(&world, &last()).unwrap();
        assert_ne!(stages(&world)[0], Stage::Completed, "released before call {at}");
        assert_eq!(told(&world), []);
    }
}

#[test]
fn what_is_in_a_feed_is_left_to_closing() {
    let world = world(true);
    world.with(|state| state.messages.get_mut(&MESSAGES[0]).unwrap().feed_after = Some(3));
    handle(&world, &last()).unwrap();
    assert_eq!((stages(&world)[0], told(&world)), (Stage::Released, vec![]));
}

#[test]
fn a_late_delivery_is_no_second_completion() {
    let world = world(true);
    handle(&world, &last()).unwrap();
    handle(&world, &batch(2, vec![receipt(0, 2, delivered())])).unwrap();
    handle(&world, &batch(3, vec![receipt(0, 2, Event::Fact(Fact::Opened))])).unwrap();
    assert_eq!(told(&world), [MESSAGES[0]]);
}

#[test]
fn too_many_apps_are_asked_one_by_one() {
    let world = world(true);
    world.with(|state| {
        for n in 0..1_200 {
            let app = app(&format!("app-{n}"), false);
            state.apps.insert(app.id.clone(), app);
        }
    });
    handle(&world, &last()).unwrap();
    assert_eq!(told(&world), [MESSAGES[0]]);
}
