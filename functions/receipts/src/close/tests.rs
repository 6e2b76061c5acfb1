//! Closing ends exactly what is pending, whatever fails in between, and waits without using up its receives.

use std::sync::Arc;

use futures_util::FutureExt as _;
use homing_contract::queue::{decode, encode};
use homing_domain::limits::QUEUE_DELAY_MAX;
use homing_domain::{
    BatchId, Channel, CloseJob, Counter, DeviceId, Ended, Event, MessageId, Reason, Receipt, ReceiptBatch, Shard,
    ShardId, Stage, Target, UnixMillis,
};
use homing_ports::{QueueName, StageError};

use super::{CloseMessages, SHARDS_PER_JOB};
use crate::RecordReceipts;
use crate::tests::world::{When, World};

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
    let target = |device| Target { device: DeviceId::from_bytes([device; 16]), user: None };
    let delivered = |device| Receipt {
        message: MESSAGE,
        device: DeviceId::from_bytes([device; 16]),
        channel: Channel::Own,
        at: UnixMillis(5),
        event: Event::Ended(Ended::delivered(None, None)),
    };
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
fn a_job_that_is_not_due_waits_as_a_new_item() {
    let world = world();
    for (ahead, delay) in [(1, 1), (QUEUE_DELAY_MAX, QUEUE_DELAY_MAX), (QUEUE_DELAY_MAX * 3, QUEUE_DELAY_MAX)] {
        world.with(|state| state.now = DUE.minus(ahead));
        handle(&world, job()).unwrap();
        let sent = world.take_sent(QueueName::Close);
        assert_eq!(sent.len(), 1);
        assert_eq!((decode::<CloseJob>(&sent[0].body), sent[0].delay), (Ok(job()), delay));
        assert!(world.take_sent(QueueName::Receipts).is_empty());
    }
}

#[test]
fn the_future_can_be_sent_to_another_thread() {
    fn is_send<T: Send>(_: T) {}
    is_send(CloseMessages::new(world()).handle(job()));
    is_send(RecordReceipts::new(world()).handle(ReceiptBatch { id: BatchId::from_bytes([1; 16]), receipts: vec![] }));
}
