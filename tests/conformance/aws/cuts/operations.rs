//! The operations that are cut: those of more than one request, and those whose repeat must be recognised.

use bytes::Bytes;
use homing_domain::mailbox::Enqueue;
use homing_domain::{
    AmendedContent, Amendment, App, Audience, Channel, Counter, Device, DueTick, Ended, Event, Exclusion, Fact,
    Message, MessageChange, Reason, Receipt, Schedule, Stage, Tally, Throttle, UnixMillis,
};
use homing_ports::{
    Apps, Audiences, Devices, Feeds, FleetSettings, Ledger, Mailboxes, Messages, Outgoing, QueueName, Queues, Settings,
    Throttles, Timers, VendorChannels, VendorTokens,
};

use super::state::{channels, dead, feed, items, lists, rows};
use super::survives_every_cut;
use crate::aws::BEGIN;
use crate::aws::retrying::Retrying;
use crate::values::{
    app, app_id, audience_id, batch_id, broadcast, channel_config, delivered, device, device_id, enqueue, fact,
    feed_entry, full_message, mailbox, member, message, message_id, receipt, shard, shard_id, takeover, uploaded,
    user_id,
};

const QUEUE: QueueName = QueueName::Receipts;

async fn nothing(_: &Retrying) {}

/// A device with a mailbox that holds two messages.
async fn two_entries(store: &Retrying) {
    store.create_mailbox(device_id(1), mailbox()).await.unwrap();
    for n in [1, 2] {
        store.enqueue(vec![(device_id(1), enqueue(n))]).await.unwrap().remove(0).unwrap();
    }
    store.take_over(device_id(1), takeover(1)).await.unwrap().unwrap();
}

#[tokio::test]
async fn an_app_and_the_settings() {
    let act = async |store: &Retrying| {
        store.create_app(app("shop")).await.unwrap();
        let renamed = App { name: "renamed".to_owned(), revision: 2, ..app("shop") };
        store.replace_app(renamed).await.unwrap();
        store.replace_settings(FleetSettings { revision: 1, ..FleetSettings::default() }).await.unwrap();
    };
    survives_every_cut(nothing, act, rows).await;
}

#[tokio::test]
async fn a_device_that_changes_its_user() {
    let prepare = async |store: &Retrying| {
        store.create_device(device(1, "shop", Some("lin"))).await.unwrap();
    };
    let act = async |store: &Retrying| {
        store.create_device(device(2, "shop", Some("mei"))).await.unwrap();
        let moved = Device { user: Some(user_id("mei")), revision: 2, ..device(1, "shop", None) };
        store.replace_device(moved).await.unwrap();
        store.delete_device(&device_id(2)).await.unwrap();
    };
    survives_every_cut(prepare, act, rows).await;
}

#[tokio::test]
async fn a_message_with_a_long_audience_until_it_is_completed() {
    let act = async |store: &Retrying| {
        let named = Audience::Devices((1..=200).map(device_id).collect());
        store.accept(message(1, "shop", named)).await.unwrap();
        store.begin_release(message_id(1), UnixMillis(2_000), None).await.unwrap();
        store.put_shard(shard(1, 1)).await.unwrap();
        store.finish_segment(message_id(1), 0, UnixMillis(3_000)).await.unwrap();
        store.complete(message_id(1)).await.unwrap();
    };
    survives_every_cut(nothing, act, rows).await;
}

#[tokio::test]
async fn a_message_to_all() {
    let prepare = async |store: &Retrying| {
        store.accept(message(1, "shop", Audience::All)).await.unwrap();
    };
    let act = async |store: &Retrying| {
        store.begin_release(message_id(1), UnixMillis(2_000), None).await.unwrap();
        for segment in [0, 1, 1] {
            store.finish_segment(message_id(1), segment, UnixMillis(3_000)).await.unwrap();
        }
    };
    survives_every_cut(prepare, act, rows).await;
}

