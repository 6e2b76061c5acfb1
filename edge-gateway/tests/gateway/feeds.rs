//! Broadcasts that come by the feed of an app.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use homing_domain::{
    AppId, Audience, Device, DeviceId, DeviceProfile, FeedAction, FeedEntry, FeedHint, FeedOffset, Lane, LaneChange,
    Localization, Message, MessageId, Notice, Platform, Preferences, PushBody, Tally, UnixMillis,
};
use homing_link::Transport;
use homing_wire::{Frame, Ping, Pong, Recall};

use crate::raw::Raw;
use crate::world::{World, app, device, message_of};

mod counts;
mod many;
mod meant;
mod stopping;

/// When every broadcast here was released.
const RELEASED_AT: UnixMillis = UnixMillis(1_000);
const BOTH: [Transport; 2] = [Transport::Quic, Transport::Tcp];

fn other_app() -> AppId {
    "other".parse().unwrap()
}

/// A device as the directory has it, that is meant by everything.
fn row(id: DeviceId, app: AppId) -> Device {
    let profile = DeviceProfile {
        platform: Platform::Android,
        brand: None,
        model: None,
        os_version: None,
        app_version: None,
        locale: None,
        timezone: None,
        notifications_enabled: true,
    };
    Device {
        id,
        app,
        profile,
        vendor: None,
        user: None,
        user_since: None,
        preferences: Preferences::default(),
        tags: Vec::new(),
        epoch: 1,
        key_id: 1,
        credential_generation: 1,
        created_at: UnixMillis(0),
        updated_at: UnixMillis(0),
        seen_at: UnixMillis(0),
        revision: 1,
        lanes: Vec::new(),
    }
}

impl World {
    /// Registers a device with its row in the directory.
    fn register_whole(&self, n: u32) -> DeviceId {
        self.register_as(n, |_| {})
    }

    fn register_as(&self, n: u32, change: impl FnOnce(&mut Device)) -> DeviceId {
        self.register_row(row(self.register(n), app()), change)
    }

    fn register_row(&self, mut row: Device, change: impl FnOnce(&mut Device)) -> DeviceId {
        change(&mut row);
        let id = row.id;
        self.ports.devices.lock().unwrap().insert(id, row);
        id
    }

    /// What dispatch puts into the feed.
    fn append(&self, app: AppId, message: MessageId, action: FeedAction) -> FeedOffset {
        let mut feeds = self.ports.feeds.lock().unwrap();
        let feed = feeds.entry(app).or_default();
        let offset = feed.last_key_value().map_or(0, |(last, _)| *last) + 1;
        feed.insert(offset, FeedEntry { message, action, expires_at: UnixMillis::NEVER });
        offset
    }

    /// A broadcast in its row and in the feed; whose hint is lost.
    fn broadcast_unhinted(&self, text: &str, change: impl FnOnce(&mut Message)) -> MessageId {
        let mut message = message_of(&self.body(text));
        message.releasing_at = Some(RELEASED_AT);
        message.feed_after = Some(0);
        change(&mut message);
        let (id, app) = (message.id, message.app.clone());
        self.ports.bodies.lock().unwrap().insert(id, message);
        self.append(app, id, FeedAction::Bring);
        id
    }

    fn broadcast(&self, text: &str) -> MessageId {
        let id = self.broadcast_unhinted(text, |_| {});
        self.hint(app());
        id
    }

    /// What dispatch tells every gateway.
    fn hint(&self, app: AppId) {
        let offset = self.ports.feeds.lock().unwrap()[&app].last_key_value().map_or(0, |(last, _)| *last);
        self.ports.notice(Notice::Feed(FeedHint { app, offset }));
    }
}

impl Raw {
    /// Expects these messages by the feed, in this order.
    async fn expect_feed(&mut self, expected: &[(FeedOffset, MessageId)]) {
        for (offset, message) in expected {
            let push = self.push().await;
            assert_eq!((push.seq, push.feed_offset, &push.message[..]), (0, *offset, &message.as_bytes()[..]));
        }
    }

