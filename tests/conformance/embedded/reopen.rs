//! What is there after the store was closed and opened again.

use bytes::Bytes;
use homing_domain::{Audience, Channel, DueTick, Millis};
use homing_ports::{
    Accepted, Apps, Devices, Ledger, Mailboxes, Messages, Outgoing, QueueName, Queues, Settings, Timers, Upstreams,
    VendorChannels, VendorTokens,
};

use super::Embedded;
use crate::adapter::Adapter;
use crate::values::{
    app, app_id, batch_id, channel_config, delivered, device, device_id, enqueue, mailbox, message, message_id, shard,
    takeover, upstream, user_id,
};

#[tokio::test]
async fn everything_answered_is_there() {
    let world = Embedded::open();
    let store = world.ports();
    store.create_app(app("shop")).await.unwrap();
    store.create_device(device(1, "shop", Some("lin"))).await.unwrap();
    store.create_mailbox(device_id(1), mailbox()).await.unwrap();
    store.enqueue(vec![(device_id(1), enqueue(1))]).await.unwrap();
    let taken = store.take_over(device_id(1), takeover(1)).await.unwrap().unwrap();
    store.accept(message(1, "shop", Audience::All)).await.unwrap();
    store.put_shard(shard(1, 1)).await.unwrap();
    let rows = store.record(batch_id(1), vec![delivered(1, 1)], homing_domain::Snapshots::default()).await.unwrap();
    store.count_targets(shard(1, 1).id, message_id(1), 7, 0).await.unwrap();
    store.store_upstream(upstream(1, 1)).await.unwrap();
    let settings = homing_ports::FleetSettings { revision: 1, ..store.settings().await.unwrap() };
    store.replace_settings(settings.clone()).await.unwrap();
    let config = channel_config("shop", Channel::Apns, 1);
    store.replace_channel_config(config.clone()).await.unwrap();
    for n in [1, 2] {
        store.claim_token(&app_id("shop"), Channel::Apns, "t", device_id(n)).await.unwrap();
    }

    let world = world.reopen();
    let store = world.ports();
    assert_eq!(store.app(&app_id("shop")).await.unwrap(), Some(app("shop")));
    assert_eq!(store.devices_of_user(&app_id("shop"), &user_id("lin"), 9).await.unwrap(), [device_id(1)]);
    assert_eq!(store.mailbox(device_id(1)).await.unwrap(), Some(taken.mailbox));
    let existing = Accepted::Existing(Box::new(message(1, "shop", Audience::All)));
    assert_eq!(store.accept(message(1, "shop", Audience::All)).await.unwrap(), existing);
    assert_eq!(store.shards(message_id(1), None, 9).await.unwrap(), [shard(1, 1)]);
    assert_eq!(store.deliveries(message_id(1), None, 9).await.unwrap(), rows);
    store.count_targets(shard(1, 1).id, message_id(1), 7, 0).await.unwrap();
    assert_eq!(store.tally(message_id(1)).await.unwrap().balance(None).targeted, 7);
    assert_eq!(store.upstreams(&app_id("shop"), 0, 9).await.unwrap().len(), 1);
    assert_eq!(store.settings().await.unwrap(), settings);
    assert_eq!(store.channel_configs(None, 9).await.unwrap(), [config]);
    assert_eq!(store.token_owner(&app_id("shop"), Channel::Apns, "t").await.unwrap(), Some(device_id(2)));
    let before = store.claim_token(&app_id("shop"), Channel::Apns, "t", device_id(2)).await.unwrap();
    assert_eq!(before, Some(device_id(1)), "as it was answered before");
}

#[tokio::test]
async fn queue_items_come_back_with_their_delay_and_group() {
    const QUEUE: QueueName = QueueName::Close;
    let world = Embedded::open();
    let store = world.ports();
    let item = |body: &'static str, delay, group: Option<&str>| Outgoing {
        body: Bytes::from_static(body.as_bytes()),
        delay,
        group: group.map(Into::into),
    };
    let items = vec![item("done", 0, None), item("half", 0, None), item("later", 5_000, Some("a"))];
    store.send(QUEUE, items).await.unwrap();
    let received = store.receive(QUEUE, 2, 0).await.unwrap();
    let done = received.iter().find(|item| item.body == "done").unwrap();
    store.delete(QUEUE, vec![done.handle.clone()]).await.unwrap();

    let world = world.reopen();
    let store = world.ports();
    assert_eq!(store.depth(QUEUE).await.unwrap(), 2);
    let again = store.receive(QUEUE, 9, 0).await.unwrap();
    assert_eq!(again.len(), 1, "at least once: nobody remembers who had it");
    assert_eq!((again[0].body.as_ref(), again[0].receives), (&b"half"[..], 1));
    let half = received.iter().find(|item| item.body == "half").unwrap();
    store.delete(QUEUE, vec![half.handle.clone()]).await.unwrap();
    assert_eq!(store.depth(QUEUE).await.unwrap(), 2, "a handle of the last life is void");
    world.advance(5_000).await;
    assert_eq!(store.receive(QUEUE, 9, 0).await.unwrap()[0].body, "later");
}

#[tokio::test]
async fn dead_letters_are_kept() {
    const QUEUE: QueueName = QueueName::Audience;
    let world = Embedded::open();
    let store = world.ports();
    store.send(QUEUE, vec![Outgoing::now(Bytes::from_static(b"poison"))]).await.unwrap();
    for _ in 0..QUEUE.max_receives() {
        let received = store.receive(QUEUE, 1, 0).await.unwrap();
        store.retry(QUEUE, received[0].handle.clone(), 0, "no").await.unwrap();
    }
    let dead = store.dead_letters(QUEUE, 9).await.unwrap();
    assert_eq!(dead.len(), 1);
    let world = world.reopen();
    assert_eq!(world.ports().dead_letters(QUEUE, 9).await.unwrap(), dead);
    assert_eq!(world.ports().depth(QUEUE).await.unwrap(), 0);
}

#[tokio::test]
async fn what_was_given_up_stays_given_up() {
    const QUEUE: QueueName = QueueName::Intake;
    let world = Embedded::open();
    let store = world.ports();
    store.send(QUEUE, vec![Outgoing::now(Bytes::from_static(b"poison"))]).await.unwrap();
    let item = store.receive(QUEUE, 1, 0).await.unwrap().remove(0);
    store.give_up(QUEUE, item, "no such key").await.unwrap();
    let world = world.reopen();
    let dead = world.ports().dead_letters(QUEUE, 9).await.unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!((dead[0].body.as_ref(), dead[0].reason.as_deref()), (&b"poison"[..], Some("no such key")));
    assert_eq!(world.ports().depth(QUEUE).await.unwrap(), 0);
}

#[tokio::test]
async fn a_timer_of_a_year_outlives_its_process() {
    const YEAR: Millis = 365 * 24 * 3_600_000;
    let world = Embedded::open();
    let tick = DueTick { message: message_id(1), at: world.now().plus(YEAR) };
    world.ports().set_timer(tick).await.unwrap();
    let world = world.reopen();
    world.advance(YEAR - 1).await;
    assert!(world.ports().receive(QueueName::Due, 9, 0).await.unwrap().is_empty());
    world.advance(1).await;
    let item = world.ports().receive(QueueName::Due, 9, 0).await.unwrap().remove(0);
    assert_eq!(homing_contract::queue::decode::<DueTick>(&item.body).unwrap(), tick);
}
