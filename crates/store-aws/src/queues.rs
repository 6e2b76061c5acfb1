//! Work queues on SQS standard queues.
//!
//! | call | requests |
//! |---|---|
//! | `send` of n items | 1 per 10 items (SQS bills another for every 64 KiB beyond the first) |
//! | `receive` | 1, or 1 per 10 items when more than 10 are asked for |
//! | `delete` of n items | 1 per 10 |
//! | `retry` | 1 (on Lambda: only when the delay is not the queue's own) |
//! | `give_up` | 3 |
//! | `depth` | 1 |
//! | `dead_letters`, `redrive` | 2 per 10 dead letters seen, and 3 |
//!
//! A handle is SQS's receipt handle as text, so that what an event source mapping received can be settled here too. Delays
//! are whole seconds on SQS and are rounded up. SQS keeps nothing said by `retry`: the reason of a dead letter is that of
//! the `give_up`, and an item that nobody ever answered says so. The queue's own redrive policy stands a few receives
//! behind [`QueueName::max_receives`] and only catches what fell through: such a dead letter has no reason.

mod dead;
mod send;
mod text;

#[cfg(test)]
mod tests;

use std::time::Duration;

use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::error::ProvideErrorMetadata as _;
use aws_sdk_sqs::types::{
    DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName as SystemAttribute, QueueAttributeName,
};
use bytes::Bytes;
use futures_util::future::try_join_all;
use homing_domain::{Millis, UnixMillis};
use homing_ports::{DeadLetter, Error, Fault, Outgoing, QueueName, Queues, ReceiptHandle, Received, Result};

use crate::AwsStore;
use crate::error::in_port;
pub(crate) use send::{ROUNDS_MAX, batches, is_queue_gone, pause};
pub(crate) use text::sqs_text;

/// Entries of one batch request: SQS's limit.
pub(crate) const BATCH_MAX: usize = 10;
/// Longest wait of one receive, in milliseconds: SQS's limit.
const WAIT_MAX: Millis = 20_000;
/// Longest time that an item can be hidden, in milliseconds: SQS's 12 hours from its receive, less a margin for what has
/// passed of it.
const HIDDEN_MAX: Millis = 11 * 3_600_000;
/// The answer of a waiting receive may take so much longer than the wait.
const WAIT_MARGIN: Duration = Duration::from_secs(5);
/// Why an item became a dead letter that its consumers never answered for.
const NEVER_ANSWERED: &str = "received as often as allowed, and no try said why it did not end";

/// The names of the settings, in the order of [`QueueName::ALL`].
const QUEUE_SETTINGS: [&str; QueueName::ALL.len()] = [
    "HOMING_QUEUE_INTAKE",
    "HOMING_QUEUE_DUE",
    "HOMING_QUEUE_AUDIENCE",
    "HOMING_QUEUE_DISPATCH",
    "HOMING_QUEUE_RECEIPTS",
    "HOMING_QUEUE_CLOSE",
    "HOMING_QUEUE_APNS",
    "HOMING_QUEUE_FCM",
    "HOMING_QUEUE_HUAWEI",
    "HOMING_QUEUE_HONOR",
    "HOMING_QUEUE_XIAOMI",
    "HOMING_QUEUE_OPPO",
    "HOMING_QUEUE_VIVO",
    "HOMING_QUEUE_MEIZU",
    "HOMING_QUEUE_WEBPUSH",
];
const DEAD_SETTINGS: [&str; QueueName::ALL.len()] = [
    "HOMING_DEAD_INTAKE",
    "HOMING_DEAD_DUE",
    "HOMING_DEAD_AUDIENCE",
    "HOMING_DEAD_DISPATCH",
    "HOMING_DEAD_RECEIPTS",
    "HOMING_DEAD_CLOSE",
    "HOMING_DEAD_APNS",
    "HOMING_DEAD_FCM",
    "HOMING_DEAD_HUAWEI",
    "HOMING_DEAD_HONOR",
    "HOMING_DEAD_XIAOMI",
    "HOMING_DEAD_OPPO",
    "HOMING_DEAD_VIVO",
    "HOMING_DEAD_MEIZU",
    "HOMING_DEAD_WEBPUSH",
];

/// Whole seconds, rounded up.
pub(crate) fn seconds(millis: Millis, at_most: Millis) -> i32 {
    i32::try_from(millis.min(at_most).div_ceil(1_000)).unwrap_or(i32::MAX)
}

