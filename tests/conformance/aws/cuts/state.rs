//! All that can be read of an installation, as text to compare.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use bytes::Bytes;
use homing_domain::{Channel, UnixMillis};
use homing_ports::{
    Apps, Audiences, Devices, Feeds, Ledger, Mailboxes, Messages, QueueName, Queues, Settings, Throttles,
    VendorChannels, VendorTokens,
};

use crate::aws::retrying::Retrying;
use crate::values::{app_id, audience_id, device_id, message_id, user_id};

/// The rows about the first devices and messages.
pub(super) async fn rows(store: &Retrying) -> String {
    let mut text = String::new();
    let shop = app_id("shop");
    writeln!(text, "{:#?}\n{:#?}", store.app(&shop).await.unwrap(), store.settings().await.unwrap()).unwrap();
    for user in ["lin", "mei"] {
        let devices = store.devices_of_user(&shop, &user_id(user), 9).await.unwrap();
        writeln!(text, "{user} {devices:?}").unwrap();
    }
    for n in 1..=2 {
        let device = store.device(&device_id(n)).await.unwrap();
        let mailbox = store.mailbox(device_id(n)).await.unwrap();
        writeln!(text, "{device:#?}\n{mailbox:#?}").unwrap();
    }
    let message = store.message(message_id(1)).await.unwrap();
    let tally = store.tally(message_id(1)).await.unwrap();
    writeln!(text, "{message:#?}\n{tally:#?}").unwrap();
    writeln!(text, "{:#?}", store.shards(message_id(1), None, 9).await.unwrap()).unwrap();
    writeln!(text, "{:#?}", store.deliveries(message_id(1), None, 9).await.unwrap()).unwrap();
    writeln!(text, "{:?}", store.overdue(UnixMillis::NEVER, 9).await.unwrap()).unwrap();
    text
}

/// The feed of the app.
pub(super) async fn feed(store: &Retrying) -> String {
    let shop = app_id("shop");
    format!("{:?} {:?}", store.feed_head(&shop).await.unwrap(), store.feed_entries(&shop, 0, 9).await.unwrap())
}

/// The first uploaded list: how many members it has, and those of a segment.
pub(super) async fn lists(store: &Retrying) -> String {
    let finished = store.finish_audience(audience_id(1)).await.unwrap();
    let members = store.members(audience_id(1), 1, None, 9).await.unwrap();
    format!("{finished:#?}\n{members:?}")
}

/// What is set for Apple's channel, and who has tokens there: with whoever had one before, as a repeated claim is told.
pub(super) async fn channels(store: &Retrying) -> String {
    let (shop, channel) = (app_id("shop"), Channel::Apns);
    let configs = store.channel_configs(None, 9).await.unwrap();
    let throttle = store.throttle(&shop, channel).await.unwrap();
    let mut text = format!("{:?}\n{configs:?}\n{throttle:?}\n", store.channel_config(&shop, channel).await.unwrap());
    for token in ["moved", "given back"] {
        writeln!(text, "{:?}", store.token_owner(&shop, channel, token).await.unwrap()).unwrap();
    }
    let before = store.claim_token(&shop, channel, "moved", device_id(2)).await.unwrap();
    writeln!(text, "{before:?}").unwrap();
    text
}

/// What stands in a queue, each once: it may have been sent twice.
pub(super) async fn items(store: &Retrying, queue: QueueName) -> String {
    let mut bodies = BTreeSet::<Bytes>::new();
    while let received = store.receive(queue, 50, 0).await.unwrap()
        && !received.is_empty()
    {
        bodies.extend(received.into_iter().map(|item| item.body));
    }
    format!("{bodies:?}")
}

/// The dead letters of a queue, each once.
pub(super) async fn dead(store: &Retrying, queue: QueueName) -> String {
    let letters = store.dead_letters(queue, 9).await.unwrap();
    let letters: BTreeSet<_> = letters.into_iter().map(|letter| (letter.body, letter.reason)).collect();
    format!("{letters:?}")
}
