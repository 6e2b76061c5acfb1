//! Messages that somebody must look at again: a job or a timer that may be lost, a message to be closed.

use homing_domain::limits::{ACCEPTED_SWEEP_AFTER, CLOSE_AFTER_EXPIRY};
use homing_domain::{Audience, Message, Stage, UnixMillis};
use homing_ports::{Accepted, Messages};

use crate::adapter::Adapter;
use crate::values::{device_id, message, message_id};

pub(crate) async fn an_accepted_message_until_it_moves_on<A: Adapter>(world: &A) {
    let ports = world.ports();
    for n in 1..=4 {
        ports.accept(message(n, "shop", Audience::All)).await.unwrap();
    }
    ports.begin_release(message_id(2), UnixMillis(2_000), None).await.unwrap();
    world.settle().await;
    // Number n was accepted at 1,000 + n.
    let lost = UnixMillis(1_000).plus(ACCEPTED_SWEEP_AFTER);
    assert_eq!(ports.overdue(lost.plus(4), 9).await.unwrap(), [1, 3].map(message_id));
    assert_eq!(ports.overdue(lost.plus(8_000), 2).await.unwrap().len(), 2);
    assert!(ports.overdue(lost.plus(1), 9).await.unwrap().is_empty());
}

pub(crate) async fn a_scheduled_message_after_its_time<A: Adapter>(world: &A) {
    let ports = world.ports();
    let (release_at, expires_at) = (UnixMillis(500_000), UnixMillis(560_000));
    let scheduled = |n| Message {
        stage: Stage::Scheduled,
        release_at: Some(release_at),
        expires_at,
        ..message(n, "shop", Audience::Devices(vec![device_id(1)]))
    };
    for n in [1, 2] {
        assert_eq!(ports.accept(scheduled(n)).await.unwrap(), Accepted::New);
        assert_eq!(ports.message(message_id(n)).await.unwrap(), Some(scheduled(n)));
    }
    world.settle().await;
    let lost = release_at.plus(ACCEPTED_SWEEP_AFTER);
    assert!(ports.overdue(lost, 9).await.unwrap().is_empty());
    assert_eq!(ports.overdue(lost.plus(1), 9).await.unwrap(), [1, 2].map(message_id));
    let early = ports.begin_release(message_id(1), release_at.minus(1), None).await.unwrap().unwrap();
    assert_eq!((early.stage, early.releasing_at), (Stage::Scheduled, None), "whoever gave it a later time was told so");
    let begun = ports.begin_release(message_id(1), release_at, None).await.unwrap().unwrap();
    assert_eq!((begun.stage, begun.releasing_at), (Stage::Releasing, Some(release_at)));
    world.settle().await;
    assert_eq!(ports.overdue(lost.plus(1), 9).await.unwrap(), [message_id(2)]);
}

pub(crate) async fn a_released_message_from_its_expiry_until_it_is_completed<A: Adapter>(world: &A) {
    let ports = world.ports();
    ports.complete(message_id(1)).await.unwrap();
    let accepted = message(1, "shop", Audience::Devices(vec![device_id(1)]));
    let closes_at = accepted.expires_at.plus(CLOSE_AFTER_EXPIRY);
    ports.accept(accepted).await.unwrap();
    ports.begin_release(message_id(1), UnixMillis(2_000), None).await.unwrap();
    ports.complete(message_id(1)).await.unwrap();
    let releasing = ports.message(message_id(1)).await.unwrap().unwrap();
    assert_eq!(releasing.stage, Stage::Releasing, "only what is released can be completed");
    let released = ports.finish_segment(message_id(1), 0, UnixMillis(3_000)).await.unwrap().unwrap();
    world.settle().await;
    assert!(ports.overdue(closes_at, 9).await.unwrap().is_empty());
    assert_eq!(ports.overdue(closes_at.plus(1), 9).await.unwrap(), [message_id(1)]);
    for _ in 0..2 {
        ports.complete(message_id(1)).await.unwrap();
        let completed = Message { stage: Stage::Completed, ..released.clone() };
        assert_eq!(ports.message(message_id(1)).await.unwrap(), Some(completed));
    }
    world.settle().await;
    assert!(ports.overdue(UnixMillis::NEVER, 9).await.unwrap().is_empty());
}

pub(crate) async fn they_come_in_the_order_of_their_time<A: Adapter>(world: &A) {
    let ports = world.ports();
    for n in [3, 1, 2] {
        // Far enough apart for an adapter that orders them only roughly.
        let accepted_at = UnixMillis(u64::from(n) * 3_600_000);
        ports.accept(Message { accepted_at, ..message(n, "shop", Audience::All) }).await.unwrap();
    }
    world.settle().await;
    assert_eq!(ports.overdue(UnixMillis(86_400_000), 9).await.unwrap(), [1, 2, 3].map(message_id));
    assert_eq!(ports.overdue(UnixMillis(86_400_000), 1).await.unwrap(), [message_id(1)]);
}