/// How long one receive may wait, in whole seconds, and the time limit that goes with it.
pub(crate) fn waiting(wait: Millis) -> (i32, aws_sdk_sqs::config::Builder) {
    let seconds = seconds(wait, WAIT_MAX);
    let limit = Duration::from_millis(WAIT_MAX.min(wait)) + WAIT_MARGIN;
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(limit).build();
    (seconds, aws_sdk_sqs::Config::builder().timeout_config(timeouts))
}

/// Whether SQS says that a handle is void: the item is gone, was received again, or is another queue's.
pub(crate) fn is_void_handle(code: Option<&str>) -> bool {
    let code = code.unwrap_or_default();
    ["ReceiptHandleIsInvalid", "InvalidParameterValue", "InvalidIdFormat", "InvalidAddress"].contains(&code)
}

/// What a system attribute says, as a number.
fn number(message: &Message, name: &SystemAttribute) -> Option<u64> {
    message.attributes.as_ref()?.get(name)?.parse().ok()
}

fn received(message: Message) -> Received {
    let receives = number(&message, &SystemAttribute::ApproximateReceiveCount).unwrap_or(1);
    let sent_at = number(&message, &SystemAttribute::SentTimestamp).unwrap_or_default();
    let named = message.message_attributes.unwrap_or_default().into_iter();
    let mut attributes: Vec<_> = named.filter_map(|(name, value)| Some((name, value.string_value?))).collect();
    attributes.sort();
    Received {
        handle: ReceiptHandle(Bytes::from(message.receipt_handle.unwrap_or_default())),
        body: Bytes::from(message.body.unwrap_or_default()),
        receives: u32::try_from(receives).unwrap_or(u32::MAX),
        sent_at: UnixMillis(sent_at),
        attributes,
    }
}

/// The text of a handle that could be one of SQS's.
fn handle_text(handle: &ReceiptHandle) -> Option<&str> {
    std::str::from_utf8(&handle.0).ok().filter(|text| !text.is_empty())
}

impl AwsStore {
    fn queue_url(&self, queue: QueueName, operation: &'static str) -> Result<&str> {
        let at = queue as usize;
        self.setting(&self.shared.settings.queues[at], QUEUE_SETTINGS[at], operation)
    }

    fn dead_url(&self, queue: QueueName, operation: &'static str) -> Result<&str> {
        let at = queue as usize;
        self.setting(&self.shared.settings.dead[at], DEAD_SETTINGS[at], operation)
    }

    /// One receive request.
    async fn receive_once(&self, url: &str, max: usize, wait: Millis) -> Result<Vec<Message>> {
        let (seconds, limits) = waiting(wait);
        let answer = self
            .shared
            .sqs
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(i32::try_from(max.min(BATCH_MAX)).unwrap_or(1))
            .wait_time_seconds(seconds)
            .message_system_attribute_names(SystemAttribute::ApproximateReceiveCount)
            .message_system_attribute_names(SystemAttribute::SentTimestamp)
            .message_attribute_names("All")
            .customize()
            .config_override(limits)
            .send()
            .await;
        Ok(answer.map_err(|error| in_port("receive items", error))?.messages.unwrap_or_default())
    }

    /// Receives up to `max`, waiting for the first only: what is there beyond it is taken by requests beside each other.
    async fn receive_up_to(&self, url: &str, max: usize, wait: Millis) -> Result<Vec<Message>> {
        let mut messages = self.receive_once(url, max, wait).await?;
        if messages.len() == BATCH_MAX && max > BATCH_MAX {
            let rest = max - BATCH_MAX;
            let more = (0..rest.div_ceil(BATCH_MAX)).map(|n| self.receive_once(url, rest - n * BATCH_MAX, 0));
            messages.extend(try_join_all(more).await?.into_iter().flatten());
        }
        Ok(messages)
    }

    /// Gives up what was received too often: its last consumer died with it.
    async fn without_spent(&self, queue: QueueName, received: Vec<Received>) -> Result<Vec<Received>> {
        let (spent, fresh): (Vec<_>, Vec<_>) =
            received.into_iter().partition(|item| item.receives > queue.max_receives());
        for item in spent {
            // This receive was no try.
            let item = Received { receives: queue.max_receives(), ..item };
            self.bury(queue, item, NEVER_ANSWERED).await?;
        }
        Ok(fresh)
    }

