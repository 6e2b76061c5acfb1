//! What of a vendor's callback counts.

mod world;

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use futures_util::FutureExt as _;
use homing_contract::queue::{ReceiptsInput, decode_receipts_input};
use homing_credentials::{FleetSecret, receipt_secret, seal};
use homing_directory::CLEANING_TOKENS_MIN;
use homing_domain::{BusEvent, ChannelConfig, ChannelCredential, ChannelPolicy, Device, Reason};

use super::endpoint::post_callback;
use super::*;
use crate::tests::world::{World, device};

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);
const CHANNEL: Channel = Channel::Oppo;

fn message(n: u8) -> MessageId {
    MessageId::from_bytes([n; 16])
}

fn phone(n: u8) -> DeviceId {
    DeviceId::from_bytes([n; 16])
}

/// Devices of the app `shop`, each with the token `t` and its number.
fn world(phones: impl IntoIterator<Item = u8>) -> World {
    let world = World::default();
    world.with(|state| {
        state.now = NOW;
        for n in phones {
            let token =
                VendorToken { channel: CHANNEL.name().to_owned(), token: format!("t{n}"), since: NOW.minus(1_000) };
            state.token_owners.insert((CHANNEL, token.token.clone()), phone(n));
            state.devices.insert(phone(n), Device { vendor: Some(token), ..device(phone(n), "shop", None) });
        }
    });
    world
}

/// The vendor was asked to bring this message to this device.
fn asked(world: &World, of: MessageId, device: DeviceId) {
    let mut row = Delivery::new(of, device, CHANNEL);
    row.claim(NOW.minus(500));
    world.with(|state| state.rows.insert((of, device), row));
}

fn event(kind: CallbackEventKind, n: u8, of: Option<MessageId>) -> CallbackEvent {
    let message_id = of.map(|id| id.to_string().replace('-', ""));
    CallbackEvent { message_id, vendor_id: None, token: format!("t{n}"), kind, at: None, reason: String::new() }
}

fn sender(is_proven: bool) -> (AppId, bool) {
    ("shop".parse().unwrap(), is_proven)
}

fn taken(world: &World, (app, is_proven): (AppId, bool), events: &[CallbackEvent]) -> Vec<ReceiptBatch> {
    let sender = Sender { app: &app, channel: CHANNEL, is_proven };
    take(world, &CleaningBreakers::default(), sender, events, NOW).now_or_never().unwrap().unwrap();
    let sent = world.take_sent(QueueName::Receipts);
    let batch = |item: &Outgoing| match decode_receipts_input(&item.body).unwrap() {
        ReceiptsInput::Batch(batch) => batch,
        ReceiptsInput::FeedCounts(_) => panic!("vendors count nothing"),
    };
    sent.iter().map(batch).collect()
}

fn has_token(world: &World, n: u8) -> bool {
    world.with(|state| state.devices[&phone(n)].vendor.is_some())
}

#[test]
fn when_too_many_tokens_die_at_once_none_is_forgotten_and_the_bus_is_told_once() {
    let world = world(1..=100);
    let dead: Vec<_> = (1..=100).map(|n| event(CallbackEventKind::InvalidToken, n, None)).collect();
    let (app, breakers) = ("shop".parse().unwrap(), CleaningBreakers::default());
    let sender = Sender { app: &app, channel: CHANNEL, is_proven: true };
    for _ in 0..2 {
        take(&world, &breakers, sender, &dead, NOW).now_or_never().unwrap().unwrap();
    }
    assert!((1..=100).all(|n| has_token(&world, n)));
    let told = world.with(|state| std::mem::take(&mut state.events));
    assert!(
        matches!(&told[..], [BusEvent::Alert { app: Some(of), name: "vendor_cleaning_stopped", .. }] if *of == app)
    );
}