#[tokio::test]
async fn a_broadcast_into_a_feed() {
    let prepare = async |store: &Retrying| {
        let large = Message { payload: Bytes::from(vec![b'p'; 3_000]), ..broadcast(1, "shop") };
        store.accept(large).await.unwrap();
    };
    let act = async |store: &Retrying| {
        let shop = app_id("shop");
        store.begin_release(message_id(1), UnixMillis(2_000), Some(0)).await.unwrap();
        for offset in 1..=3 {
            _ = store.put_feed_entry(&shop, offset, feed_entry(1)).await.unwrap();
        }
        store.finish_segment(message_id(1), 0, UnixMillis(3_000)).await.unwrap();
        store.trim_feed(&shop, 2).await.unwrap();
    };
    let state = async |store: &Retrying| rows(store).await + &feed(store).await;
    // A repeat puts again what was trimmed, and trims it again.
    survives_every_cut(prepare, act, state).await;
}

#[tokio::test]
async fn a_scheduled_message_that_is_changed() {
    let at = UnixMillis(500_000);
    let scheduled = || Message {
        stage: Stage::Scheduled,
        schedule: Schedule::At(at),
        release_at: Some(at),
        ..full_message(1, "shop")
    };
    let prepare = async |store: &Retrying| {
        store.accept(scheduled()).await.unwrap();
    };
    let act = async |store: &Retrying| {
        let users = (0..200).map(|n| user_id(&format!("user {n}"))).collect();
        let content = AmendedContent { payload: Bytes::from(vec![b'n'; 3_000]), ..AmendedContent::default() };
        let amendment = Amendment {
            audience: Some((Audience::Users(users), Exclusion::default())),
            content: Some(content),
            ..Amendment::default()
        };
        // Refused when it is repeated after the release; what it was then must stand all the same.
        _ = store.change(message_id(1), MessageChange::Amend(Box::new(amendment))).await.unwrap().unwrap();
        store.begin_release(message_id(1), at, None).await.unwrap();
        let changes = [MessageChange::Hold(vec![UnixMillis(9_000)]), MessageChange::Recall];
        for change in changes {
            store.change(message_id(1), change).await.unwrap().unwrap().unwrap();
        }
    };
    survives_every_cut(prepare, act, rows).await;
}

#[tokio::test]
async fn an_uploaded_list() {
    let act = async |store: &Retrying| {
        store.create_audience(uploaded(1, "shop", BEGIN)).await.unwrap();
        store.add_members(audience_id(1), (0..60).map(|n| member(n << 26)).collect()).await.unwrap();
    };
    survives_every_cut(nothing, act, lists).await;
}

#[tokio::test]
async fn what_fills_a_mailbox() {
    let prepare = async |store: &Retrying| {
        for n in [1, 2] {
            store.create_mailbox(device_id(n), mailbox()).await.unwrap();
        }
    };
    let act = async |store: &Retrying| {
        let collapsing = Enqueue { collapse_key: Some("k".to_owned()), ..enqueue(3) };
        let requests = vec![(device_id(1), enqueue(1)), (device_id(2), enqueue(1))];
        for fate in store.enqueue(requests).await.unwrap() {
            fate.unwrap();
        }
        store.set_vendor(device_id(2), true).await.unwrap();
        store.enqueue(vec![(device_id(1), collapsing)]).await.unwrap().remove(0).unwrap();
        store.withdraw(device_id(2), message_id(1), Reason::Recalled).await.unwrap();
    };
    survives_every_cut(prepare, act, rows).await;
}

#[tokio::test]
async fn what_empties_a_mailbox() {
    let act = async |store: &Retrying| {
        store.tombstone(device_id(1), 1, vec![(1, Reason::TimeToLive)]).await.unwrap().unwrap();
        store.trim(device_id(1), 1, 1, 1).await.unwrap().unwrap();
        store.detach(device_id(1), 1, 2).await.unwrap().unwrap();
    };
    survives_every_cut(two_entries, act, rows).await;
}

#[tokio::test]
async fn what_ends_a_mailbox() {
    let act = async |store: &Retrying| {
        store.bind(device_id(1), Some(user_id("mei").hash())).await.unwrap();
        store.overflow(device_id(1)).await.unwrap();
        store.merge_overflow(device_id(1), vec![message_id(1)]).await.unwrap();
        store.revoke(device_id(1)).await.unwrap();
    };
    survives_every_cut(two_entries, act, rows).await;
}

