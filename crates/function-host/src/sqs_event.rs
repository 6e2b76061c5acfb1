//! The JSON that Lambda's SQS event source sends and expects (AWS Lambda developer guide, "Using Lambda with Amazon SQS").

use std::collections::BTreeMap;

use bytes::Bytes;
use homing_domain::UnixMillis;
use homing_ports::{QueueName, ReceiptHandle, Received};
use serde::{Deserialize, Serialize};

/// A batch of queue items. What is not one fails the whole batch, and every item comes again.
#[derive(Clone, Debug, Deserialize)]
pub struct SqsEvent {
    /// Its items; an event without them is no batch.
    #[serde(rename = "Records")]
    pub records: Vec<SqsRecord>,
}

impl SqsEvent {
    /// The queue that it comes from, for a function that several feed: a queue is named `homing-ENVIRONMENT-QUEUE`. An event
    /// source has one queue, so all items are of it.
    #[must_use]
    pub fn queue(&self) -> Option<QueueName> {
        let arn = &self.records.first()?.event_source_arn;
        QueueName::ALL.into_iter().find(|queue| arn.strip_suffix(queue.name()).is_some_and(|rest| rest.ends_with('-')))
    }
}

/// One queue item.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SqsRecord {
    /// Names it in the answer.
    pub message_id: String,
    receipt_handle: String,
    body: String,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[serde(default)]
    message_attributes: BTreeMap<String, MessageAttribute>,
    #[serde(default, rename = "eventSourceARN")]
    event_source_arn: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MessageAttribute {
    #[serde(default)]
    string_value: Option<String>,
}

impl SqsRecord {
    /// The X-Ray header that the sender gave along.
    pub(crate) fn trace_header(&self) -> Option<&str> {
        self.attributes.get("AWSTraceHeader").map(String::as_str)
    }

    /// The item as the ports know it. The queue's own id of the message stands among the attributes as `message_id`.
    pub(crate) fn into_received(self) -> Received {
        let number = |name: &str| self.attributes.get(name).and_then(|value| value.parse::<u64>().ok());
        let receives = number("ApproximateReceiveCount").and_then(|count| u32::try_from(count).ok()).unwrap_or(1);
        let sent_at = UnixMillis(number("SentTimestamp").unwrap_or(0));
        let outside = self.message_attributes.into_iter();
        let mut attributes: Vec<_> =
            outside.filter_map(|(name, attribute)| Some((name, attribute.string_value?))).collect();
        attributes.retain(|(name, _)| name != MESSAGE_ID);
        attributes.push((MESSAGE_ID.to_owned(), self.message_id));
        Received {
            handle: ReceiptHandle(self.receipt_handle.into()),
            body: Bytes::from(self.body),
            receives,
            sent_at,
            attributes,
        }
    }
}

/// The attribute under which an item's own id in its queue is handed on. It survives redelivery, so it makes a repeat
/// recognisable where the sender gave nothing better.
const MESSAGE_ID: &str = "message_id";

/// Which items are to be received again; all others are deleted by the event source. A malformed answer would count as
/// success of all, hence a type of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BatchResponse {
    /// The failed ones.
    #[serde(rename = "batchItemFailures")]
    pub batch_item_failures: Vec<BatchItemFailure>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BatchItemFailure {
    /// Its `messageId`.
    #[serde(rename = "itemIdentifier")]
    pub item_identifier: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"Records":[{
        "messageId":"059f36b4-87a3-44ab-83d2-661975830a7d","receiptHandle":"AQEB","body":"{}",
        "attributes":{"ApproximateReceiveCount":"3","SentTimestamp":"1545082649183","SenderId":"A",
            "AWSTraceHeader":"Root=1-5e"},
        "messageAttributes":{"app":{"stringValue":"shop","stringListValues":[],"dataType":"String"},
            "message_id":{"stringValue":"forged","dataType":"String"}},
        "md5OfBody":"x","eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:us-east-2:1:q","awsRegion":"us-east-2"}]}"#;

    #[test]
    fn a_record_becomes_an_item() {
        let mut event: SqsEvent = serde_json::from_str(EVENT).unwrap();
        let record = event.records.remove(0);
        assert_eq!(record.trace_header(), Some("Root=1-5e"));
        let item = record.into_received();
        assert_eq!((item.receives, item.sent_at.0, &item.body[..]), (3, 1_545_082_649_183, &b"{}"[..]));
        assert_eq!(item.attribute("app"), Some("shop"));
        assert_eq!(
            item.attribute("message_id"),
            Some("059f36b4-87a3-44ab-83d2-661975830a7d"),
            "a sender cannot forge it"
        );
    }

    #[test]
    fn the_event_source_names_the_queue() {
        let mut event: SqsEvent = serde_json::from_str(EVENT).unwrap();
        for queue in QueueName::ALL {
            event.records[0].event_source_arn = format!("arn:aws:sqs:us-east-2:1:homing-dev-{}", queue.name());
            assert_eq!(event.queue(), Some(queue));
        }
        event.records[0].event_source_arn = "arn:aws:sqs:us-east-2:1:homing-dev-apns-dead".into();
        assert_eq!(event.queue(), None);
    }

    #[test]
    fn the_answer_has_the_names_that_lambda_reads() {
        let failure = BatchItemFailure { item_identifier: "a".into() };
        let json = serde_json::to_string(&BatchResponse { batch_item_failures: vec![failure] }).unwrap();
        assert_eq!(json, r#"{"batchItemFailures":[{"itemIdentifier":"a"}]}"#);
        assert_eq!(serde_json::to_string(&BatchResponse::default()).unwrap(), r#"{"batchItemFailures":[]}"#);
    }

    #[test]
    fn what_is_no_batch_is_an_error_and_not_an_empty_success() {
        for wrong in ["{}", r#"{"Records":null}"#, r#"{"Records":[{"messageId":"a"}]}"#, "[]"] {
            assert!(serde_json::from_str::<SqsEvent>(wrong).is_err(), "{wrong}");
        }
    }
}
