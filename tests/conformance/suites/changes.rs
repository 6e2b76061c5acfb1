//! Changes of messages. What a change does is tested on the pure model; here, that each reaches the row and what is beside
//! it, and that changes and moves which meet each other all hold.

use bytes::Bytes;
use futures_util::future::join_all;
use homing_domain::limits::{ACCEPTED_SWEEP_AFTER, CLOSE_AFTER_EXPIRY, FANOUT_SEGMENTS, MESSAGE_MAX_HOLDS};
use homing_domain::{
    AmendedContent, AmendedRelease, Amendment, Audience, ChangeRefused, Flow, Message, MessageChange, Options,
    Recurrence, Schedule, Stage, UnixMillis,
};
use homing_ports::{Accepted, Messages};

use crate::adapter::{Adapter, Ports};
use crate::values::{device_id, full_message, message, message_id, user_id};

/// How often two writers are set against each other.
const RACES: u32 = 16;

/// When what waits for its time is released.
const BEGUN: UnixMillis = UnixMillis(500_000);

/// A message that waits for its time.
fn scheduled(n: u32) -> Message {
    Message {
        stage: Stage::Scheduled,
        schedule: Schedule::At(BEGUN),
        release_at: Some(BEGUN),
        expires_at: UnixMillis(560_000),
        ..message(n, "shop", Audience::All)
    }
}

async fn releasing(ports: &impl Ports, message: Message) -> Message {
    let id = message.id;
    assert_eq!(ports.accept(message).await.unwrap(), Accepted::New);
    ports.begin_release(id, BEGUN, None).await.unwrap().unwrap()
}

/// All that can be amended, as this message has it.
fn amendment(message: &Message) -> Amendment {
    let content = AmendedContent {
        payload: message.payload.clone(),
        localizations: message.localizations.clone(),
        overrides: message.overrides.clone(),
        silent: message.options.silent,
    };
    Amendment {
        audience: Some((message.audience.clone(), message.exclude.clone())),
        content: Some(content),
        options: Some(message.options.clone()),
        release: None,
    }
}

fn amend(amendment: Amendment) -> MessageChange {
    MessageChange::Amend(Box::new(amendment))
}

/// Released at another time, or at once.
fn at(time: Option<UnixMillis>) -> Amendment {
    let release = AmendedRelease {
        schedule: time.map_or(Schedule::Now, Schedule::At),
        at: time,
        lives_from: time.unwrap_or(UnixMillis(100_000)),
    };
    Amendment { release: Some(release), ..Amendment::default() }
}

fn payload(byte: u8, size: usize) -> Amendment {
    let content = AmendedContent { payload: Bytes::from(vec![byte; size]), ..AmendedContent::default() };
    Amendment { content: Some(content), ..Amendment::default() }
}

/// Makes the change on the store and on the model, twice, and compares answers and rows.
async fn as_the_model(ports: &impl Ports, model: &mut Message, change: MessageChange) {
    for _ in 0..2 {
        let expected = model.apply(change.clone()).map(|()| model.clone());
        assert_eq!(ports.change(model.id, change.clone()).await.unwrap(), Some(expected), "{change:?}");
        assert_eq!(ports.message(model.id).await.unwrap().as_ref(), Some(&*model), "{change:?}");
    }
}

pub(crate) async fn of_an_unknown_message_nothing_is_changed<A: Adapter>(world: &A) {
    let ports = world.ports();
    for change in [MessageChange::Cancel, MessageChange::Abort, MessageChange::SetRate(None)] {
        assert_eq!(ports.change(message_id(1), change).await.unwrap(), None);
    }
    assert_eq!(ports.message(message_id(1)).await.unwrap(), None);
}

pub(crate) async fn before_the_release<A: Adapter>(world: &A) {
    let ports = world.ports();
    let mut model = scheduled(1);
    ports.accept(model.clone()).await.unwrap();
    let options = Options { ttl_seconds: 7, topic: Some("ads".to_owned()), ..Options::default() };
    let later = Amendment { options: Some(options), ..at(Some(UnixMillis(900_000))) };
    as_the_model(ports, &mut model, amend(later)).await;
    assert_eq!(model.expires_at, UnixMillis(907_000));
    as_the_model(ports, &mut model, MessageChange::SetRate(Some(9))).await;
    for refused in [MessageChange::Pause(UnixMillis(1)), MessageChange::Abort, MessageChange::Recall] {
        as_the_model(ports, &mut model, refused).await;
    }
    ports.complete(model.id).await.unwrap();
    assert_eq!(ports.message(model.id).await.unwrap().as_ref(), Some(&model), "only what is released is completed");
    as_the_model(ports, &mut model, MessageChange::Cancel).await;
    assert_eq!(model.stage, Stage::Cancelled);
    let stands = ports.begin_release(model.id, BEGUN, None).await.unwrap();
    assert_eq!(stands, Some(model), "what is cancelled is never released");
}

