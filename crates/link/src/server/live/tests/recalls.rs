//! Messages that take others back: an entry like any other, with a frame of its own.

use bytes::Bytes;
use homing_domain::{MessageId, PushBody, Reason, Stage, UnixMillis};
use homing_wire::{Frame, SkipReason};
use proptest::prelude::*;

use super::world::{World, body, effects, ends, frames, message, pushed, recorded, skipped, trims};
use crate::server::{Effect, StoreFault};

/// Message `n`, which takes back `other`.
fn recall(n: u8, other: u8) -> PushBody {
    PushBody { recalls: Some(message(other)), ..body(n) }
}

/// The recalls among frames: (seq, what is taken back, the recall's own id).
fn recalls(effects: &[Effect]) -> Vec<(u64, MessageId, MessageId)> {
    let id = |bytes: &Bytes| MessageId::from_slice(bytes).unwrap();
    let recall = |frame: Frame| match frame {
        Frame::Recall(recall) => Some((recall.seq, id(&recall.message), id(&recall.recall))),
        _ => None,
    };
    frames(effects).into_iter().filter_map(recall).collect()
}

#[test]
fn it_goes_out_in_its_place_and_is_acknowledged_and_trimmed_like_a_push() {
    let mut world = World::new();
    let mut live = world.live(1, 0);
    world.push(&mut live, body(1));
    world.push(&mut live, recall(2, 1));
    world.push(&mut live, body(3));
    let found = effects(&mut live);
    assert_eq!((pushed(&found), recalls(&found)), (vec![1, 3], vec![(2, message(1), message(2))]));
    world.ack(&mut live, 3);
    let found = effects(&mut live);
    let delivered = |n| (message(n), Stage::Delivered, None);
    assert_eq!(ends(&found), [delivered(1), delivered(2), delivered(3)]);
    recorded(&found).0.into_iter().for_each(|ticket| live.recorded(world.now, ticket));
    live.trim_wanted(world.now);
    assert_eq!(trims(&effects(&mut live)), [(1, 3)]);
}

#[test]
fn out_of_the_mailbox_it_is_looked_up_whatever_its_length() {
    let mut world = World::new();
    world.enqueue(&recall(1, 9));
    world.enqueue(&body(2));
    let mut live = world.live(1, 0);
    let found = effects(&mut live);
    assert!(found.contains(&Effect::FetchBody { message: message(1), variant: 0 }));
    assert!(pushed(&found).is_empty(), "2 keeps its place");
    live.body(world.now, message(1), Err(StoreFault::Unavailable));
    world.now = live.next_timeout();
    live.timeout(world.now);
    assert!(effects(&mut live).contains(&Effect::FetchBody { message: message(1), variant: 0 }));
    live.body(world.now, message(1), Ok(Some(&recall(1, 9))));
    let found = effects(&mut live);
    assert_eq!((recalls(&found), pushed(&found)), (vec![(1, message(9), message(1))], vec![2]));
}

#[test]
fn a_repeated_hand_off_brings_what_would_have_to_be_looked_up() {
    let mut world = World::new();
    world.enqueue(&recall(1, 9));
    let mut live = world.live(1, 0);
    effects(&mut live);
    world.hand_off(&mut live, recall(1, 9), 1);
    assert_eq!(recalls(&effects(&mut live)), [(1, message(9), message(1))]);
}

#[test]
fn one_that_is_withdrawn_or_has_expired_is_skipped() {
    let mut world = World::new();
    world.enqueue(&PushBody { expires_at: UnixMillis(900), ..recall(1, 9) });
    world.enqueue(&recall(2, 9));
    world.mailbox.withdraw(message(2), Reason::Unbound);
    let mut live = world.live(1, 0);
    let found = effects(&mut live);
    world.bury(&mut live, &found);
    let found = effects(&mut live);
    assert!(recalls(&found).is_empty());
    assert_eq!(skipped(&found), [(1, SkipReason::Expired as i32, 1), (2, SkipReason::Unbound as i32, 1)]);
}

#[test]
fn what_waits_and_is_marked_is_never_sent_and_its_recall_is() {
    let mut world = World::new();
    let mut live = world.live(1, 0);
    effects(&mut live);
    world.fill(1);
    world.mailbox.withdraw(message(1), Reason::Recalled);
    live.reread(world.now);
    world.answer_read(&mut live);
    world.push(&mut live, recall(2, 1));
    let found = effects(&mut live);
    assert_eq!(world.bury(&mut live, &found), [(1, Reason::Recalled)]);
    let found = effects(&mut live);
    assert_eq!(skipped(&found), [(1, SkipReason::Recalled as i32, 1)]);
    assert_eq!(recalls(&found), [(2, message(1), message(2))]);
}

#[test]
fn what_was_sent_before_it_was_marked_is_delivered_and_only_its_recall_tells() {
    let mut world = World::new();
    world.fill(1);
    let mut live = world.live(1, 0);
    effects(&mut live);
    world.mailbox.withdraw(message(1), Reason::Recalled);
    live.reread(world.now);
    world.answer_read(&mut live);
    assert!(recalls(&effects(&mut live)).is_empty());
    world.ack(&mut live, 1);
    assert_eq!(ends(&effects(&mut live)), [(message(1), Stage::Delivered, None)]);
}

proptest! {
    /// Whatever stands in the mailbox and however often the link breaks: the frames of one link are its entries from the
    /// cursor on, in order, each as what it is.
    #[test]
    fn pushes_and_recalls_keep_one_order(
        kinds in proptest::collection::vec(any::<bool>(), 1..40),
        cuts in proptest::collection::vec(0_usize..40, 0..4),
    ) {
        let mut world = World::new();
        let bodies: Vec<_> = kinds.iter().zip(1_u8..).map(|(is_recall, n)| if *is_recall { recall(n, 200) } else { body(n) }).collect();
        bodies.iter().for_each(|body| drop(world.enqueue(body)));
        let mut cursor = 0;
        for (cut, conn_seq) in cuts.into_iter().chain([40]).zip(1..) {
            let mut live = world.live(conn_seq, cursor);
            let mut sent = Vec::new();
            let mut acked = cursor;
            loop {
                let found = effects(&mut live);
                if found.is_empty() {
                    if acked == cursor + sent.len() as u64 {
                        break;
                    }
                    acked = cursor + sent.len() as u64;
                    world.ack(&mut live, acked);
                    continue;
                }
                for effect in &found {
                    if let Effect::FetchBody { message, .. } = effect {
                        let body = bodies.iter().find(|body| body.message == *message);
                        live.body(world.now, *message, Ok(body));
                    }
                }
                for frame in frames(&found) {
                    match frame {
                        Frame::Push(push) => sent.push((push.seq, false)),
                        Frame::Recall(recall) => sent.push((recall.seq, true)),
                        _ => {}
                    }
                }
            }
            let wanted: Vec<_> = (1_u64..).zip(kinds.iter().copied()).skip(usize::try_from(cursor).unwrap()).collect();
            prop_assert_eq!(&sent, &wanted);
            cursor += u64::try_from(cut.min(sent.len())).unwrap();
        }
    }
}
