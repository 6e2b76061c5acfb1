//! What systems outside see and send: attributes beside a body, events by a rule, queues in any order.

use std::collections::BTreeSet;

use aws_sdk_eventbridge::types::Target;
use aws_sdk_sqs::types::{MessageAttributeValue, QueueAttributeName};
use bytes::Bytes;
use homing_contract::bus;
use homing_domain::{BusEvent, UnixMillis};
use homing_ports::{Events, Outgoing, QueueName, Queues};
use homing_store_aws::AwsStore;
use homing_tests::emulator::{Emulator, Installation};

use super::BEGIN;
use crate::values::app_id;

async fn start() -> (Emulator, Installation, AwsStore) {
    let emulator = Emulator::start(BEGIN).await;
    let installation = Installation::create(&emulator).await;
    let store = installation.store(emulator.clock());
    (emulator, installation, store)
}

fn text(value: &str) -> MessageAttributeValue {
    MessageAttributeValue::builder().data_type("String").string_value(value).build().unwrap()
}

#[tokio::test]
async fn what_a_sender_wrote_beside_the_body_outlives_a_dead_letter() {
    const QUEUE: QueueName = QueueName::Intake;
    let (_emulator, installation, store) = start().await;
    let sqs = aws_sdk_sqs::Client::new(&installation.config);
    let url = installation.settings.queues[QUEUE as usize].as_deref().unwrap();
    let sent = sqs.send_message().queue_url(url).message_body("{}");
    sent.message_attributes("key", text("hk_1")).message_attributes("app", text("shop")).send().await.unwrap();

    let item = store.receive(QUEUE, 9, 0).await.unwrap().remove(0);
    assert_eq!((item.attribute("app"), item.attribute("key"), item.attributes.len()), (Some("shop"), Some("hk_1"), 2));
    store.give_up(QUEUE, item, "不行 \u{0}\u{ffff}").await.unwrap();
    let letter = store.dead_letters(QUEUE, 9).await.unwrap().remove(0);
    assert_eq!((letter.reason.as_deref(), letter.receives, letter.sent_at), (Some("不行   "), 1, BEGIN));

    store.redrive(QUEUE, letter.id).await.unwrap();
    let item = store.receive(QUEUE, 9, 0).await.unwrap().remove(0);
    let names: Vec<_> = item.attributes.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!((names, item.receives), (vec!["app", "key"], 1), "as its sender sent it");
}

/// A queue of a business system, and a rule that sends it events of one type.
async fn subscribe(installation: &Installation, kind: &str) -> String {
    let sqs = aws_sdk_sqs::Client::new(&installation.config);
    let events = aws_sdk_eventbridge::Client::new(&installation.config);
    let bus = installation.settings.event_bus.as_deref().unwrap();
    let url = sqs.create_queue().queue_name("business").send().await.unwrap().queue_url.unwrap();
    let asked = sqs.get_queue_attributes().queue_url(&url).attribute_names(QueueAttributeName::QueueArn).send().await;
    let arn = asked.unwrap().attributes.unwrap().remove(&QueueAttributeName::QueueArn).unwrap();
    let pattern = format!(r#"{{"source":["homing"],"detail-type":["{kind}"]}}"#);
    events.put_rule().event_bus_name(bus).name("business").event_pattern(pattern).send().await.unwrap();
    let target = Target::builder().id("queue").arn(arn).build().unwrap();
    events.put_targets().event_bus_name(bus).rule("business").targets(target).send().await.unwrap();
    url
}

#[tokio::test]
async fn a_rule_chooses_events_by_their_type() {
    let (_emulator, installation, store) = start().await;
    let at = UnixMillis(1_700_000_000_000);
    let alert =
        BusEvent::Alert { app: Some(app_id("shop")), name: "dead_letter", detail: "券\u{ffff}".to_owned(), at };
    let told = bus::encode(&alert);
    let url = subscribe(&installation, told.kind).await;
    let presence = homing_domain::Presence {
        app: app_id("shop"),
        device: crate::values::device_id(1),
        conn_seq: 1,
        gateway: crate::values::gateway(1),
        at,
    };
    store.publish(vec![BusEvent::DeviceOnline(presence), alert]).await.unwrap();

    let sqs = aws_sdk_sqs::Client::new(&installation.config);
    let received = sqs.receive_message().queue_url(&url).max_number_of_messages(10).wait_time_seconds(20).send().await;
    let bodies: Vec<String> = received.unwrap().messages.unwrap().into_iter().filter_map(|m| m.body).collect();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    let event: serde_json::Value = serde_json::from_str(&bodies[0]).unwrap();
    assert_eq!((event["source"].as_str(), event["detail-type"].as_str()), (Some("homing"), Some(told.kind)));
    assert_eq!(event["detail"], serde_json::from_slice::<serde_json::Value>(&told.json).unwrap());
}

#[tokio::test]
async fn in_any_order_and_twice_nothing_is_lost() {
    const QUEUE: QueueName = QueueName::Dispatch;
    const ITEMS: usize = 200;
    let (emulator, _installation, store) = start().await;
    emulator.shuffle(5).await;
    let items = (0..ITEMS).map(|n| Outgoing::now(Bytes::from(n.to_string()))).collect();
    store.send(QUEUE, items).await.unwrap();
    let (mut distinct, mut received) = (BTreeSet::new(), 0);
    while let batch = store.receive(QUEUE, 7, 0).await.unwrap()
        && !batch.is_empty()
    {
        received += batch.len();
        distinct.extend(batch.iter().map(|item| item.body.clone()));
        store.delete(QUEUE, batch.into_iter().map(|item| item.handle).collect()).await.unwrap();
    }
    assert_eq!(distinct.len(), ITEMS);
    assert!(received >= ITEMS);
    assert_eq!(store.depth(QUEUE).await.unwrap(), 0);
}
