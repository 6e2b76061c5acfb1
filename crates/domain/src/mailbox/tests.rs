//! The rules of the mailbox, each with the fault that it guards against.

use bytes::Bytes;

use super::*;
use crate::gateway::ServerId;
use crate::id::{AppId, MessageId, UserId};
use crate::limits::MAILBOX_MAX_ENTRIES;
use crate::message::Priority;
use crate::reason::Reason;
use crate::time::UnixMillis;

fn message(n: u8) -> MessageId {
    MessageId::from_bytes([n; 16])
}

fn request(n: u8) -> Enqueue {
    Enqueue {
        app: app(),
        message: message(n),
        user: None,
        now: UnixMillis(u64::from(n)),
        accepted_at: UnixMillis(0),
        expires_at: UnixMillis::NEVER,
        priority: Priority::Normal,
        collapse_key: None,
        body: Body::Inline(Bytes::from_static(b"{}")),
        variant: 0,
    }
}

fn app() -> AppId {
    "demo".parse().unwrap()
}

fn gateway(n: u8) -> GatewayRef {
    GatewayRef { server_id: ServerId([n; 8]), incarnation: 1 }
}

fn takeover(gateway_number: u8, conn_seq: ConnSeq) -> Takeover {
    Takeover { gateway: gateway(gateway_number), conn_seq, credential_generation: 1, now: UnixMillis(1) }
}

fn mailbox() -> Mailbox {
    Mailbox::new(app(), 7, 1, None)
}

fn stored(outcome: &Enqueued) -> Seq {
    match outcome {
        Enqueued::Stored { seq, .. } => *seq,
        other => panic!("not stored: {other:?}"),
    }
}

fn fill(mailbox: &mut Mailbox) {
    for n in 1..=u8::try_from(MAILBOX_MAX_ENTRIES).unwrap() {
        stored(&mailbox.enqueue(request(n)));
    }
}

#[test]
fn seqs_are_dense_and_a_repeat_is_stored_once() {
    let mut mailbox = mailbox();
    assert_eq!(stored(&mailbox.enqueue(request(1))), 1);
    assert_eq!(stored(&mailbox.enqueue(request(2))), 2);
    assert_eq!(stored(&mailbox.enqueue(request(1))), 1);
    assert_eq!((mailbox.lo, mailbox.hi, mailbox.entries.len()), (1, 2, 2));
}

#[test]
fn a_repeat_of_a_trimmed_message_is_settled() {
    let mut mailbox = mailbox();
    mailbox.enqueue(request(1));
    mailbox.enqueue(request(2));
    mailbox.take_over(takeover(1, 1)).unwrap();
    assert_eq!(mailbox.trim(1, 1, 2), Ok(Trimmed { lo: 3 }));
    assert_eq!(mailbox.enqueue(request(1)), Enqueued::Settled);
    assert_eq!(mailbox.enqueue(request(2)), Enqueued::Settled);
    assert_eq!((mailbox.lo, mailbox.hi), (3, 2));
}

#[test]
fn a_takeover_needs_a_larger_number_but_may_be_repeated() {
    let mut mailbox = mailbox();
    assert!(mailbox.take_over(takeover(1, 5)).is_ok());
    assert!(mailbox.take_over(takeover(1, 5)).is_ok());
    assert_eq!(mailbox.take_over(takeover(2, 5)), Err(TakeoverRefused::Stale { current: 5 }));
    let taken = mailbox.take_over(takeover(2, 6)).unwrap();
    assert_eq!(taken.previous, Some(Route { gateway: gateway(1), conn_seq: 5 }));
    let other_secret = Takeover { credential_generation: 2, ..takeover(2, 7) };
    assert_eq!(mailbox.take_over(other_secret), Err(TakeoverRefused::Credential));
}

#[test]
fn a_fenced_gateway_can_do_nothing() {
    let mut mailbox = mailbox();
    mailbox.enqueue(request(1));
    mailbox.take_over(takeover(1, 1)).unwrap();
    mailbox.take_over(takeover(2, 2)).unwrap();
    let fenced = Fenced { current: 2 };
    assert_eq!(mailbox.trim(1, 1, 1), Err(fenced));
    assert_eq!(mailbox.detach(1, 1), Err(fenced));
    assert_eq!(mailbox.tombstone(1, &[(1, Reason::TimeToLive)]), Err(fenced));
    assert_eq!(mailbox.entries.len(), 1);
}

#[test]
fn a_late_trim_changes_nothing() {
    let mut mailbox = mailbox();
    for n in 1..=3 {
        mailbox.enqueue(request(n));
    }
    mailbox.take_over(takeover(1, 1)).unwrap();
    assert_eq!(mailbox.trim(1, 1, 2), Ok(Trimmed { lo: 3 }));
    assert_eq!(mailbox.trim(1, 1, 3), Ok(Trimmed { lo: 3 }));
}

#[test]
fn an_unseen_entry_is_buried_and_a_possibly_seen_one_is_marked() {
    let mut mailbox = mailbox();
    mailbox.enqueue(request(1));
    mailbox.take_over(takeover(1, 1)).unwrap();
    assert!(matches!(mailbox.withdraw(message(1), Reason::Recalled), Withdrawn::Marked { route: Some(_) }));
    mailbox.detach(1, 1).unwrap();
    mailbox.enqueue(request(2));
    assert_eq!(mailbox.withdraw(message(2), Reason::Recalled), Withdrawn::Tombstoned);
    assert_eq!(mailbox.withdraw(message(9), Reason::Recalled), Withdrawn::Absent);
    assert_eq!(mailbox.entries[0].state, EntryState::Marked(Reason::Recalled));
    assert_eq!(mailbox.entries[1].state, EntryState::Tombstone(Reason::Recalled));
}

