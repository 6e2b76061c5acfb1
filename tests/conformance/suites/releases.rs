//! Releases into feeds: whether a message enters is decided once, with the beginning of its release, on the message as it
//! stands.

use bytes::Bytes;
use homing_domain::limits::CLOSE_AFTER_EXPIRY;
use homing_domain::{
    AmendedRelease, Amendment, Audience, DeliveryPolicy, Exclusion, FeedOffset, Message, MessageChange, Options,
    Recurrence, Schedule, Stage, UnixMillis,
};
use homing_ports::Messages;

use crate::adapter::{Adapter, Ports};
use crate::values::{broadcast, device_id, message, message_id, user_id};

/// How often two writers are set against each other.
const RACES: u32 = 16;
/// When releases begin.
const BEGUN: UnixMillis = UnixMillis(500_000);

async fn released(ports: &impl Ports, message: Message, feed_head: Option<FeedOffset>) -> Message {
    let id = message.id;
    let mut model = message.clone();
    ports.accept(message).await.unwrap();
    let begun = ports.begin_release(id, BEGUN, feed_head).await.unwrap().unwrap();
    model.begin_release(BEGUN, feed_head);
    assert_eq!(begun, model);
    assert_eq!(ports.message(id).await.unwrap(), Some(model));
    begun
}

/// For these users instead.
fn for_users() -> MessageChange {
    let audience = Audience::Users(vec![user_id("lin")]);
    MessageChange::Amend(Box::new(Amendment {
        audience: Some((audience, Exclusion::default())),
        ..Amendment::default()
    }))
}

pub(crate) async fn what_may_enter_a_feed_does<A: Adapter>(world: &A) {
    let ports = world.ports();
    assert_eq!(ports.begin_release(message_id(1), BEGUN, Some(7)).await.unwrap(), None, "no such message");
    assert_eq!(released(ports, broadcast(1, "shop"), Some(7)).await.feed_after, Some(7));
    assert_eq!(released(ports, broadcast(2, "shop"), Some(0)).await.feed_after, Some(0), "into an empty one");
    assert_eq!(released(ports, broadcast(3, "shop"), None).await.feed_after, None);
    let large = Message { payload: Bytes::from(vec![b'p'; 4_000]), ..broadcast(4, "shop") };
    assert_eq!(released(ports, large, Some(u64::MAX)).await.feed_after, Some(u64::MAX));
    let recall =
        |n| Message { recalls: Some(message_id(1)), ..message(n, "shop", Audience::RecipientsOf(message_id(1))) };
    assert_eq!(released(ports, recall(5), Some(8)).await.feed_after, Some(8), "what takes it back goes where it went");
    assert_eq!(released(ports, recall(6), None).await.feed_after, None);
    // Its collapse key needs a mailbox, its names are found in the directory.
    assert_eq!(released(ports, message(7, "shop", Audience::All), Some(7)).await.feed_after, None);
    let named = Message { audience: Audience::Devices(vec![device_id(1)]), ..broadcast(8, "shop") };
    assert_eq!(released(ports, named, Some(7)).await.feed_after, None);
    let expression = Audience::Expression("vip && !muted".parse().unwrap());
    let some = Message { audience: expression, ..broadcast(9, "shop") };
    assert_eq!(released(ports, some, Some(7)).await.feed_after, Some(7));
}

pub(crate) async fn a_release_into_a_feed_begins_once<A: Adapter>(world: &A) {
    let ports = world.ports();
    let first = released(ports, broadcast(1, "shop"), Some(7)).await;
    for (now, feed_head) in [(BEGUN, Some(7)), (BEGUN.plus(1), Some(9)), (BEGUN.plus(2), None)] {
        let repeat = ports.begin_release(message_id(1), now, feed_head).await.unwrap();
        assert_eq!(repeat.as_ref(), Some(&first), "as it stands");
    }
    let outside = released(ports, broadcast(2, "shop"), None).await;
    let repeat = ports.begin_release(message_id(2), BEGUN, Some(9)).await.unwrap();
    assert_eq!(repeat, Some(outside), "what began outside of it stays outside");
    // Before its time nothing begins.
    let scheduled = Message {
        stage: Stage::Scheduled,
        schedule: Schedule::At(BEGUN),
        release_at: Some(BEGUN),
        ..broadcast(3, "shop")
    };
    ports.accept(scheduled.clone()).await.unwrap();
    let early = ports.begin_release(message_id(3), BEGUN.minus(1), Some(9)).await.unwrap();
    assert_eq!(early, Some(scheduled));
    let begun = ports.begin_release(message_id(3), BEGUN, Some(9)).await.unwrap().unwrap();
    assert_eq!((begun.stage, begun.releasing_at, begun.feed_after), (Stage::Releasing, Some(BEGUN), Some(9)));
    world.settle().await;
    let closes = begun.expires_at.plus(CLOSE_AFTER_EXPIRY);
    assert!(ports.overdue(closes, 9).await.unwrap().iter().all(|id| *id != message_id(3)), "it waits for its end");
    assert!(ports.overdue(closes.plus(1), 9).await.unwrap().contains(&message_id(3)));
}

