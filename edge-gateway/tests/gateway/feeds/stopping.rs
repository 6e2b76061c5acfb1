//! What is taken out of a feed, and what is taken back by it.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stopped_comes_to_nobody_else() {
    let world = World::new().await;
    let (here, later) = (world.register_whole(1), world.register_whole(2));
    let mut link = Raw::join_feed(&world, Transport::Quic, here, 1, 0).await;
    let stopped = world.broadcast("stopped soon");
    link.expect_feed(&[(1, stopped)]).await;
    world.append(app(), stopped, FeedAction::Stop);
    let next = world.broadcast("goes on");
    link.expect_feed(&[(3, next)]).await;
    let mut late = Raw::join_feed(&world, Transport::Tcp, later, 1, 0).await;
    late.expect_feed(&[(3, next)]).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_behind_a_full_window_is_stopped_too() {
    let world = World::new().await;
    let id = world.register_whole(1);
    let mut link = Raw::join_feed(&world, Transport::Tcp, id, 1, 0).await;
    let messages: Vec<_> = (1..=40).map(|n| world.broadcast_unhinted(&format!("message {n}"), |_| {})).collect();
    world.hint(app());
    let expected: Vec<_> = (1..).zip(messages.iter().copied()).collect();
    link.expect_feed(&expected[..32]).await;
    world.append(app(), messages[34], FeedAction::Stop);
    let last = world.broadcast("the last");
    // Whoever gets the last one has a gateway that knows of the stop.
    let other = world.register_whole(2);
    Raw::join_feed(&world, Transport::Quic, other, 1, 40).await.expect_feed(&[(42, last)]).await;
    link.ack_feed(32).await;
    link.expect_feed(&expected[32..34]).await;
    link.expect_feed(&expected[35..]).await;
    link.expect_feed(&[(42, last)]).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recall_goes_where_its_message_went() {
    let world = World::new().await;
    let meant = world.register_as(1, |device| device.tags = vec!["gold".to_owned()]);
    let other = world.register_whole(2);
    let message = world.broadcast_unhinted("for gold", |message| {
        message.audience = Audience::Expression("gold".parse().unwrap());
    });
    let mut link = Raw::join_feed(&world, Transport::Quic, meant, 1, 0).await;
    link.expect_feed(&[(1, message)]).await;
    let mut bystander = Raw::join_feed(&world, Transport::Tcp, other, 1, 0).await;
    let body = PushBody { recalls: Some(message), ..world.body("{}") };
    let recall = Message { audience: Audience::RecipientsOf(message), ..message_of(&body) };
    let recall = Message { releasing_at: Some(RELEASED_AT.plus(5)), feed_after: Some(1), ..recall };
    world.ports.bodies.lock().unwrap().insert(recall.id, recall.clone());
    world.append(app(), message, FeedAction::Stop);
    world.append(app(), recall.id, FeedAction::Bring);
    world.hint(app());
    let id = |id: MessageId| Bytes::copy_from_slice(id.as_bytes());
    let expected = Recall { message: id(message), seq: 0, recall: id(recall.id), feed_offset: 3 };
    assert_eq!(link.recall().await, expected);
    world.push(other, "a mark");
    assert_eq!(bystander.push().await.seq, 1, "there is nothing to take back from it");
    world.stop().await;
}
