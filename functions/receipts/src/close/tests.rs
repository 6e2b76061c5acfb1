//! Closing ends exactly what is pending, whatever fails in between, and completes a message when nothing is.

use std::sync::Arc;

use futures_util::FutureExt as _;
use homing_contract::queue::{decode, encode};
use homing_domain::limits::{CLOSE_AFTER_EXPIRY, QUEUE_DELAY_MAX};
use homing_domain::{
    BatchId, BusEvent, Channel, CloseJob, Counter, DeviceId, Ended, Event, MessageId, Reason, Receipt, ReceiptBatch,
    Shard, ShardId, Stage, Tally, Target, UnixMillis,
};
use homing_ports::{QueueName, StageError};

use super::{BALANCED_WITHIN, CloseMessages, SHARDS_PER_JOB, is_pass_due};
use crate::RecordReceipts;
use crate::tests::world::{When, World, app, released};

const MESSAGE: MessageId = MessageId::from_bytes([1; 16]);
const DUE: UnixMillis = UnixMillis(10_000_000);
const DEVICES: u8 = 40;
const DELIVERED: u8 = 7;

fn job() -> CloseJob {
    CloseJob { message: MESSAGE, at: DUE, after: None }
}

fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("a stage waits for its ports only")
}

fn handle(world: &Arc<World>, job: CloseJob) -> Result<(), StageError> {
    now(CloseMessages::new(Arc::clone(world)).consume(&encode(&job)))
}

/// Shards of two devices each, more than one job closes; every seventh device has its message.
fn world() -> Arc<World> {
    let world = Arc::new(World::default());
    let target = |device| Target::plain(DeviceId::from_bytes([device; 16]), None);
    let delivered = |device| Receipt {
        message: MESSAGE,
        device: DeviceId::from_bytes([device; 16]),
        channel: Channel::Own,
        at: UnixMillis(5),
        event: Event::Ended(Ended::delivered(None, None)),
    };
    world.with(|state| {
        state.messages.insert(MESSAGE, released(MESSAGE, DUE.minus(CLOSE_AFTER_EXPIRY)));
        state.tallies.insert(MESSAGE, Tally::targeted(usize::from(DEVICES)));
    });
    let batch = ReceiptBatch {
        id: BatchId::from_bytes([9; 16]),
        receipts: (0..DEVICES).filter(|device| device % DELIVERED == 0).map(delivered).collect(),
    };
    now(RecordReceipts::new(Arc::clone(&world)).handle(batch)).unwrap();
    world.with(|state| {
        for shard in 0..DEVICES / 2 {
            let id = ShardId::from_bytes([shard; 16]);
            let targets = vec![target(shard * 2), target(shard * 2 + 1)];
            state.shards.insert(id, Shard { id, message: MESSAGE, targets, next: None });
        }
        state.now = DUE;
        state.calls = 0;
    });
    world
}

/// Works off what was sent: close jobs, and receipt batches twice.
fn settle(world: &Arc<World>) {
    loop {
        let jobs = world.take_sent(QueueName::Close);
        let batches = world.take_sent(QueueName::Receipts);
        if jobs.is_empty() && batches.is_empty() {
            return;
        }
        for item in jobs {
            let job = decode(&item.body).unwrap();
            while handle(world, job).is_err() {}
        }
        for item in batches.iter().chain(&batches) {
            while now(RecordReceipts::new(Arc::clone(world)).consume(&item.body)).is_err() {}
        }
    }
}

fn check(world: &World) {
    world.with(|state| {
        assert_eq!(state.rows.len(), usize::from(DEVICES));
        let delivered = i64::from(DEVICES.div_ceil(DELIVERED));
        let tally = &state.tallies[&MESSAGE];
        assert_eq!(tally.get(Counter::Ended(Channel::Own, Stage::Delivered)), delivered);
        assert_eq!(tally.get(Counter::Ended(Channel::Own, Stage::Expired)), i64::from(DEVICES) - delivered);
        assert!(state.rows.values().all(|row| row.stage == Stage::Delivered || row.reason == Some(Reason::Closed)));
        assert_eq!(state.messages[&MESSAGE].stage, Stage::Completed);
    });
}

