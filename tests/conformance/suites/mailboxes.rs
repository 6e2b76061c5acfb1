//! Mailboxes: each operation reaches the item, its answer comes back, and what it changed is there afterwards. The rules
//! themselves are tested on the pure model.

use bytes::Bytes;
use homing_domain::limits::MAILBOX_MAX_ENTRIES;
use homing_domain::mailbox::{
    Body, Detached, Enqueue, Enqueued, EntryState, Fenced, Mailbox, Overflowed, Rebound, Route, Takeover,
    TakeoverRefused, Tombstoned, Trimmed, Withdrawn,
};
use homing_domain::{DeviceId, Reason, Seq, UnixMillis};
use homing_ports::{Created, Mailboxes};

use crate::adapter::{Adapter, Ports};
use crate::values::{app_id, device_id, enqueue, gateway, mailbox, message_id, seqs, takeover, user_id};

const DEVICE: u32 = 1;

fn device() -> DeviceId {
    device_id(DEVICE)
}

async fn filled(ports: &impl Ports, entries: u32) {
    ports.create_mailbox(device(), mailbox()).await.unwrap();
    for n in 1..=entries {
        let seq = Seq::from(n);
        assert!(matches!(enqueue_one(ports, enqueue(n)).await, Enqueued::Stored { seq: found, .. } if found == seq));
    }
}

async fn enqueue_one(ports: &impl Ports, request: Enqueue) -> Enqueued {
    ports.enqueue(vec![(device(), request)]).await.unwrap().remove(0).unwrap()
}

async fn stored(ports: &impl Ports) -> Mailbox {
    ports.mailbox(device()).await.unwrap().unwrap()
}

fn live_seqs(mailbox: &Mailbox) -> Vec<Seq> {
    mailbox.numbered().filter(|(_, entry)| entry.state == EntryState::Live).map(|(seq, _)| seq).collect()
}

pub(crate) async fn create_is_once<A: Adapter>(world: &A) {
    let ports = world.ports();
    assert_eq!(ports.create_mailbox(device(), mailbox()).await.unwrap(), Created::New);
    let other = Mailbox::new(app_id("other"), 9, 2, None);
    assert_eq!(ports.create_mailbox(device(), other).await.unwrap(), Created::Exists);
    assert_eq!(stored(ports).await, mailbox());
}

pub(crate) async fn a_device_without_a_mailbox<A: Adapter>(world: &A) {
    let ports = world.ports();
    assert_eq!(ports.mailbox(device()).await.unwrap(), None);
    assert_eq!(enqueue_one(ports, enqueue(1)).await, Enqueued::Unknown);
    assert_eq!(ports.take_over(device(), takeover(1)).await.unwrap(), Err(TakeoverRefused::Revoked));
    assert!(ports.tombstone(device(), 1, vec![(1, Reason::Recalled)]).await.unwrap().is_err());
    assert!(ports.trim(device(), 1, 1, 1).await.unwrap().is_err());
    assert!(ports.detach(device(), 1, 0).await.unwrap().is_err());
    assert_eq!(ports.withdraw(device(), message_id(1), Reason::Recalled).await.unwrap(), Withdrawn::Absent);
    assert_eq!(ports.bind(device(), None).await.unwrap(), None);
    assert_eq!(ports.revoke(device()).await.unwrap(), None);
    assert_eq!(ports.overflow(device()).await.unwrap(), None);
    ports.merge_overflow(device(), vec![message_id(1)]).await.unwrap();
    assert_eq!(ports.mailbox(device()).await.unwrap(), None);
}