#[test]
fn deliveries_and_facts_count_by_the_vendors_way() {
    use CallbackEventKind::{Delivered, Displayed, Dropped, Opened};
    let world = world([1, 2]);
    asked(&world, message(7), phone(1));
    asked(&world, message(7), phone(2));
    let at = Some(NOW.minus(90));
    let events = [
        CallbackEvent { at, ..event(Delivered, 1, Some(message(7))) },
        event(Displayed, 1, Some(message(7))),
        event(Opened, 2, Some(message(7))),
        event(Dropped, 2, Some(message(7))),
    ];
    let batches = taken(&world, sender(false), &events);
    let receipts: Vec<_> =
        batches[0].receipts.iter().map(|receipt| (receipt.device, receipt.at, receipt.event)).collect();
    let expected = [
        (phone(1), NOW.minus(90), Event::Ended(Ended::delivered(None, None))),
        (phone(1), NOW, Event::Fact(Fact::Displayed)),
        (phone(2), NOW, Event::Fact(Fact::Opened)),
    ];
    assert_eq!((batches.len(), receipts), (1, expected.to_vec()));
    assert!(batches[0].receipts.iter().all(|receipt| receipt.channel == CHANNEL));
}

#[test]
fn a_replay_in_any_order_is_the_same_batch() {
    let world = world(1..=3);
    for n in 1..=3 {
        asked(&world, message(7), phone(n));
    }
    let mut events: Vec<_> = (1..=3).map(|n| event(CallbackEventKind::Delivered, n, Some(message(7)))).collect();
    let first = taken(&world, sender(false), &events);
    events.reverse();
    events.push(CallbackEvent { at: Some(NOW.minus(5)), ..events[0].clone() });
    let again = taken(&world, sender(false), &events);
    assert_eq!((first[0].id, first[0].receipts.len()), (again[0].id, again[0].receipts.len()));
    events.truncate(1);
    assert_ne!(taken(&world, sender(false), &events)[0].id, first[0].id);
}

#[test]
fn only_a_delivery_that_this_vendor_was_asked_for_counts() {
    let world = world([1, 2, 3]);
    asked(&world, message(7), phone(1));
    // Told by the device itself, of a message that went by its own link.
    world.with(|state| state.rows.insert((message(7), phone(2)), Delivery::new(message(7), phone(2), Channel::Own)));
    let delivered = |n, of| event(CallbackEventKind::Delivered, n, of);
    let short = CallbackEvent { message_id: Some("07".into()), ..delivered(1, None) };
    for wrong in [
        delivered(1, Some(message(8))),
        delivered(2, Some(message(7))),
        delivered(3, Some(message(7))),
        delivered(9, Some(message(7))),
        delivered(1, None),
        short,
    ] {
        assert_eq!(taken(&world, sender(true), std::slice::from_ref(&wrong)), [], "{wrong:?}");
    }
    assert_eq!(taken(&world, sender(true), &[delivered(1, Some(message(7)))]).len(), 1);
}

#[test]
fn one_that_ended_by_the_vendor_still_counts_and_a_clock_that_is_ahead_is_not_believed() {
    let world = world([1]);
    asked(&world, message(7), phone(1));
    world.with(|state| {
        let row = state.rows.get_mut(&(message(7), phone(1))).unwrap();
        let end = Receipt {
            message: message(7),
            device: phone(1),
            channel: CHANNEL,
            at: NOW,
            event: Event::Ended(Ended::undelivered(Reason::VendorSilent, None)),
        };
        assert!(row.record(&end, homing_domain::BatchId::from_bytes([1; 16])));
        row.release_claim();
    });
    let late = CallbackEvent { at: Some(NOW.plus(60_000)), ..event(CallbackEventKind::Delivered, 1, Some(message(7))) };
    assert_eq!(taken(&world, sender(false), &[late])[0].receipts[0].at, NOW);
}

#[test]
fn a_dead_token_is_forgotten_if_the_sender_is_known_or_names_a_message() {
    let dead = |n, of| event(CallbackEventKind::InvalidToken, n, of);
    for (is_proven, of, forgotten) in
        [(false, None, false), (false, Some(message(8)), false), (false, Some(message(7)), true), (true, None, true)]
    {
        let world = world([1]);
        asked(&world, message(7), phone(1));
        assert_eq!(taken(&world, sender(is_proven), &[dead(1, of)]), [], "nothing to count");
        assert_eq!(has_token(&world, 1), !forgotten, "{is_proven} {of:?}");
    }
    // Known dead before the device reported it.
    let world = world([1]);
    let old = CallbackEvent { at: Some(NOW.minus(1_001)), ..dead(1, None) };
    taken(&world, sender(true), &[old]);
    assert!(has_token(&world, 1));
}

