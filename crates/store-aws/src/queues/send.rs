//! Sending in batches: what SQS could not take of one is sent again by itself.

use std::time::Duration;

use aws_sdk_sqs::types::{
    MessageAttributeValue, MessageSystemAttributeNameForSends, MessageSystemAttributeValue,
    SendMessageBatchRequestEntry,
};
use futures_util::StreamExt as _;
use futures_util::stream;
use homing_domain::limits::QUEUE_DELAY_MAX;
use homing_ports::{Error, Fault, Outgoing, Result};

use super::{BATCH_MAX, seconds, sqs_text};
use crate::AwsStore;
use crate::error::in_port;
use crate::trace;

/// Bytes of all bodies of one batch request: SQS's limit.
const BATCH_MAX_BYTES: usize = 1 << 20;
/// Batches under way at the same time for one caller.
const BATCHES_AT_ONCE: usize = 4;
/// How often a batch is sent whose entries failed in part, the first time among them.
pub(crate) const ROUNDS_MAX: u32 = 3;
/// Pause before the second round, at most; it doubles. Half of it at random, so that senders fall out of step.
const ROUND_PAUSE: Duration = Duration::from_millis(100);

/// The queue that was to be sent to does not exist.
#[derive(Debug, thiserror::Error)]
#[error("there is no such queue")]
struct QueueGone;

/// Whether sending failed because there is no such queue.
pub(crate) fn is_queue_gone(error: &Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.is::<QueueGone>())
}

type Entry = SendMessageBatchRequestEntry;

/// Cuts a list where a batch is full, by number or by bytes.
pub(crate) fn batches<T>(items: Vec<T>, max: usize, max_bytes: usize, size: impl Fn(&T) -> usize) -> Vec<Vec<T>> {
    let mut batches = Vec::new();
    let (mut batch, mut bytes) = (Vec::new(), 0);
    for item in items {
        let size = size(&item);
        if !batch.is_empty() && (batch.len() == max || bytes + size > max_bytes) {
            batches.push(std::mem::take(&mut batch));
            bytes = 0;
        }
        bytes += size;
        batch.push(item);
    }
    if !batch.is_empty() {
        batches.push(batch);
    }
    batches
}

/// Pauses before the `round`th repeat, from 1.
pub(crate) async fn pause(round: u32) {
    let longest = ROUND_PAUSE * (1 << round.min(8));
    tokio::time::sleep(longest.mul_f64(0.5 + rand::random::<f64>() / 2.0)).await;
}

fn entry(at: usize, item: &Outgoing) -> Result<Entry> {
    let broken = |error| Error::with_source(Fault::Broken, "send items", error);
    let mut entry = Entry::builder()
        .id(at.to_string())
        .message_body(sqs_text(&item.body, "send items")?)
        .set_message_group_id(item.group.as_deref().map(str::to_owned));
    if item.delay > 0 {
        entry = entry.delay_seconds(seconds(item.delay, QUEUE_DELAY_MAX));
    }
    if let Some(header) = trace::current() {
        let value = MessageSystemAttributeValue::builder().data_type("String").string_value(header).build();
        entry =
            entry.message_system_attributes(MessageSystemAttributeNameForSends::AwsTraceHeader, value.map_err(broken)?);
    }
    entry.build().map_err(broken)
}

/// A string as a message attribute. SQS has no empty ones.
pub(super) fn string_attribute(value: &str, operation: &'static str) -> Result<MessageAttributeValue> {
    let value = if value.is_empty() { " " } else { value };
    let built = MessageAttributeValue::builder().data_type("String").string_value(value).build();
    built.map_err(|error| Error::with_source(Fault::Broken, operation, error))
}

impl AwsStore {
    /// Sends items to a queue by its URL, one of ours or a business system's. Durable when answered; after an error any of
    /// them may have been sent.
    pub(crate) async fn send_all(&self, url: &str, items: Vec<Outgoing>) -> Result<()> {
        let entries = items.iter().enumerate().map(|(at, item)| entry(at, item)).collect::<Result<Vec<_>>>()?;
        let batches = batches(entries, BATCH_MAX, BATCH_MAX_BYTES, |entry| entry.message_body.len());
        let mut sent = stream::iter(batches).map(|batch| self.send_batch(url, batch)).buffer_unordered(BATCHES_AT_ONCE);
        let mut outcome = Ok(());
        while let Some(batch) = sent.next().await {
            // The others go on: the fewer are missing, the fewer come twice when the caller repeats.
            outcome = outcome.and(batch);
        }
        outcome
    }

    async fn send_batch(&self, url: &str, mut entries: Vec<Entry>) -> Result<()> {
        for round in 1.. {
            let request = self.shared.sqs.send_message_batch().queue_url(url).set_entries(Some(entries.clone()));
            let answer = request.send().await.map_err(|error| match error.as_service_error() {
                Some(service) if service.is_queue_does_not_exist() => {
                    Error::with_source(Fault::Broken, "send items", QueueGone)
                }
                _ => in_port("send items", error),
            })?;
            let Some(first) = answer.failed.first() else {
                break;
            };
            let words = format!("{}: {}", first.code, first.message.as_deref().unwrap_or("no message"));
            if let Some(refused) = answer.failed.iter().find(|failed| failed.sender_fault) {
                return Err(Error::with_source(Fault::Broken, "send items", refused.code.clone()));
            }
            if round == ROUNDS_MAX {
                return Err(Error::with_source(Fault::Retry, "send items", words));
            }
            entries.retain(|entry| answer.failed.iter().any(|failed| failed.id == entry.id));
            pause(round).await;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_cut_by_number_and_by_bytes() {
        let cut = |sizes: &[usize]| -> Vec<usize> {
            batches(sizes.to_vec(), 3, 10, |size| *size).iter().map(Vec::len).collect()
        };
        assert_eq!(cut(&[]), [0; 0]);
        assert_eq!(cut(&[1; 7]), [3, 3, 1]);
        assert_eq!(cut(&[5, 5, 1, 9]), [2, 2]);
        assert_eq!(cut(&[20, 1]), [1, 1], "what fits nowhere goes alone, and is refused by name");
    }
}
