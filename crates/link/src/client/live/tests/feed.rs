//! What comes by the app's feed.

use super::*;

fn fed(offset: FeedOffset, id: u8) -> Frame {
    Push { feed_offset: offset, message: Bytes::copy_from_slice(&[id; 16]), ..Push::default() }.into()
}

fn fed_recall(offset: FeedOffset, message: u8, own: u8) -> Frame {
    let id = |n: u8| Bytes::copy_from_slice(&[n; 16]);
    Recall { message: id(message), seq: 0, recall: id(own), feed_offset: offset }.into()
}

fn pong(feed_offset: FeedOffset) -> Frame {
    Pong { feed_offset, ..Pong::default() }.into()
}

fn acks(world: &World) -> Vec<(Seq, FeedOffset)> {
    let ack = |frame: Frame| match frame {
        Frame::Ack(ack) => Some((ack.seq, ack.feed_offset)),
        _ => None,
    };
    world.transmitted().into_iter().filter_map(ack).collect()
}

fn id(n: u8) -> MessageId {
    MessageId::from_bytes([n; 16])
}

/// Where each commit put the cursor, and whether the app hears of it.
fn steps(world: &World) -> Vec<(Seq, FeedOffset, bool)> {
    let step = |commit: Commit| {
        let is_message = matches!(commit.arrival, Arrival::Message(_));
        (commit.cursor.seq, commit.cursor.feed, is_message)
    };
    world.commits().into_iter().map(step).collect()
}

#[test]
fn the_hello_names_the_durable_offset() {
    let mut world = resumed(4);
    world.receive(&[fed(12, 1)]);
    let hello = |memory: &Memory| match Opening::new(START, &introduction(9), memory).1 {
        Frame::Hello(Hello { last_seq, feed_offset, reads_feed, .. }) => (last_seq, feed_offset, reads_feed),
        other => panic!("{other:?}"),
    };
    assert_eq!(hello(&world.memory), (4, FED, true));
    world.write();
    assert_eq!(hello(&world.memory), (4, 12, true));
}

#[test]
fn both_lanes_move_one_cursor_and_each_message_comes_once() {
    let mut world = resumed(0);
    world.receive(&[fed(10, 90), fed(12, 1), push_with(1, 2), fed(12, 1), fed(11, 8), push_with(2, 1), fed(15, 2)]);
    assert_eq!(steps(&world), [(0, 12, true), (1, 12, true), (2, 12, false), (2, 15, false)]);
    assert_eq!(world.commits()[3].arrival, Arrival::Duplicate(id(2)));
    assert_eq!(world.transmitted(), [], "nothing is durable");
    world.write();
    world.wait();
    assert_eq!(acks(&world), [(2, 15)]);
    world.receive(&[push_with(3, 4)]);
    world.write();
    world.wait();
    assert_eq!(acks(&world)[1], (3, 0), "nothing new of the feed");
}

#[test]
fn it_is_acknowledged_when_durable_a_quarter_of_the_window_at_once() {
    let mut world = resumed(0);
    world.receive(&(1..=4).map(push).collect::<Vec<_>>());
    // Far apart: what counts is messages, not offsets.
    world.receive(&[fed(100, 51), fed(200, 52), fed(300, 53)]);
    world.write();
    assert_eq!(acks(&world), []);
    world.receive(&[fed(400, 54)]);
    assert_eq!(acks(&world), [], "not durable");
    world.write();
    assert_eq!(acks(&world), [(4, 400)]);
}

#[test]
fn a_pong_moves_the_cursor_in_silence() {
    let mut world = resumed(3);
    world.receive(&[pong(20), pong(20), pong(19), pong(0)]);
    assert_eq!(steps(&world), [(3, 20, false)], "one write");
    assert_eq!((&world.commits()[0].arrival, world.commits()[0].arrival.loss()), (&Arrival::PassedOver, None));
    world.write();
    assert_eq!(world.memory.cursor().feed, 20);
    world.wait();
    assert_eq!(acks(&world), [], "the gateway knows what it said");
    world.receive(&[fed(20, 1), fed(21, 2)]);
    world.write();
    world.now = world.now.plus(ACK_DELAY_MAX);
    world.live.timeout(world.now, &mut world.memory);
    world.drain();
    assert_eq!(acks(&world), [(3, 21)]);
}