    /// What the answer to a heartbeat says about the feed.
    async fn ask_place(&mut self) -> FeedOffset {
        self.send(Ping::default()).await;
        match self.next().await {
            Some(Frame::Pong(Pong { feed_offset, .. })) => feed_offset,
            other => panic!("no Pong but {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hint_brings_it_to_all_links_of_the_app_and_to_no_other() {
    let world = World::new().await;
    let mut links = Vec::new();
    for n in 1..=4 {
        let id = world.register_whole(n);
        links.push(Raw::join_feed(&world, BOTH[n as usize % 2], id, 1, 0).await);
    }
    let stranger = world.register_in(9, other_app());
    world.register_row(row(stranger, other_app()), |_| {});
    let mut strange = Raw::join_feed(&world, Transport::Quic, stranger, 1, 0).await;
    let first = world.broadcast("to all");
    let second = world.broadcast("to all again");
    for link in &mut links {
        link.expect_feed(&[(1, first), (2, second)]).await;
    }
    world.push(stranger, "its own");
    assert_eq!(strange.push().await.seq, 1, "nothing of another app came before");
    let theirs = world.broadcast_unhinted("theirs", |message| message.app = other_app());
    world.hint(other_app());
    strange.expect_feed(&[(1, theirs)]).await;
    for link in &mut links {
        link.ack_feed(2).await;
        assert_eq!(link.ask_place().await, 0, "it knows, and nothing else came");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_hint_costs_a_round() {
    let world = World::with(|config| config.feed_reread_every = 100).await;
    let id = world.register_whole(1);
    let mut link = Raw::join_feed(&world, Transport::Tcp, id, 1, 0).await;
    world.ports.until("its first read", |ports| (ports.feed_reads.load(Ordering::Relaxed) > 0).then_some(())).await;
    let message = world.broadcast_unhinted("its hint is lost", |_| {});
    link.expect_feed(&[(1, message)]).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_comes_back_to_where_it_was() {
    let world = World::new().await;
    let id = world.register_whole(1);
    let messages: Vec<_> = (0..3).map(|_| world.broadcast("text")).collect();
    let mut link = Raw::join_feed(&world, Transport::Tcp, id, 1, 0).await;
    link.expect_feed(&[(1, messages[0]), (2, messages[1]), (3, messages[2])]).await;
    drop(link);
    let mut link = Raw::join_feed(&world, Transport::Quic, id, 2, 2).await;
    link.expect_feed(&[(3, messages[2])]).await;
    drop(link);
    let later = world.broadcast("while it was away");
    let mut link = Raw::join_feed(&world, Transport::Tcp, id, 3, 3).await;
    link.expect_feed(&[(4, later)]).await;
    world.push(id, "and the mailbox");
    assert_eq!(link.push().await.seq, 1);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_was_further_elsewhere_makes_the_gateway_read() {
    let world = World::new().await;
    let (ahead, behind) = (world.register_whole(1), world.register_whole(2));
    let first = world.broadcast("one");
    let mut slow = Raw::join_feed(&world, Transport::Quic, behind, 1, 0).await;
    slow.expect_feed(&[(1, first)]).await;
    // Another gateway has heard of these, this one has not.
    let second = world.broadcast_unhinted("two", |_| {});
    let third = world.broadcast_unhinted("three", |_| {});
    let mut fast = Raw::join_feed(&world, Transport::Tcp, ahead, 1, 2).await;
    fast.expect_feed(&[(3, third)]).await;
    slow.expect_feed(&[(2, second), (3, third)]).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_cannot_be_read_is_read_again() {
    let world = World::new().await;
    let id = world.register_whole(1);
    let message = world.broadcast("text");
    world.ports.feed_reads_to_fail.store(2, Ordering::Relaxed);
    let mut link = Raw::join_feed(&world, Transport::Quic, id, 1, 0).await;
    link.expect_feed(&[(1, message)]).await;
    assert_eq!(world.ports.feed_reads.load(Ordering::Relaxed), 3);
    world.stop().await;
}
