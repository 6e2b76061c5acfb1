//! Vendors that answer what no vendor answers: each message ends as designed, nothing goes to anybody else, and the channels of
//! the other vendors do not notice.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use futures_util::future::join_all;
use homing::config::Config;
use homing_contract::http::v1::{
    AudienceRequest, DeliveryName, Notification, OptionsRequest, PushRequest, StageName, TraceView,
};
use homing_domain::Channel;
use serde_json::json;
use tokio::net::TcpListener;

use super::super::world::{World, config};
use super::player::{Player, Trick};
use super::vendor_words::upload;

/// What the server reads of a vendor's answer.
const ANSWER_MAX_BYTES: usize = 1 << 20;
/// Kernels hold up to 6 MiB of what nobody reads, at the receiver's side.
const KERNEL_MAX_BYTES: usize = 7 * 1_024 * 1_024;
/// How long a message waits for access to its vendor.
const TTL_SECONDS: i64 = 2;
/// A vendor that stalls is given up after this.
const ANSWER_WITHIN: Duration = Duration::from_millis(500);

/// These vendors are where the player is; the others are a stand-in's.
fn settings(directory: &Path, player: &Player, channels: &[Channel]) -> Config {
    let mut config = Config { stand_in_vendor: Some(directory.join("vendors")), ..config(directory) };
    let url = format!("http://{}", player.address);
    for channel in channels {
        config.vendor_origins = config.vendor_origins.with(*channel, &url);
    }
    config.outbound.redirected.insert(url);
    config.outbound.answer_within_max = ANSWER_WITHIN;
    config
}

/// A message to one device by its vendor, and what became of it: stage and reason.
async fn brought(world: &World, channel: &str, token: &str) -> (StageName, Option<String>) {
    brought_within(world, channel, token, None).await
}

async fn brought_within(
    world: &World,
    channel: &str,
    token: &str,
    ttl_seconds: Option<i64>,
) -> (StageName, Option<String>) {
    let device = world.register_at(channel, token).await.device_id;
    let notification = Some(Notification { body: Some("hello".to_owned()), ..Notification::default() });
    let delivery = Some(DeliveryName::VendorOnly);
    let options = Some(OptionsRequest { delivery, ttl_seconds, ..OptionsRequest::default() });
    let audience = AudienceRequest::devices([device.clone()]);
    let sent = world.send(&PushRequest { audience, notification, options, ..PushRequest::default() }).await;
    let view = world.completed(&sent).await;
    assert_eq!((view.balance.targeted, view.balance.delivered, view.balance.pending), (1, 0, 0), "{token}");
    let trace: TraceView = world.get(&format!("/v1/messages/{sent}/trace?device={device}")).await;
    (trace.stage.unwrap(), trace.reason)
}

/// An app whose vendor is asked once, and no more.
async fn set_up(world: &World, channel: &str) {
    world.set_channel("demo", channel, "", &upload(channel)).await;
    world.set_channel("demo", channel, "/policy", &json!({ "max_attempts": 1 })).await;
}

/// What becomes of the message. Who has said nothing that counts may have it; who has said nonsense has not.
fn expected(trick: Trick) -> (StageName, Option<String>) {
    let (stage, reason) = match trick {
        Trick::EndlessBody
        | Trick::HugeLength
        | Trick::EndlessHeaders
        | Trick::Stalled
        | Trick::BrokenOff
        | Trick::Gibberish => (StageName::HandedOff, "vendor_silent"),
        Trick::Bomb
        | Trick::Malformed
        | Trick::OtherShape
        | Trick::Deep
        | Trick::Page
        | Trick::MovedForGood
        | Trick::MovedForNow
        | Trick::WaitForever => (StageName::Failed, "vendor_refused"),
    };
    (stage, Some(reason.to_owned()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_answer_ends_as_designed_and_is_not_read_to_its_end() {
    let directory = tempfile::tempdir().unwrap();
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let player = Player::start(elsewhere.local_addr().unwrap());
    let world = World::start_with(settings(directory.path(), &player, &[Channel::Xiaomi])).await;
    set_up(&world, "xiaomi").await;
    // In an order in which no five fail one after the other: that vendor would be left alone for a while.
    let (mut well, mut ill): (Vec<_>, Vec<_>) = Trick::ALL
        .into_iter()
        .partition(|trick| expected(*trick).0 == StageName::Failed && *trick != Trick::WaitForever);
    while let Some(trick) = ill.pop().or_else(|| well.pop()) {
        let ended = brought(&world, "xiaomi", &trick.token()).await;
        assert_eq!(ended, expected(trick), "{trick:?}");
        if let Some(between) = well.pop() {
            assert_eq!(brought(&world, "xiaomi", &between.token()).await, expected(between), "{between:?}");
        }
        // The neighbour goes on.
        assert_eq!(brought(&world, "apns", &format!("fine-{trick:?}")).await, (StageName::HandedOff, None));
    }
    let played = player.played();
    let written: BTreeMap<_, _> = played.iter().map(|one| (one.trick.unwrap(), one.written)).collect();
    assert_eq!((played.len(), written.len()), (Trick::ALL.len(), Trick::ALL.len()), "each was asked once");
    for endless in [Trick::EndlessBody, Trick::HugeLength, Trick::EndlessHeaders] {
        assert!(written[&endless] < ANSWER_MAX_BYTES + KERNEL_MAX_BYTES, "{endless:?}: {}", written[&endless]);
    }
    for one in &played {
        assert!(!one.request.contains("accept-encoding"), "what is packed must not come: {}", one.request);
        assert!(one.request.contains("authorization: key=xmsecret"), "{}", one.request);
    }
    assert_nobody_came(&elsewhere);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_takes_no_credentials_along() {
    let directory = tempfile::tempdir().unwrap();
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let player = Player::start(elsewhere.local_addr().unwrap());
    let channels = [Channel::Huawei, Channel::Honor, Channel::Oppo, Channel::Vivo, Channel::Meizu];
    let world = World::start_with(settings(directory.path(), &player, &channels)).await;
    // The first that each asks for, access or the push itself, leads elsewhere.
    let ended = join_all(channels.iter().map(|channel| async {
        set_up(&world, channel.name()).await;
        brought_within(&world, channel.name(), "the-token", Some(TTL_SECONDS)).await
    }))
    .await;
    for (channel, ended) in channels.iter().zip(ended) {
        // Who is led elsewhere with a push has made a try, and it was the only one. Who gets no access has made none, and the
        // message waits for it.
        let expected = match channel {
            Channel::Meizu => (StageName::Failed, "vendor_refused"),
            _ => (StageName::Expired, "time_to_live"),
        };
        assert_eq!(ended, (expected.0, Some(expected.1.to_owned())), "{channel}");
    }
    assert!(player.played().len() >= channels.len(), "{:?}", player.played());
    assert_nobody_came(&elsewhere);
}

/// Nobody has connected, or waits to be let in.
fn assert_nobody_came(listener: &TcpListener) {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(listener.poll_accept(&mut context).is_pending(), "somebody followed a redirect");
}