#[tokio::test]
async fn receipts_and_their_numbers() {
    let act = async |store: &Retrying| {
        let receipts = vec![delivered(1, 1), fact(1, 1, Fact::Opened), delivered(1, 2)];
        let rows = store.record(batch_id(1), receipts, homing_domain::Snapshots::default()).await.unwrap();
        assert_eq!(rows.len(), 2);
        let mut tally = Tally::targeted(0);
        tally.add(Counter::Ended(Channel::Own, Stage::Delivered), 2);
        store.count(batch_id(1), vec![(message_id(1), tally)]).await.unwrap();
        for n in 1..=20 {
            store.count_targets(shard_id(n), message_id(1), 2, 0).await.unwrap();
        }
    };
    survives_every_cut(nothing, act, rows).await;
}

#[tokio::test]
async fn a_claim_and_what_came_of_it() {
    let now = UnixMillis(70_000);
    let act = async |store: &Retrying| {
        for device in [1, 2] {
            _ = store.claim_delivery(message_id(1), device_id(device), Channel::Fcm, now).await.unwrap();
        }
        let taken = receipt(1, 1, Event::Ended(Ended::handed_off(now)));
        store
            .record(batch_id(1), vec![Receipt { channel: Channel::Fcm, ..taken }], homing_domain::Snapshots::default())
            .await
            .unwrap();
        store.release_claim(message_id(1), device_id(2)).await.unwrap();
    };
    survives_every_cut(nothing, act, rows).await;
}

#[tokio::test]
async fn what_is_set_for_a_channel_and_who_has_a_token() {
    let shop = app_id("shop");
    let prepare = async |store: &Retrying| {
        for token in ["moved", "given back"] {
            store.claim_token(&shop, Channel::Apns, token, device_id(1)).await.unwrap();
        }
    };
    let act = async |store: &Retrying| {
        for revision in [1, 2] {
            store.replace_channel_config(channel_config("shop", Channel::Apns, revision)).await.unwrap();
            store.replace_throttle(&shop, Channel::Apns, Throttle::restored(5, BEGIN, revision)).await.unwrap();
        }
        store.claim_token(&shop, Channel::Apns, "moved", device_id(2)).await.unwrap();
        store.release_token(&shop, Channel::Apns, "given back", device_id(1)).await.unwrap();
        store.delete_channel_config(&shop, Channel::Fcm).await.unwrap();
    };
    survives_every_cut(prepare, act, channels).await;
}

#[tokio::test]
async fn many_items() {
    let act = async |store: &Retrying| {
        let items = (0..25).map(|n| Outgoing::now(Bytes::from(n.to_string()))).collect();
        store.send(QUEUE, items).await.unwrap();
    };
    survives_every_cut(nothing, act, async |store: &Retrying| items(store, QUEUE).await).await;
}

async fn give_up_what_is_there(store: &Retrying) {
    for item in store.receive(QUEUE, 9, 0).await.unwrap() {
        store.give_up(QUEUE, item, "cannot be").await.unwrap();
    }
}

async fn poison(store: &Retrying) {
    store.send(QUEUE, vec![Outgoing::now(Bytes::from_static(b"poison"))]).await.unwrap();
}

#[tokio::test]
async fn an_item_that_is_given_up() {
    let state = async |store: &Retrying| items(store, QUEUE).await + &dead(store, QUEUE).await;
    survives_every_cut(poison, give_up_what_is_there, state).await;
}

#[tokio::test]
async fn a_dead_letter_that_is_sent_again() {
    let prepare = async |store: &Retrying| {
        poison(store).await;
        give_up_what_is_there(store).await;
    };
    let act = async |store: &Retrying| {
        for letter in store.dead_letters(QUEUE, 9).await.unwrap() {
            store.redrive(QUEUE, letter.id).await.unwrap();
        }
    };
    let state = async |store: &Retrying| items(store, QUEUE).await + &dead(store, QUEUE).await;
    survives_every_cut(prepare, act, state).await;
}

#[tokio::test]
async fn a_timer() {
    let act = async |store: &Retrying| {
        // By the clock of the beginning, so that a repeat is the same timer: one that is over, and one by a schedule.
        store.set_timer(DueTick { message: message_id(1), at: BEGIN }).await.unwrap();
        store.set_timer(DueTick { message: message_id(2), at: BEGIN.plus(86_400_000) }).await.unwrap();
    };
    survives_every_cut(nothing, act, async |store: &Retrying| items(store, QueueName::Due).await).await;
}