#[test]
fn a_pong_does_not_stand_for_an_ack_that_is_owed() {
    let mut world = resumed(3);
    world.receive(&[fed(12, 1), pong(20)]);
    world.write();
    world.wait();
    assert_eq!(acks(&world), [(3, 20)]);
}

#[test]
fn a_recall_by_the_feed_is_told_once_and_acknowledged() {
    let mut world = resumed(0);
    world.receive(&[fed_recall(12, 9, 2), fed(13, 9), fed_recall(14, 9, 2), fed_recall(13, 1, 3)]);
    let arrivals: Vec<_> = world.commits().into_iter().map(|commit| (commit.cursor.feed, commit.arrival)).collect();
    let taken_back = Arrival::Recalled { message: id(9), recall: Some(id(2)) };
    assert_eq!(arrivals, [(12, taken_back), (13, Arrival::Duplicate(id(9))), (14, Arrival::Duplicate(id(2)))]);
    world.write();
    world.wait();
    assert_eq!(acks(&world), [(0, 14)]);
}

#[test]
fn a_number_and_an_offset_at_once_break_the_protocol() {
    let own = Bytes::from_static(&[2; 16]);
    for malformed in [
        Push { seq: 1, feed_offset: 12, message: own.clone(), ..Push::default() }.into(),
        Frame::from(Recall { message: own.clone(), seq: 1, recall: own.clone(), feed_offset: 12 }),
        Recall { message: own, seq: 0, recall: Bytes::new(), feed_offset: 12 }.into(),
    ] {
        let mut world = resumed(0);
        world.receive(&[malformed]);
        assert_eq!((world.commits(), world.end()), (vec![], Some(Ended::Protocol)));
    }
}

#[test]
fn a_newer_hello_gives_the_older_link_up_in_this_lane_too() {
    for late in [fed(12, 1), fed_recall(12, 9, 2)] {
        let mut old = resumed(1);
        old.memory.raise_connection();
        old.receive(&[late]);
        assert_eq!((old.commits(), old.end()), (Vec::new(), Some(Ended::Lost)));
    }
    let mut old = resumed(1);
    old.memory.raise_connection();
    old.receive(&[pong(12)]);
    assert_eq!((old.commits(), old.end()), (Vec::new(), None), "it says nothing any more, and does no harm");
}

#[test]
fn a_reset_of_the_mailbox_leaves_the_feed_alone() {
    let world = open(memory(5), &[welcome(Resumption::Reset, 8, 20, 22), fed(12, 1)]).unwrap();
    assert_eq!(steps(&world), [(19, FED, false), (19, 12, true)]);
}

#[test]
fn a_hole_in_the_mailbox_is_known_again_though_the_feed_moved() {
    let mut world = resumed(0);
    world.receive(&[fed(12, 1), push(3)]);
    assert_eq!(world.end(), Some(Ended::Protocol));
    world.write();
    let mut world = open(world.memory, &[welcome(Resumption::Resumed, 7, 1, 3)]).unwrap();
    world.receive(&[fed(13, 2), push(3)]);
    assert_eq!((steps(&world).last(), world.end()), (Some(&(3, 13, true)), None));
}

#[test]
fn what_came_by_the_vendor_is_a_duplicate_and_the_other_way_round() {
    let mut world = resumed(0);
    assert!(world.memory.note_elsewhere(id(1)));
    assert!(!world.memory.note_elsewhere(id(1)));
    world.receive(&[fed(12, 1), push_with(1, 1), fed(13, 2), push_with(2, 3)]);
    assert_eq!(steps(&world), [(0, 12, false), (1, 12, false), (1, 13, true), (2, 13, true)]);
    assert!(!world.memory.note_elsewhere(id(2)) && !world.memory.note_elsewhere(id(3)));
}