#[test]
fn when_very_many_tokens_die_at_once_none_is_forgotten() {
    let many = u8::try_from(CLEANING_TOKENS_MIN).unwrap() + 1;
    let world = world(1..=many);
    let events: Vec<_> = (1..=many).map(|n| event(CallbackEventKind::InvalidToken, n, None)).collect();
    taken(&world, sender(true), &events);
    assert!((1..=many).all(|n| has_token(&world, n)));
}

/// The answer's status to a request at the endpoint, and how many batches it made.
async fn posted(world: &Arc<World>, channel: &str, app: &str, secret: &str, body: &str) -> (u16, usize) {
    let path = Path((channel.to_owned(), app.to_owned(), secret.to_owned()));
    let request = Request::new(Body::from(body.to_owned()));
    let posted = post_callback(State(world.edge()), Extension(Arc::default()), Ok(path), request);
    let status = match posted.await {
        Ok(response) => response.status(),
        Err(problem) => problem.status(),
    };
    (status.as_u16(), world.take_sent(QueueName::Receipts).len())
}

fn configured(world: &World, channel: Channel, upload: &serde_json::Value) -> String {
    let fleet = FleetSecret::new([7; 32]);
    let sealed = seal(&fleet, &format!("shop/{channel}"), [1; 12], upload.to_string().as_bytes());
    let credential = ChannelCredential {
        sealed: sealed.into(),
        kind: String::new(),
        public: Vec::new(),
        expires_at: None,
        uploaded_at: NOW,
        warned_days: None,
    };
    let app = "shop".parse().unwrap();
    let policy = ChannelPolicy::default();
    let config = ChannelConfig { app, channel, credential: Some(credential), policy, revision: 1 };
    world.with(|state| state.channel_config = Some(config));
    receipt_secret(&fleet, "shop", channel.name())
}

#[tokio::test]
async fn the_endpoint_tells_a_guesser_nothing_and_a_vendor_what_is_wrong() {
    let world = Arc::new(world([1]));
    asked(&world, message(7), phone(1));
    let secret = configured(
        &world,
        CHANNEL,
        &serde_json::json!({ "app_key": "key-of-the-app", "master_secret": "secret-of-it" }),
    );
    let param = message(7).to_string().replace('-', "");
    let body = format!(
        r#"[{{"messageId":"m1","appId":"a","taskId":"","registrationIds":"t1","eventTime":"1699999999000","param":"{param}","eventType":"push_arrive"}}]"#
    );
    assert_eq!(posted(&world, "oppo", "shop", &secret, &body).await, (200, 1));
    assert_eq!(posted(&world, "oppo", "shop", &secret, "not JSON").await, (400, 0));
    for (channel, app, secret) in [
        ("oppo", "shop", "wrong"),
        ("oppo", "demo", &*secret),
        ("vivo", "shop", &secret),
        ("own", "shop", &secret),
        ("apns", "shop", &secret),
        ("oppo", "", &secret),
    ] {
        assert_eq!(posted(&world, channel, app, secret, &body).await, (404, 0), "{channel} {app}");
    }
    world.with(|state| state.channel_config = None);
    assert_eq!(posted(&world, "oppo", "shop", &secret, &body).await, (404, 0), "nothing is set any more");
}

#[tokio::test]
async fn a_signature_that_is_asked_for_is_needed() {
    let world = Arc::new(world([1]));
    let upload = serde_json::json!({
        "app_id": "100001", "app_secret": "secret-of-the-app", "callback_access_token": "token-of-callbacks",
    });
    let secret = configured(&world, Channel::Meizu, &upload);
    let unsigned = posted(&world, "meizu", "shop", &secret, "cb=%7B%7D").await;
    assert_eq!(unsigned, (401, 0));
    assert_eq!(posted(&world, "meizu", "shop", &secret, "cb=%7B%7D&access_token=token-of-callbacks").await, (200, 0));
}