fn scheduled(n: u32) -> Message {
    Message {
        stage: Stage::Scheduled,
        schedule: Schedule::At(BEGUN),
        release_at: Some(BEGUN),
        expires_at: BEGUN.plus(60_000),
        ..broadcast(n, "shop")
    }
}

pub(crate) async fn the_message_is_judged_as_it_stands<A: Adapter>(world: &A) {
    let ports = world.ports();
    ports.accept(scheduled(1)).await.unwrap();
    ports.change(message_id(1), for_users()).await.unwrap().unwrap().unwrap();
    let begun = ports.begin_release(message_id(1), BEGUN, Some(7)).await.unwrap().unwrap();
    assert_eq!((begun.stage, begun.feed_after), (Stage::Releasing, None), "whatever the caller had read");
    let done = ports.finish_segment(message_id(1), 0, BEGUN.plus(1)).await.unwrap().unwrap();
    assert_eq!(done.stage, Stage::Released, "a named audience is one segment");

    ports.accept(scheduled(2)).await.unwrap();
    let at = BEGUN.plus(1);
    let later = AmendedRelease { schedule: Schedule::At(at), at: Some(at), lives_from: at };
    let postponed = Amendment { release: Some(later), ..Amendment::default() };
    let stands = ports.change(message_id(2), MessageChange::Amend(Box::new(postponed))).await.unwrap().unwrap();
    let refused = ports.begin_release(message_id(2), BEGUN, Some(7)).await.unwrap();
    assert_eq!(refused, Some(stands.unwrap()), "its time has not come");
    ports.change(message_id(2), MessageChange::Cancel).await.unwrap().unwrap().unwrap();
    let cancelled = ports.begin_release(message_id(2), BEGUN.plus(9), Some(7)).await.unwrap().unwrap();
    assert_eq!((cancelled.stage, cancelled.feed_after), (Stage::Cancelled, None));
}

pub(crate) async fn of_amend_and_release_the_feed_has_what_may_enter<A: Adapter>(world: &A) {
    let ports = world.ports();
    for n in 1..=RACES {
        ports.accept(scheduled(n)).await.unwrap();
        let id = message_id(n);
        let (amended, begun, rival) = tokio::join!(
            ports.change(id, for_users()),
            ports.begin_release(id, BEGUN, Some(7)),
            ports.begin_release(id, BEGUN, Some(8))
        );
        let stands = ports.message(id).await.unwrap().unwrap();
        assert_eq!(begun.unwrap().as_ref(), Some(&stands), "both saw what became of it");
        assert_eq!(rival.unwrap().as_ref(), Some(&stands));
        assert_eq!(stands.feed_after.is_some(), stands.goes_by_feed());
        assert_eq!(amended.unwrap().unwrap().is_ok(), !stands.goes_by_feed(), "whoever was first");
    }
}

pub(crate) async fn a_recurring_message_is_never_released<A: Adapter>(world: &A) {
    let ports = world.ports();
    let cron = "*/5 * * * *".to_owned();
    let recurrence = Recurrence { cron, timezone: "Asia/Shanghai".to_owned(), until: None, remaining: None };
    let recurring = Message { schedule: Schedule::Recurring(recurrence), ..scheduled(1) };
    ports.accept(recurring.clone()).await.unwrap();
    for feed_head in [None, Some(7)] {
        let stands = ports.begin_release(message_id(1), BEGUN.plus(9), feed_head).await.unwrap();
        assert_eq!(stands.as_ref(), Some(&recurring), "each occurrence is a message of its own");
    }
}

pub(crate) async fn what_is_in_a_feed_only_is_one_segment<A: Adapter>(world: &A) {
    let ports = world.ports();
    let finish =
        async |n, segment| ports.finish_segment(message_id(n), segment, UnixMillis(600_000)).await.unwrap().unwrap();
    let alone = released(ports, broadcast(1, "shop"), Some(7)).await;
    let done = finish(1, 0).await;
    assert_eq!((done.stage, done.segments_done, done.feed_after), (Stage::Released, 1, Some(7)));
    assert_eq!(
        done,
        Message { stage: Stage::Released, released_at: Some(UnixMillis(600_000)), segments_done: 1, ..alone }
    );
    assert_eq!(finish(1, 0).await, done, "and so does a repeat");
    // Outside of the feed everyone is 64 segments; so it is where some devices are reached otherwise.
    released(ports, broadcast(2, "shop"), None).await;
    let delivery = DeliveryPolicy::Fallback { fallback_after: 5 };
    let options = Options { delivery, ..broadcast(3, "shop").options };
    released(ports, Message { options, ..broadcast(3, "shop") }, Some(7)).await;
    for n in [2, 3] {
        for segment in 0..63 {
            assert_eq!(finish(n, segment).await.stage, Stage::Releasing);
        }
        assert_eq!(finish(n, 63).await.stage, Stage::Released);
    }
}