#[test]
fn what_is_pending_ends_once_whatever_fails() {
    const { assert!(DEVICES as usize / 2 > SHARDS_PER_JOB, "the job must be passed on once") };
    let quiet = world();
    handle(&quiet, job()).unwrap();
    settle(&quiet);
    check(&quiet);
    let calls = quiet.with(|state| state.calls);
    for at in 1..=calls {
        for when in When::ALL {
            let world = world();
            world.with(|state| state.fail_at = Some((at, when)));
            while handle(&world, job()).is_err() {}
            settle(&world);
            // A repeat of the job finds nothing pending.
            handle(&world, job()).unwrap();
            assert!(world.take_sent(QueueName::Receipts).is_empty());
            settle(&world);
            check(&world);
        }
    }
}

#[test]
fn a_device_that_comes_back_after_the_close_is_delivered() {
    let world = world();
    handle(&world, job()).unwrap();
    settle(&world);
    let late = Receipt {
        message: MESSAGE,
        device: DeviceId::from_bytes([1; 16]),
        channel: Channel::Own,
        at: DUE.plus(1),
        event: Event::Ended(Ended::delivered(None, None)),
    };
    let batch = ReceiptBatch { id: BatchId::from_bytes([8; 16]), receipts: vec![late] };
    now(RecordReceipts::new(Arc::clone(&world)).handle(batch)).unwrap();
    world.with(|state| {
        let ended: i64 =
            Stage::ENDS.iter().map(|stage| state.tallies[&MESSAGE].get(Counter::Ended(Channel::Own, *stage))).sum();
        assert_eq!(ended, i64::from(DEVICES));
    });
}

#[test]
fn a_job_that_is_not_due_waits() {
    let world = world();
    for (ahead, wait) in [(1, 1), (QUEUE_DELAY_MAX, QUEUE_DELAY_MAX), (QUEUE_DELAY_MAX * 3, QUEUE_DELAY_MAX)] {
        world.with(|state| state.now = DUE.minus(ahead));
        assert!(matches!(handle(&world, job()), Err(StageError::Later { delay }) if delay == wait));
        assert!(world.take_sent(QueueName::Receipts).is_empty());
    }
}

#[test]
fn a_message_of_which_nothing_is_pending_is_completed_without_reading_its_pages() {
    let world = world();
    handle(&world, job()).unwrap();
    settle(&world);
    // As if the completion had been missed.
    world.with(|state| {
        state.messages.get_mut(&MESSAGE).unwrap().stage = Stage::Released;
        state.calls = 0;
    });
    handle(&world, job()).unwrap();
    world.with(|state| assert_eq!((state.messages[&MESSAGE].stage, state.calls), (Stage::Completed, 3)));
}

/// The same in a feed, which brought it to three more devices.
fn in_feed(asks: bool) -> Arc<World> {
    let world = world();
    world.with(|state| {
        let app = app("shop", asks);
        state.apps.insert(app.id.clone(), app);
        state.messages.get_mut(&MESSAGE).unwrap().feed_after = Some(7);
        state.tallies.get_mut(&MESSAGE).unwrap().merge(&Tally::of_feed(3));
    });
    world
}

/// What the sweeper does, until the message is not overdue any more.
fn close(world: &Arc<World>) {
    for _ in 0..9 {
        if world.with(|state| state.messages[&MESSAGE].stage) == Stage::Completed {
            return;
        }
        // A job that failed is overdue the next time.
        let _ = handle(world, job());
        settle(world);
    }
    panic!("it is never completed");
}

#[test]
fn closing_completes_what_is_in_a_feed_and_tells_of_it_whatever_fails() {
    let check = |world: &World| {
        world.with(|state| {
            assert!(!state.events.is_empty());
            for event in &state.events {
                let BusEvent::MessageCompleted { message, balance, .. } = event else { panic!("{event:?}") };
                let delivered = i64::from(DEVICES.div_ceil(DELIVERED)) + 3;
                assert_eq!((*message, balance.targeted), (MESSAGE, i64::from(DEVICES) + 3));
                assert_eq!((balance.delivered, balance.pending), (delivered, 0));
            }
        });
    };
    let quiet = in_feed(true);
    close(&quiet);
    check(&quiet);
    // A job that comes late tells nobody again.
    handle(&quiet, job()).unwrap();
    quiet.with(|state| assert_eq!(state.events.len(), 1));
    for at in 1..=quiet.with(|state| state.calls) {
        for when in When::ALL {
            let world = in_feed(true);
            world.with(|state| state.fail_at = Some((at, when)));
            close(&world);
            check(&world);
        }
    }
}