pub(crate) async fn while_it_runs<A: Adapter>(world: &A) {
    let ports = world.ports();
    let mut model = releasing(ports, scheduled(1)).await;
    for change in [
        MessageChange::Pause(UnixMillis(3_000)),
        MessageChange::SetRate(Some(100)),
        MessageChange::Resume(UnixMillis(3_500)),
        MessageChange::SetRate(None),
        MessageChange::Hold(vec![UnixMillis(9_000), UnixMillis(5_000)]),
        MessageChange::Hold(vec![UnixMillis(7_000)]),
        MessageChange::EndHold(UnixMillis(5_000)),
        amend(amendment(&model)),
        MessageChange::Cancel,
        MessageChange::Abort,
        MessageChange::Pause(UnixMillis(4_000)),
        MessageChange::Recall,
        MessageChange::Abort,
    ] {
        as_the_model(ports, &mut model, change).await;
    }
    assert_eq!((model.control.flow, model.control.paused_for), (Flow::Recalled, 500));
    assert_eq!(model.holds, [7_000, 9_000].map(UnixMillis));
}

pub(crate) async fn as_many_holds_as_there_may_be<A: Adapter>(world: &A) {
    let ports = world.ports();
    let mut model = releasing(ports, message(1, "shop", Audience::All)).await;
    let moments: Vec<_> = (0..MESSAGE_MAX_HOLDS as u64).map(|n| UnixMillis(1_800_000_000_000 + n * 900_000)).collect();
    as_the_model(ports, &mut model, MessageChange::Hold(moments)).await;
    as_the_model(ports, &mut model, MessageChange::Hold(vec![UnixMillis(7)])).await;
    assert_eq!(model.holds.len(), MESSAGE_MAX_HOLDS, "the last one was refused");
    let answer = ports.change(model.id, MessageChange::Hold(vec![UnixMillis(7)])).await.unwrap();
    assert_eq!(answer, Some(Err(ChangeRefused::TooManyHolds)));
}

pub(crate) async fn everything_of_a_message_is_amended<A: Adapter>(world: &A) {
    let ports = world.ports();
    let mut model = scheduled(1);
    ports.accept(model.clone()).await.unwrap();
    let small = amendment(&model);
    let users = (0..1_000).map(|n| user_id(&format!("用户-{n}"))).collect();
    // From a body that fits a row to one that does not, to another such, and back.
    let full = full_message(1, "shop");
    let large = Amendment { audience: Some((Audience::Users(users), full.exclude.clone())), ..amendment(&full) };
    for (rate, amendment) in (1..).zip([large, payload(b'p', 4_000), small]) {
        as_the_model(ports, &mut model, amend(amendment)).await;
        as_the_model(ports, &mut model, MessageChange::SetRate(Some(rate))).await;
    }
    as_the_model(ports, &mut model, amend(at(None))).await;
    assert_eq!(model.stage, Stage::Accepted);
    let replay = ports.accept(scheduled(1)).await.unwrap();
    assert_eq!(replay, Accepted::Existing(Box::new(model)), "a replay of the request is answered what became of it");
}

