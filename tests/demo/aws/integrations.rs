//! The other ways in and out: a business system's queue, a device's message to the business, a schedule, events, and what
//! cannot be processed.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use aws_sdk_eventbridge::types::Target;
use aws_sdk_sqs::types::{MessageAttributeValue, QueueAttributeName};
use homing::client::ApiClient;
use homing_contract::bus::v1::{BusEnvelope, BusItem, decode};
use serde_json::{Value, json};

use super::deployment::Deployment;

/// What is on its way through queues and functions has arrived within this.
const ARRIVES_WITHIN: Duration = Duration::from_secs(60);
/// Pause between two looks at the dead letters.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// One look waits so long for something to come, in seconds.
const WAIT_SECONDS: i32 = 5;

/// The business system's own resources.
pub(crate) struct Business {
    sqs: aws_sdk_sqs::Client,
    intake_queue: String,
    poisoned_queue: String,
    /// Where messages from devices go.
    pub(crate) upstream_queue: String,
    subscribed_queue: String,
}

impl Business {
    /// Makes a queue for messages from devices, and one that is subscribed to completed messages.
    pub(crate) async fn prepare(deployment: &Deployment) -> Result<Self> {
        let config = deployment.sdk().await;
        let sqs = aws_sdk_sqs::Client::new(&config);
        let upstream_queue = create_queue(&sqs, "homing-local-upstream-business").await?;
        let subscribed_queue = create_queue(&sqs, "business-events").await?;
        subscribe(
            &aws_sdk_eventbridge::Client::new(&config),
            &sqs,
            deployment.name("HOMING_EVENT_BUS")?,
            &subscribed_queue,
        )
        .await?;
        Ok(Self {
            sqs,
            intake_queue: deployment.name("HOMING_QUEUE_INTAKE")?.to_owned(),
            poisoned_queue: deployment.name("HOMING_QUEUE_DISPATCH")?.to_owned(),
            upstream_queue,
            subscribed_queue,
        })
    }

    /// Sends a push by the intake queue.
    pub(crate) async fn push(&self, server_key: &str, key: &str, request: &Value) -> Result<()> {
        let text = |value: &str| MessageAttributeValue::builder().data_type("String").string_value(value).build();
        self.sqs
            .send_message()
            .queue_url(&self.intake_queue)
            .message_body(request.to_string())
            .message_attributes("app", text("demo")?)
            .message_attributes("key", text(server_key)?)
            .message_attributes("idempotency_key", text(key)?)
            .send()
            .await?;
        Ok(())
    }

    /// Waits for a device's message in the business's queue.
    pub(crate) async fn upstream_arrived(&self, topic: &str) -> Result<()> {
        self.wait_for(&self.upstream_queue, |envelope| match &envelope.item {
            BusItem::DeviceUpstream(data) if data.topic == topic => Some(()),
            _ => None,
        })
        .await
        .context("a device's message did not come to the business's queue")
    }

    /// Waits until the subscriber has heard of the completion of one of these messages.
    pub(crate) async fn completion_heard(&self, messages: &BTreeSet<String>) -> Result<()> {
        self.wait_for(&self.subscribed_queue, |envelope| match &envelope.item {
            BusItem::MessageCompleted(data) if messages.contains(&data.message_id) => Some(()),
            _ => None,
        })
        .await
        .context("no subscriber heard of a completed message")
    }

    /// Looks at what comes into a queue until something is what is wanted. EventBridge wraps what it delivers.
    async fn wait_for<T>(&self, queue: &str, wanted: impl Fn(&BusEnvelope) -> Option<T>) -> Result<T> {
        let waited = tokio::time::timeout(ARRIVES_WITHIN, async {
            loop {
                let received = self.sqs.receive_message().queue_url(queue).wait_time_seconds(WAIT_SECONDS);
                for message in received.max_number_of_messages(10).send().await?.messages() {
                    let body = message.body().unwrap_or_default();
                    let outer: Value = serde_json::from_str(body)?;
                    let envelope = match outer.get("detail") {
                        Some(detail) => decode(detail.to_string().as_bytes())?,
                        None => decode(body.as_bytes())?,
                    };
                    let handle = message.receipt_handle().unwrap_or_default();
                    self.sqs.delete_message().queue_url(queue).receipt_handle(handle).send().await?;
                    if let Some(found) = wanted(&envelope) {
                        return anyhow::Ok(found);
                    }
                }
            }
        });
        waited.await.context("it did not come in time")?
    }

    /// Puts in front of dispatch what no stage can process.
    pub(crate) async fn poison(&self) -> Result<()> {
        let body = r#"{"v":1,"kind":"riddle"}"#;
        self.sqs.send_message().queue_url(&self.poisoned_queue).message_body(body).send().await?;
        Ok(())
    }
}

async fn create_queue(sqs: &aws_sdk_sqs::Client, name: &str) -> Result<String> {
    sqs.create_queue().queue_name(name).send().await?.queue_url.context("a queue has a URL")
}

async fn subscribe(
    events: &aws_sdk_eventbridge::Client,
    sqs: &aws_sdk_sqs::Client,
    bus: &str,
    queue: &str,
) -> Result<()> {
    let attributes = sqs.get_queue_attributes().queue_url(queue).attribute_names(QueueAttributeName::QueueArn);
    let attributes = attributes.send().await?;
    let arn =
        attributes.attributes().and_then(|all| all.get(&QueueAttributeName::QueueArn)).context("a queue has an ARN")?;
    let pattern = json!({ "source": ["homing"], "detail-type": ["message.completed"] }).to_string();
    events.put_rule().name("business").event_bus_name(bus).event_pattern(pattern).send().await?;
    let target = Target::builder().id("queue").arn(arn).build()?;
    events.put_targets().rule("business").event_bus_name(bus).targets(target).send().await?;
    Ok(())
}

/// Finds the poisoned item among the dead letters with its reason, redrives it, and finds it there again.
pub(crate) async fn dead_letter_and_redrive(api: &ApiClient, admin: &str) -> Result<String> {
    let first = dead_letter(api, admin, None).await?;
    let text = |letter: &Value, field: &str| letter.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (id, reason) = (text(&first, "id"), text(&first, "reason"));
    if !reason.contains("riddle") {
        bail!("the dead letter does not say why: {first}");
    }
    let request = json!({ "queue": "dispatch", "ids": [id] });
    let _: Value = api.post("/v1/dead-letters/redrive", admin, &request).await?;
    let again = dead_letter(api, admin, Some(&id)).await?;
    if text(&again, "reason") != reason {
        bail!("after the redrive it died of something else: {again}");
    }
    Ok(reason)
}

/// A dead letter of dispatch that is not `but`.
async fn dead_letter(api: &ApiClient, admin: &str, but: Option<&str>) -> Result<Value> {
    let found = tokio::time::timeout(ARRIVES_WITHIN, async {
        loop {
            let page: Value = api.get("/v1/dead-letters?queue=dispatch&limit=10", admin).await?;
            let letters = page.get("dead_letters").and_then(Value::as_array).context("a page of dead letters")?;
            let is_other = |letter: &&Value| letter.get("id").and_then(Value::as_str) != but;
            if let Some(letter) = letters.iter().find(is_other) {
                return anyhow::Ok(letter.clone());
            }
            // sleep: the item goes through its queue and a function first.
            tokio::time::sleep(LOOK_EVERY).await;
        }
    });
    found.await.context("no dead letter came")?
}