#[test]
fn closing_tells_nobody_unasked_nor_of_what_nobody_sent() {
    let unasked = in_feed(false);
    close(&unasked);
    let clearing = in_feed(true);
    clearing.with(|state| state.messages.get_mut(&MESSAGE).unwrap().recalls = Some(MessageId::from_bytes([2; 16])));
    close(&clearing);
    // What is in no feed was told of as its last delivery was counted.
    let paged = in_feed(true);
    paged.with(|state| state.messages.get_mut(&MESSAGE).unwrap().feed_after = None);
    close(&paged);
    paged.with(|state| {
        state.events.clear();
        state.messages.get_mut(&MESSAGE).unwrap().stage = Stage::Released;
    });
    handle(&paged, job()).unwrap();
    assert_eq!(paged.with(|state| state.messages[&MESSAGE].stage), Stage::Completed);
    let told = |world: &World| world.with(|state| state.events.len());
    assert_eq!([told(&unasked), told(&clearing), told(&paged)], [0, 0, 0]);
}

/// As when a batch of receipts was taken into its rows and became a dead letter before it was counted.
#[test]
fn numbers_that_stay_wrong_are_told_of_after_a_day_and_hide_no_row() {
    let world = world();
    world.with(|state| state.tallies.get_mut(&MESSAGE).unwrap().add(Counter::Targeted, 1));
    let stage = || world.with(|state| state.messages[&MESSAGE].stage);
    handle(&world, job()).unwrap();
    settle(&world);
    world.with(|state| state.now = DUE.plus(BALANCED_WITHIN - 1));
    while !is_pass_due(world.with(|state| state.now).since(DUE), i64::from(DEVICES)) {
        world.with(|state| state.now = state.now.minus(60_000));
    }
    handle(&world, job()).unwrap();
    settle(&world);
    assert_eq!(stage(), Stage::Released);
    // What is still pending after the day is closed first.
    world.with(|state| {
        state.now = DUE.plus(BALANCED_WITHIN);
        let id = ShardId::from_bytes([99; 16]);
        let targets = vec![Target::plain(DeviceId::from_bytes([99; 16]), None)];
        state.shards.insert(id, Shard { id, message: MESSAGE, targets, next: None });
        state.tallies.get_mut(&MESSAGE).unwrap().add(Counter::Targeted, 1);
    });
    handle(&world, job()).unwrap();
    assert_eq!(stage(), Stage::Released);
    settle(&world);
    assert_eq!(stage(), Stage::Released);
    world.with(|state| assert!(state.events.is_empty()));
    // Not before a pass finds nothing is it given up.
    handle(&world, job()).unwrap();
    settle(&world);
    assert_eq!(stage(), Stage::Completed);
    world.with(|state| {
        assert!(
            matches!(&state.events[..], [BusEvent::Alert { name: "message_unbalanced", .. }]),
            "{:?}",
            state.events
        );
    });
}

#[test]
fn passes_of_a_message_do_not_overlap() {
    let passes =
        |targeted| (0..24 * 60).filter(|minute| is_pass_due(minute * 60_000 + 59_999, targeted)).collect::<Vec<_>>();
    assert_eq!(passes(1)[..7], [0, 1, 2, 3, 16, 32, 48]);
    assert_eq!(passes(49_999), passes(1));
    assert_eq!(passes(10_000_000), [0, 201, 402, 603]);
    assert!(is_pass_due(0, -1));
}

#[test]
fn the_future_can_be_sent_to_another_thread() {
    fn is_send<T: Send>(_: T) {}
    is_send(CloseMessages::new(world()).handle(job()));
    is_send(RecordReceipts::new(world()).handle(ReceiptBatch { id: BatchId::from_bytes([1; 16]), receipts: vec![] }));
}
