//! What devices say reaches the queue or the bus that their app wants, before it is acknowledged.

use std::collections::BTreeSet;

use aws_sdk_eventbridge::types::Target;
use aws_sdk_sqs::types::QueueAttributeName;
use futures_util::future::join_all;
use homing_contract::bus::v1::{BusItem, decode};
use homing_domain::{App, UpstreamRoute};
use homing_ports::{Apps, Created, Fault, Replaced, Upstreams};
use homing_store_aws::{AwsStore, UPSTREAMS_SETTLE_AFTER};
use homing_tests::emulator::{Emulator, Installation};

use super::BEGIN;
use crate::values::{app, app_id, upstream};

/// How long a route is believed, and a bit.
const ROUTE_FORGOTTEN_AFTER: u64 = 10_001;

/// A store, and the queue of a business.
struct Business {
    emulator: Emulator,
    installation: Installation,
    store: AwsStore,
    sqs: aws_sdk_sqs::Client,
    queue: String,
}

impl Business {
    async fn start() -> Self {
        let emulator = Emulator::start(BEGIN).await;
        let installation = Installation::create(&emulator).await;
        let store = installation.store(emulator.clock());
        let sqs = aws_sdk_sqs::Client::new(&installation.config);
        let made = sqs.create_queue().queue_name("business").send().await.unwrap();
        Self { emulator, installation, store, sqs, queue: made.queue_url.unwrap() }
    }

    async fn route(&self, route: UpstreamRoute) {
        let wanted = App { upstream: route.clone(), ..app("shop") };
        if self.store.create_app(wanted.clone()).await.unwrap() == Created::Exists {
            let revision = self.store.app(&wanted.id).await.unwrap().unwrap().revision + 1;
            assert_eq!(self.store.replace_app(App { revision, ..wanted }).await.unwrap(), Replaced::Done);
            self.emulator.advance(ROUTE_FORGOTTEN_AFTER).await;
        }
    }

    /// The envelopes in the queue: `(device, number)` of each. They are taken.
    async fn received(&self) -> Vec<(String, u64)> {
        let mut found = Vec::new();
        loop {
            let asked = self.sqs.receive_message().queue_url(&self.queue).max_number_of_messages(10);
            let messages = asked.wait_time_seconds(1).send().await.unwrap().messages.unwrap_or_default();
            if messages.is_empty() {
                return found;
            }
            for message in messages {
                let body: serde_json::Value = serde_json::from_str(message.body().unwrap()).unwrap();
                // What a rule of the bus sends is the whole event.
                let envelope = if body["detail"].is_object() { body["detail"].clone() } else { body };
                match decode(envelope.to_string().as_bytes()).unwrap().item {
                    BusItem::DeviceUpstream(data) => found.push((data.device_id, data.id)),
                    other => panic!("not from a device: {other:?}"),
                }
                let handle = message.receipt_handle().unwrap();
                self.sqs.delete_message().queue_url(&self.queue).receipt_handle(handle).send().await.unwrap();
            }
        }
    }
}

fn named(device: u32, id: u64) -> (String, u64) {
    (upstream(device, id).device.to_string(), id)
}

#[tokio::test]
async fn a_queue_gets_each_message_once_when_all_goes_well() {
    let business = Business::start().await;
    business.route(UpstreamRoute::Queue(business.queue.clone())).await;
    let stored = join_all((1..=30).map(|n| business.store.store_upstream(upstream(n, 1)))).await;
    assert!(stored.iter().all(|created| matches!(created, Ok(Created::New))));
    assert_eq!(business.store.store_upstream(upstream(1, 1)).await.unwrap(), Created::Exists);
    let received = business.received().await;
    assert_eq!(received.len(), 30);
    assert_eq!(received.into_iter().collect::<BTreeSet<_>>(), (1..=30).map(|n| named(n, 1)).collect());
    business.emulator.advance(UPSTREAMS_SETTLE_AFTER + 1).await;
    assert_eq!(business.store.upstreams(&app_id("shop"), 0, 99).await.unwrap().len(), 30, "and is kept");
}

#[tokio::test]
async fn what_a_queue_did_not_take_is_not_acknowledged_and_the_repeat_brings_it() {
    let business = Business::start().await;
    business.route(UpstreamRoute::Queue(format!("{}-gone", business.queue))).await;
    for _ in 0..2 {
        let error = business.store.store_upstream(upstream(1, 1)).await.unwrap_err();
        assert_eq!(error.fault, Fault::Broken, "{error}");
    }
    business.route(UpstreamRoute::Queue(business.queue.clone())).await;
    assert_eq!(business.store.store_upstream(upstream(1, 1)).await.unwrap(), Created::Exists);
    assert_eq!(business.received().await, [named(1, 1)]);
    assert_eq!(business.store.store_upstream(upstream(1, 1)).await.unwrap(), Created::Exists);
    assert!(business.received().await.is_empty(), "it was done");
    business.emulator.advance(UPSTREAMS_SETTLE_AFTER + 1).await;
    assert_eq!(business.store.upstreams(&app_id("shop"), 0, 99).await.unwrap().len(), 1, "kept once");
}

#[tokio::test]
async fn a_rule_of_the_bus_gets_them() {
    let business = Business::start().await;
    let events = aws_sdk_eventbridge::Client::new(&business.installation.config);
    let asked = business.sqs.get_queue_attributes().queue_url(&business.queue);
    let attributes = asked.attribute_names(QueueAttributeName::QueueArn).send().await.unwrap().attributes.unwrap();
    let bus = business.installation.settings.event_bus.clone().unwrap();
    let pattern = r#"{"source": ["homing"], "detail-type": ["device.upstream"]}"#;
    events.put_rule().name("upstream").event_bus_name(&bus).event_pattern(pattern).send().await.unwrap();
    let target = Target::builder().id("queue").arn(&attributes[&QueueAttributeName::QueueArn]).build().unwrap();
    events.put_targets().rule("upstream").event_bus_name(&bus).targets(target).send().await.unwrap();

    business.route(UpstreamRoute::Bus).await;
    assert_eq!(business.store.store_upstream(upstream(1, 7)).await.unwrap(), Created::New);
    assert_eq!(business.received().await, [named(1, 7)]);
}