pub(crate) async fn a_recurring_message_goes_from_time_to_time<A: Adapter>(world: &A) {
    let ports = world.ports();
    let (first, second) = (UnixMillis(500_000), UnixMillis(800_000));
    let recurrence = Recurrence {
        cron: "*/5 * * * *".to_owned(),
        timezone: "Asia/Shanghai".to_owned(),
        until: Some(UnixMillis(900_000)),
        remaining: Some(2),
    };
    let mut model = Message { schedule: Schedule::Recurring(recurrence), ..scheduled(1) };
    ports.accept(model.clone()).await.unwrap();
    world.settle().await;
    assert!(ports.overdue(first.plus(ACCEPTED_SWEEP_AFTER), 9).await.unwrap().is_empty());
    as_the_model(ports, &mut model, MessageChange::Advance { occurrence: first, next: Some(second) }).await;
    world.settle().await;
    assert!(ports.overdue(second.plus(ACCEPTED_SWEEP_AFTER), 9).await.unwrap().is_empty());
    assert_eq!(ports.overdue(second.plus(ACCEPTED_SWEEP_AFTER + 1), 9).await.unwrap(), [message_id(1)]);
    as_the_model(ports, &mut model, MessageChange::Advance { occurrence: second, next: None }).await;
    assert_eq!(model.stage, Stage::Completed);
    world.settle().await;
    assert!(ports.overdue(UnixMillis::NEVER, 9).await.unwrap().is_empty());
}

pub(crate) async fn a_message_is_overdue_by_its_new_time<A: Adapter>(world: &A) {
    let ports = world.ports();
    for n in [1, 2, 3] {
        ports.accept(scheduled(n)).await.unwrap();
    }
    let (earlier, later) = (UnixMillis(200_000), UnixMillis(900_000));
    for (n, time) in [(1, earlier), (2, later)] {
        ports.change(message_id(n), amend(at(Some(time)))).await.unwrap().unwrap().unwrap();
    }
    ports.change(message_id(3), MessageChange::Cancel).await.unwrap().unwrap().unwrap();
    world.settle().await;
    let lost = |release_at: UnixMillis| release_at.plus(ACCEPTED_SWEEP_AFTER + 1);
    assert_eq!(ports.overdue(lost(earlier), 9).await.unwrap(), [message_id(1)]);
    assert_eq!(ports.overdue(lost(UnixMillis(500_000)), 9).await.unwrap(), [message_id(1)]);
    assert_eq!(ports.overdue(lost(later), 9).await.unwrap(), [1, 2].map(message_id));
}

pub(crate) async fn held_parts_are_overdue_before_the_close<A: Adapter>(world: &A) {
    let ports = world.ports();
    let hold = UnixMillis(30_000);
    let close = message(1, "shop", Audience::All).expires_at.plus(CLOSE_AFTER_EXPIRY);
    let held_at = hold.plus(ACCEPTED_SWEEP_AFTER);
    let named = |n| message(n, "shop", Audience::Devices(vec![device_id(1)]));
    let overdue = async |at: UnixMillis| {
        world.settle().await;
        ports.overdue(at, 9).await.unwrap()
    };
    releasing(ports, named(1)).await;
    let change = |change| ports.change(message_id(1), change);
    change(MessageChange::Hold(vec![hold])).await.unwrap().unwrap().unwrap();
    assert!(overdue(held_at).await.is_empty());
    assert_eq!(overdue(held_at.plus(1)).await, [message_id(1)]);
    let released = ports.finish_segment(message_id(1), 0, UnixMillis(3_000)).await.unwrap().unwrap();
    assert_eq!((released.stage, released.holds), (Stage::Released, vec![hold]));
    assert_eq!(overdue(held_at.plus(1)).await, [message_id(1)], "its last page does not end the hold");
    change(MessageChange::EndHold(hold)).await.unwrap().unwrap().unwrap();
    assert!(overdue(close).await.is_empty());
    assert_eq!(overdue(close.plus(1)).await, [message_id(1)]);
    change(MessageChange::Hold(vec![hold])).await.unwrap().unwrap().unwrap();
    ports.complete(message_id(1)).await.unwrap();
    assert!(overdue(UnixMillis::NEVER).await.is_empty(), "what is completed waits for nothing");

    // Held before it is released, by a worker that was slow: the release begins with that.
    ports.accept(named(2)).await.unwrap();
    ports.change(message_id(2), MessageChange::Hold(vec![hold])).await.unwrap().unwrap().unwrap();
    ports.begin_release(message_id(2), BEGUN, None).await.unwrap();
    assert!(overdue(held_at).await.is_empty());
    assert_eq!(overdue(held_at.plus(1)).await, [message_id(2)]);
}