#[test]
fn a_repeated_withdrawal_answers_the_same() {
    let mut mailbox = mailbox();
    mailbox.enqueue(request(1));
    assert_eq!(mailbox.withdraw(message(1), Reason::Recalled), Withdrawn::Tombstoned);
    let before = mailbox.clone();
    assert_eq!(mailbox.withdraw(message(1), Reason::Recalled), Withdrawn::Tombstoned);
    assert_eq!(mailbox.withdraw(message(1), Reason::Aborted), Withdrawn::Absent, "it ended for another reason");
    assert_eq!(mailbox, before);
}

#[test]
fn a_withdrawal_that_comes_before_its_message_refuses_it() {
    let mut mailbox = mailbox();
    assert_eq!(mailbox.withdraw(message(1), Reason::Recalled), Withdrawn::Absent);
    assert_eq!(mailbox.enqueue(request(1)), Enqueued::Refused(Reason::Recalled));
}

#[test]
fn the_newest_of_a_collapse_key_is_kept() {
    let mut mailbox = mailbox();
    let keyed = |n| Enqueue { collapse_key: Some("score".into()), ..request(n) };
    mailbox.enqueue(keyed(1));
    mailbox.enqueue(request(2));
    let Enqueued::Stored { collapsed, seq, .. } = mailbox.enqueue(keyed(3)) else { panic!("no room") };
    assert_eq!((seq, collapsed), (3, vec![message(1)]));
    assert_eq!(mailbox.entries[0].state, EntryState::Tombstone(Reason::Collapsed));
    assert_eq!(mailbox.entries[1].state, EntryState::Live);
    let Enqueued::Stored { collapsed, .. } = mailbox.enqueue(keyed(3)) else { panic!("not stored") };
    assert_eq!(collapsed, [message(1)], "a repeat tells the ledger again");
}

#[test]
fn unbind_withdraws_what_was_addressed_to_the_old_user() {
    let (old, new) = ("old".parse::<UserId>().unwrap().hash(), "new".parse::<UserId>().unwrap().hash());
    let mut mailbox = Mailbox::new(app(), 7, 1, Some(old));
    stored(&mailbox.enqueue(Enqueue { user: Some(old), ..request(1) }));
    stored(&mailbox.enqueue(request(2)));
    assert_eq!(mailbox.bind(Some(new)).unseen, [message(1)]);
    assert_eq!(mailbox.enqueue(Enqueue { user: Some(old), ..request(3) }), Enqueued::Refused(Reason::Unbound));
    mailbox.bind(Some(old));
    let repeat = mailbox.enqueue(Enqueue { user: Some(old), ..request(3) });
    assert_eq!(repeat, Enqueued::Refused(Reason::Unbound), "a repeat gets the same answer");
    mailbox.bind(Some(new));
    assert_eq!(mailbox.entries[1].state, EntryState::Live);
}

#[test]
fn a_full_mailbox_overflows_into_one_tombstone_and_remembers_what_it_dropped() {
    let mut mailbox = mailbox();
    fill(&mut mailbox);
    assert_eq!(mailbox.enqueue(request(200)), Enqueued::Full { route: None });
    let Overflowed::Tombstoned(dropped) = mailbox.overflow() else { panic!("nothing dropped") };
    assert_eq!(dropped.len(), MAILBOX_MAX_ENTRIES / 2);
    assert_eq!(mailbox.overflow(), Overflowed::Tombstoned(dropped.clone()), "a repeat answers the same");
    let told: Vec<_> = dropped.iter().map(|(message, _)| *message).collect();
    mailbox.merge_overflow(&told);
    assert_eq!(mailbox.entries[0].span, 32);
    assert_eq!(stored(&mailbox.enqueue(request(200))), 65);
    for message in told {
        assert_eq!(mailbox.enqueue(Enqueue { message, ..request(1) }), Enqueued::Settled);
    }
    let seqs: Vec<_> = mailbox.numbered().map(|(seq, _)| seq).collect();
    assert_eq!((seqs[0], seqs[1], *seqs.last().unwrap()), (1, 33, 65));
}

#[test]
fn nothing_that_may_have_been_seen_overflows() {
    let mut mailbox = mailbox();
    fill(&mut mailbox);
    mailbox.take_over(takeover(1, 1)).unwrap();
    assert!(matches!(mailbox.overflow(), Overflowed::NothingUnseen { route: Some(_) }));
    mailbox.detach(1, 60).unwrap();
    let Overflowed::Tombstoned(dropped) = mailbox.overflow() else { panic!("nothing dropped") };
    assert_eq!(dropped.into_iter().map(|(message, _)| message).collect::<Vec<_>>(), [61, 62, 63, 64].map(message));
}

#[test]
fn another_apps_message_finds_no_device() {
    let mut mailbox = mailbox();
    let foreign = Enqueue { app: "other".parse().unwrap(), ..request(1) };
    assert_eq!(mailbox.enqueue(foreign), Enqueued::Unknown);
}

#[test]
fn a_revoked_mailbox_takes_nothing_and_nobody() {
    let mut mailbox = mailbox();
    mailbox.enqueue(request(1));
    assert_eq!(mailbox.revoke().unseen, [message(1)]);
    assert_eq!(mailbox.enqueue(request(2)), Enqueued::Revoked);
    assert_eq!(mailbox.take_over(takeover(1, 1)), Err(TakeoverRefused::Revoked));
}