    /// Deletes by at most [`BATCH_MAX`] handles.
    pub(crate) async fn delete_batch(&self, url: &str, handles: &[&str]) -> Result<()> {
        let entry = |(at, handle): (usize, &&str)| {
            DeleteMessageBatchRequestEntry::builder().id(at.to_string()).receipt_handle(*handle).build()
        };
        let entries = handles.iter().enumerate().map(entry).collect::<std::result::Result<Vec<_>, _>>();
        let entries = entries.map_err(|error| Error::with_source(Fault::Broken, "delete items", error))?;
        let asked = self.shared.sqs.delete_message_batch().queue_url(url).set_entries(Some(entries)).send().await;
        let answer = asked.map_err(|error| in_port("delete items", error))?;
        match answer.failed.iter().find(|failed| !failed.sender_fault) {
            Some(failed) => Err(Error::with_source(Fault::Retry, "delete items", failed.code.clone())),
            // What the sender is blamed for is a void handle.
            None => Ok(()),
        }
    }

    pub(crate) async fn hide(&self, url: &str, handle: &str, delay: Millis) -> Result<bool> {
        let asked = self
            .shared
            .sqs
            .change_message_visibility()
            .queue_url(url)
            .receipt_handle(handle)
            .visibility_timeout(seconds(delay, HIDDEN_MAX))
            .send()
            .await;
        match asked {
            Ok(_) => Ok(true),
            // It is visible already.
            Err(error) if error.code().is_some_and(|code| code.contains("MessageNotInflight")) => Ok(true),
            Err(error) if is_void_handle(error.code()) => Ok(false),
            Err(error) => Err(in_port("hide the item", error)),
        }
    }
}

impl Queues for AwsStore {
    async fn send(&self, queue: QueueName, items: Vec<Outgoing>) -> Result<()> {
        let url = self.queue_url(queue, "send items")?;
        self.send_all(url, items).await
    }

    async fn receive(&self, queue: QueueName, max: usize, wait: Millis) -> Result<Vec<Received>> {
        let url = self.queue_url(queue, "receive items")?;
        if max == 0 {
            return Ok(Vec::new());
        }
        let messages = self.receive_up_to(url, max, wait).await?;
        self.without_spent(queue, messages.into_iter().map(received).collect()).await
    }

    async fn delete(&self, queue: QueueName, handles: Vec<ReceiptHandle>) -> Result<()> {
        let url = self.queue_url(queue, "delete items")?;
        let handles: Vec<&str> = handles.iter().filter_map(handle_text).collect();
        try_join_all(handles.chunks(BATCH_MAX).map(|batch| self.delete_batch(url, batch))).await?;
        Ok(())
    }

    async fn retry(&self, queue: QueueName, handle: ReceiptHandle, delay: Millis, _: &str) -> Result<()> {
        let url = self.queue_url(queue, "retry the item")?;
        if let Some(handle) = handle_text(&handle) {
            self.hide(url, handle, delay).await?;
        }
        Ok(())
    }

    async fn give_up(&self, queue: QueueName, item: Received, reason: &str) -> Result<()> {
        let url = self.queue_url(queue, "give the item up")?;
        let Some(handle) = handle_text(&item.handle) else {
            return Ok(());
        };
        // Whoever has it now decides about it; and nobody gets it while this is under way.
        if self.hide(url, handle, queue.visibility()).await? {
            self.bury(queue, item, reason).await?;
        }
        Ok(())
    }

    async fn dead_letters(&self, queue: QueueName, limit: usize) -> Result<Vec<DeadLetter>> {
        self.list_dead_letters(queue, limit).await
    }

    async fn redrive(&self, queue: QueueName, id: Bytes) -> Result<()> {
        self.redrive_dead_letter(queue, &id).await
    }

    async fn depth(&self, queue: QueueName) -> Result<u64> {
        let url = self.queue_url(queue, "measure the queue")?;
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ];
        let asked = self.shared.sqs.get_queue_attributes().queue_url(url).set_attribute_names(Some(names.to_vec()));
        let answer = asked.send().await.map_err(|error| in_port("measure the queue", error))?;
        let numbers = answer.attributes.unwrap_or_default();
        Ok(names.iter().filter_map(|name| numbers.get(name)?.parse::<u64>().ok()).sum())
    }
}