pub(crate) async fn concurrent_changes_all_hold<A: Adapter>(world: &A) {
    let ports = world.ports();
    releasing(ports, message(1, "shop", Audience::All)).await;
    let moments: Vec<_> = (1..=8).map(|n| UnixMillis(n * 1_000)).collect();
    let changes = moments.iter().map(|moment| ports.change(message_id(1), MessageChange::Hold(vec![*moment])));
    let pause = ports.change(message_id(1), MessageChange::Pause(UnixMillis(9)));
    let (held, paused) = tokio::join!(join_all(changes), pause);
    assert!(held.into_iter().chain([paused]).all(|changed| changed.unwrap().unwrap().is_ok()));
    let stands = ports.message(message_id(1)).await.unwrap().unwrap();
    assert_eq!((stands.holds, stands.control.flow), (moments, Flow::Paused));
}

pub(crate) async fn of_cancel_and_release_one_wins<A: Adapter>(world: &A) {
    let ports = world.ports();
    for n in 1..=RACES {
        ports.accept(scheduled(n)).await.unwrap();
        let id = message_id(n);
        let (cancelled, begun) =
            tokio::join!(ports.change(id, MessageChange::Cancel), ports.begin_release(id, BEGUN, None));
        let (cancelled, begun) = (cancelled.unwrap().unwrap(), begun.unwrap().unwrap());
        let stands = ports.message(id).await.unwrap().unwrap();
        assert_eq!(begun.stage, stands.stage, "both saw what became of it");
        match cancelled {
            Ok(answer) => assert_eq!((answer.stage, stands.stage), (Stage::Cancelled, Stage::Cancelled)),
            Err(refused) => {
                assert_eq!(refused, ChangeRefused::TooLate(Stage::Releasing));
                assert_eq!((stands.stage, stands.releasing_at), (Stage::Releasing, Some(BEGUN)));
            }
        }
    }
}

pub(crate) async fn of_amend_and_release_the_release_has_one_content<A: Adapter>(world: &A) {
    let ports = world.ports();
    for n in 1..=RACES {
        let before = Message { payload: Bytes::from(vec![b'a'; 900]), ..scheduled(n) };
        ports.accept(before.clone()).await.unwrap();
        let id = message_id(n);
        let (amended, begun) =
            tokio::join!(ports.change(id, amend(payload(b'b', 900))), ports.begin_release(id, BEGUN, None));
        let begun = begun.unwrap().unwrap();
        assert_eq!(ports.message(id).await.unwrap(), Some(begun.clone()), "released as it was answered");
        let is_amended = amended.unwrap().unwrap().is_ok();
        assert_eq!(begun.payload, vec![if is_amended { b'b' } else { b'a' }; 900]);
    }
}

pub(crate) async fn changes_lose_no_segment<A: Adapter>(world: &A) {
    let ports = world.ports();
    releasing(ports, message(1, "shop", Audience::All)).await;
    // As fanout does it: a worker a segment, each of which notes what it held.
    let workers = (0..FANOUT_SEGMENTS / 8).map(|worker| async move {
        for segment in (worker..FANOUT_SEGMENTS).step_by(usize::from(FANOUT_SEGMENTS / 8)) {
            if segment % 16 == 0 {
                let hold = MessageChange::Hold(vec![UnixMillis(u64::from(segment))]);
                ports.change(message_id(1), hold).await.unwrap().unwrap().unwrap();
            }
            ports.finish_segment(message_id(1), segment, UnixMillis(3_000)).await.unwrap().unwrap();
        }
    });
    join_all(workers).await;
    let stands = ports.message(message_id(1)).await.unwrap().unwrap();
    assert_eq!((stands.stage, stands.segments_done), (Stage::Released, u64::MAX));
    assert_eq!(stands.holds, [0, 16, 32, 48].map(UnixMillis));
}

pub(crate) async fn a_recall_and_a_completion_both_hold<A: Adapter>(world: &A) {
    let ports = world.ports();
    for n in 1..=RACES {
        releasing(ports, message(n, "shop", Audience::Devices(vec![device_id(1)]))).await;
        let id = message_id(n);
        ports.finish_segment(id, 0, UnixMillis(3_000)).await.unwrap();
        let (recalled, completed) = tokio::join!(ports.change(id, MessageChange::Recall), ports.complete(id));
        completed.unwrap();
        recalled.unwrap().unwrap().unwrap();
        let stands = ports.message(id).await.unwrap().unwrap();
        assert_eq!((stands.stage, stands.control.flow), (Stage::Completed, Flow::Recalled));
    }
    world.settle().await;
    assert!(ports.overdue(UnixMillis::NEVER, 99).await.unwrap().is_empty());
}