pub(crate) async fn enqueue_answers_in_order<A: Adapter>(world: &A) {
    let ports = world.ports();
    ports.create_mailbox(device_id(1), mailbox()).await.unwrap();
    ports.create_mailbox(device_id(3), mailbox()).await.unwrap();
    let foreign = Enqueue { app: app_id("other"), ..enqueue(5) };
    let unbound = Enqueue { user: Some(user_id("wei").hash()), ..enqueue(6) };
    let requests = vec![
        (device_id(3), enqueue(7)),
        (device_id(2), enqueue(7)),
        (device_id(1), enqueue(7)),
        (device_id(1), foreign),
        (device_id(1), unbound),
        (device_id(3), enqueue(8)),
    ];
    let answers = ports.enqueue(requests).await.unwrap();
    let in_short: Vec<_> = answers
        .into_iter()
        .map(|answer| match answer.unwrap() {
            Enqueued::Stored { seq, route: None, .. } => format!("stored {seq}"),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(in_short, ["stored 1", "Unknown", "stored 1", "Unknown", "Refused(Unbound)", "stored 2"]);
    assert!(ports.enqueue(Vec::new()).await.unwrap().is_empty());
}

pub(crate) async fn enqueue_repeats<A: Adapter>(world: &A) {
    let ports = world.ports();
    filled(ports, 1).await;
    ports.take_over(device(), takeover(4)).await.unwrap().unwrap();
    let repeat = enqueue_one(ports, Enqueue { now: UnixMillis(50), ..enqueue(1) }).await;
    let route = Some(Route { gateway: gateway(4), conn_seq: 4 });
    let first = Enqueued::Stored { seq: 1, enqueued_at: UnixMillis(1), route, has_vendor: false, collapsed: vec![] };
    assert_eq!(repeat, first, "the first number and time, the present route");
    ports.trim(device(), 4, 1, 1).await.unwrap().unwrap();
    assert_eq!(enqueue_one(ports, enqueue(1)).await, Enqueued::Settled, "trimmed ids are remembered");
    assert_eq!(stored(ports).await.hi, 1);
}

pub(crate) async fn an_enqueue_says_whether_there_is_a_vendor<A: Adapter>(world: &A) {
    let ports = world.ports();
    ports.set_vendor(device(), true).await.unwrap();
    assert_eq!(ports.mailbox(device()).await.unwrap(), None, "a device without a mailbox stays without");
    filled(ports, 1).await;
    let mut model = stored(ports).await;
    let has_vendor = async |request: Enqueue| match enqueue_one(ports, request).await {
        Enqueued::Stored { has_vendor, .. } => has_vendor,
        other => panic!("{other:?}"),
    };
    assert!(!has_vendor(enqueue(1)).await);
    for wanted in [true, true, false, true] {
        ports.set_vendor(device(), wanted).await.unwrap();
        model.has_vendor = wanted;
        assert_eq!(stored(ports).await, model, "and nothing else is changed");
        assert_eq!(has_vendor(enqueue(1)).await, wanted, "a repeat is told of the present");
    }
    assert!(has_vendor(enqueue(2)).await);
    assert!(has_vendor(Enqueue { collapse_key: Some("k".to_owned()), ..enqueue(3) }).await);
    let taken = ports.take_over(device(), takeover(1)).await.unwrap().unwrap();
    assert!(taken.mailbox.has_vendor, "it outlives what others write");
    ports.bind(device(), None).await.unwrap();
    assert!(has_vendor(enqueue(4)).await);
}

pub(crate) async fn every_kind_of_entry_comes_back<A: Adapter>(world: &A) {
    let ports = world.ports();
    let mut model = mailbox();
    ports.create_mailbox(device(), mailbox()).await.unwrap();
    let full = Enqueue {
        user: Some(user_id("lin").hash()),
        collapse_key: Some("折叠".to_owned()),
        body: Body::Inline(Bytes::from_static(b"\x00\xff{}")),
        variant: 1,
        ..enqueue(1)
    };
    let large = Enqueue { body: Body::Reference, expires_at: UnixMillis::NEVER, variant: u8::MAX, ..enqueue(2) };
    let empty = Enqueue { body: Body::Inline(Bytes::new()), ..enqueue(3) };
    let collapsing = Enqueue { collapse_key: Some("折叠".to_owned()), ..enqueue(4) };
    let refused = Enqueue { user: Some(user_id("wei").hash()), ..enqueue(5) };
    for request in [full, large, empty, collapsing, refused] {
        assert_eq!(enqueue_one(ports, request.clone()).await, model.enqueue(request));
    }
    assert_eq!(stored(ports).await, model);
    ports.take_over(device(), takeover(u64::MAX)).await.unwrap().unwrap();
    model.take_over(takeover(u64::MAX)).unwrap();
    let marked = ports.withdraw(device(), message_id(2), Reason::Recalled).await.unwrap();
    assert_eq!(marked, model.withdraw(message_id(2), Reason::Recalled));
    assert_eq!(stored(ports).await, model, "marks, tombstones and routes");
}

pub(crate) async fn a_takeover_says_when_the_device_was_seen<A: Adapter>(world: &A) {
    const DAY: u64 = 86_400_000;
    let ports = world.ports();
    let mut model = mailbox();
    ports.create_mailbox(device(), mailbox()).await.unwrap();
    for day in 1..=3 {
        let takeover = Takeover { now: UnixMillis(day * DAY), ..takeover(day) };
        for _ in 0..2 {
            let taken = ports.take_over(device(), takeover).await.unwrap();
            assert_eq!(taken, model.take_over(takeover));
            assert_eq!(stored(ports).await, model);
        }
    }
    assert_eq!(stored(ports).await.seen_at, UnixMillis(3 * DAY));
}

pub(crate) async fn take_over_is_fenced_by_the_connection_number<A: Adapter>(world: &A) {
    let ports = world.ports();
    filled(ports, 2).await;
    let taken = ports.take_over(device(), takeover(5)).await.unwrap().unwrap();
    assert_eq!(taken.previous, None);
    assert_eq!(taken.mailbox, stored(ports).await);
    assert_eq!(live_seqs(&taken.mailbox), seqs(1, 2));
    assert_eq!(ports.take_over(device(), takeover(5)).await.unwrap().unwrap().previous, None, "a repeat");
    let late = ports.take_over(device(), takeover(4)).await.unwrap();
    assert_eq!(late, Err(TakeoverRefused::Stale { current: 5 }));
    let replayed = Takeover { gateway: gateway(99), ..takeover(5) };
    assert_eq!(ports.take_over(device(), replayed).await.unwrap(), Err(TakeoverRefused::Stale { current: 5 }));
    let old_secret = Takeover { credential_generation: 0, ..takeover(6) };
    assert_eq!(ports.take_over(device(), old_secret).await.unwrap(), Err(TakeoverRefused::Credential));
    let next = ports.take_over(device(), takeover(6)).await.unwrap().unwrap();
    assert_eq!(next.previous, Some(Route { gateway: gateway(5), conn_seq: 5 }));
}

pub(crate) async fn the_owner_tombstones_trims_and_detaches<A: Adapter>(world: &A) {
    let ports = world.ports();
    filled(ports, 4).await;
    ports.take_over(device(), takeover(1)).await.unwrap().unwrap();
    let buried = ports.tombstone(device(), 1, vec![(3, Reason::TimeToLive)]).await.unwrap();
    assert_eq!(buried, Ok(Tombstoned));
    assert_eq!(live_seqs(&stored(ports).await), [1, 2, 4]);
    assert_eq!(ports.trim(device(), 1, 1, 2).await.unwrap(), Ok(Trimmed { lo: 3 }));
    assert_eq!(ports.detach(device(), 1, 3).await.unwrap(), Ok(Detached));
    let after = stored(ports).await;
    assert_eq!((after.lo, after.hi, after.sent, after.route, after.conn_seq), (3, 4, 3, None, 1));
    assert_eq!(after.trimmed, [message_id(1).short_hash(), message_id(2).short_hash()]);
}

pub(crate) async fn a_fenced_owner_changes_nothing<A: Adapter>(world: &A) {
    let ports = world.ports();
    filled(ports, 2).await;
    ports.take_over(device(), takeover(1)).await.unwrap().unwrap();
    ports.take_over(device(), takeover(2)).await.unwrap().unwrap();
    let before = stored(ports).await;
    let fenced = Fenced { current: 2 };
    assert_eq!(ports.tombstone(device(), 1, vec![(1, Reason::Recalled)]).await.unwrap(), Err(fenced));
    assert_eq!(ports.trim(device(), 1, 1, 2).await.unwrap(), Err(fenced));
    assert_eq!(ports.detach(device(), 1, 2).await.unwrap(), Err(fenced));
    assert_eq!(stored(ports).await, before);
}

pub(crate) async fn trim_elsewhere_changes_nothing<A: Adapter>(world: &A) {
    let ports = world.ports();
    filled(ports, 3).await;
    ports.take_over(device(), takeover(1)).await.unwrap().unwrap();
    for _ in 0..2 {
        assert_eq!(ports.trim(device(), 1, 1, 1).await.unwrap(), Ok(Trimmed { lo: 2 }), "and so does a repeat");
    }
    assert_eq!(ports.trim(device(), 1, 1, 3).await.unwrap(), Ok(Trimmed { lo: 2 }));
    assert_eq!(live_seqs(&stored(ports).await), seqs(2, 3));
}

pub(crate) async fn withdraw_marks_or_buries<A: Adapter>(world: &A) {
    let ports = world.ports();
    filled(ports, 3).await;
    let absent = ports.withdraw(device(), message_id(9), Reason::Recalled).await.unwrap();
    assert_eq!(absent, Withdrawn::Absent);
    assert_eq!(enqueue_one(ports, enqueue(9)).await, Enqueued::Refused(Reason::Recalled), "withdrawn before it came");
    let unseen = ports.withdraw(device(), message_id(1), Reason::Recalled).await.unwrap();
    assert_eq!(unseen, Withdrawn::Tombstoned);
    let route = Some(Route { gateway: gateway(1), conn_seq: 1 });
    ports.take_over(device(), takeover(1)).await.unwrap().unwrap();
    let maybe_seen = ports.withdraw(device(), message_id(2), Reason::Recalled).await.unwrap();
    assert_eq!(maybe_seen, Withdrawn::Marked { route });
    assert_eq!(live_seqs(&stored(ports).await), [3]);
}

pub(crate) async fn bind_withdraws_what_was_for_another<A: Adapter>(world: &A) {
    let ports = world.ports();
    ports.create_mailbox(device(), mailbox()).await.unwrap();
    let lin = user_id("lin").hash();
    enqueue_one(ports, Enqueue { user: Some(lin), ..enqueue(1) }).await;
    enqueue_one(ports, enqueue(2)).await;
    let rebound = Rebound { unseen: vec![message_id(1)], route: None };
    for _ in 0..2 {
        let wei = Some(user_id("wei").hash());
        assert_eq!(ports.bind(device(), wei).await.unwrap(), Some(rebound.clone()), "and so does a repeat");
    }
    let after = stored(ports).await;
    assert_eq!(after.user, Some(user_id("wei").hash()));
    assert_eq!(live_seqs(&after), [2]);
    let late = enqueue_one(ports, Enqueue { user: Some(lin), ..enqueue(3) }).await;
    assert_eq!(late, Enqueued::Refused(Reason::Unbound));
}

pub(crate) async fn revoke_is_repeatable<A: Adapter>(world: &A) {
    let ports = world.ports();
    filled(ports, 2).await;
    ports.take_over(device(), takeover(1)).await.unwrap().unwrap();
    let route = Some(Route { gateway: gateway(1), conn_seq: 1 });
    let unseen = vec![message_id(1), message_id(2)];
    let first = ports.revoke(device()).await.unwrap();
    assert_eq!(first, Some(Rebound { unseen: unseen.clone(), route }));
    let again = ports.revoke(device()).await.unwrap();
    assert_eq!(again, Some(Rebound { unseen, route: None }), "the same messages, without the route");
    assert_eq!(enqueue_one(ports, enqueue(3)).await, Enqueued::Revoked);
    assert_eq!(ports.take_over(device(), takeover(2)).await.unwrap(), Err(TakeoverRefused::Revoked));
    assert!(ports.trim(device(), 1, 1, 2).await.unwrap().is_err());
}

pub(crate) async fn overflow_is_told_then_merged<A: Adapter>(world: &A) {
    let ports = world.ports();
    let full = u32::try_from(MAILBOX_MAX_ENTRIES).unwrap();
    filled(ports, full).await;
    assert_eq!(enqueue_one(ports, enqueue(full + 1)).await, Enqueued::Full { route: None });
    let Some(Overflowed::Tombstoned(first)) = ports.overflow(device()).await.unwrap() else {
        panic!("nobody owns it and nothing was seen");
    };
    assert_eq!(first.len(), MAILBOX_MAX_ENTRIES / 2);
    assert!(first.iter().all(|(_, reason)| *reason == Reason::Overflow));
    let repeat = ports.overflow(device()).await.unwrap();
    assert_eq!(repeat, Some(Overflowed::Tombstoned(first.clone())), "the same until they are merged");
    ports.merge_overflow(device(), first.iter().map(|(message, _)| *message).collect()).await.unwrap();
    assert_eq!(ports.overflow(device()).await.unwrap(), Some(Overflowed::NotFull));
    let seq = Seq::from(full + 1);
    assert!(matches!(enqueue_one(ports, enqueue(full + 1)).await, Enqueued::Stored { seq: found, .. } if found == seq));
    assert_eq!(enqueue_one(ports, enqueue(1)).await, Enqueued::Settled, "what overflowed is remembered");
    let after = stored(ports).await;
    assert_eq!((after.lo, after.hi), (1, seq), "numbers stay dense");
    assert_eq!(live_seqs(&after), seqs(seq / 2 + 1, seq));
}
