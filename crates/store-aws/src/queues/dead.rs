//! Dead letters: queues of their own, where each stands with the reason, how often it was tried and when it was first sent.
//!
//! SQS cannot list a queue, so a look takes letters out for a moment and puts them back. It is a bounded best effort: of
//! very many letters it sees some, not the oldest, and two people who look at once see parts each.

use std::collections::HashMap;

use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, Message, MessageSystemAttributeName as SystemAttribute,
};
use bytes::Bytes;
use homing_domain::{Millis, UnixMillis};
use homing_ports::{DeadLetter, Error, Fault, QueueName, Received, Result};

use super::send::string_attribute;
use super::{BATCH_MAX, handle_text, number, sqs_text};
use crate::AwsStore;
use crate::error::in_port;

/// Attribute of a dead letter: why it was given up.
const REASON: &str = "reason";
/// Attribute of a dead letter: how often it was received.
const RECEIVES: &str = "receives";
/// Attribute of a dead letter: when it was first sent, in milliseconds since 1970.
const SENT_AT: &str = "sent_at";
/// Attributes that SQS takes with one message, less our own three.
const OUTSIDE_ATTRIBUTES_MAX: usize = 7;
/// Longest reason that is kept, in bytes: enough for a sentence.
const REASON_MAX_BYTES: usize = 512;
/// How long letters that somebody looks at are hidden from others, in milliseconds, if they are not put back.
const LOOK_HIDES_FOR: Millis = 20_000;
/// How long a look waits for letters, in milliseconds: SQS asks all its servers only when it may wait.
const LOOK_WAITS: Millis = 1_000;
/// Requests of one look at most, so that a queue that never ends cannot hold it: 2,000 letters.
const LOOKS_MAX: usize = 200;

/// The reason as SQS takes it, cut to its limit.
fn reason_text(reason: &str) -> String {
    let cut = reason.get(..reason.floor_char_boundary(REASON_MAX_BYTES)).unwrap_or(reason);
    cut.chars().map(|c| if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') { ' ' } else { c }).collect()
}

fn attribute<'m>(message: &'m Message, name: &str) -> Option<&'m str> {
    message.message_attributes.as_ref()?.get(name)?.string_value.as_deref()
}

fn dead_letter(message: &Message) -> DeadLetter {
    // One that SQS moved by itself carries its own numbers.
    let receives = attribute(message, RECEIVES).and_then(|text| text.parse().ok());
    let sent_at = attribute(message, SENT_AT).and_then(|text| text.parse().ok());
    let of_sqs = |name| number(message, &name).unwrap_or_default();
    DeadLetter {
        id: Bytes::from(message.message_id.clone().unwrap_or_default()),
        body: Bytes::from(message.body.clone().unwrap_or_default()),
        receives: receives
            .unwrap_or_else(|| u32::try_from(of_sqs(SystemAttribute::ApproximateReceiveCount)).unwrap_or(u32::MAX)),
        sent_at: UnixMillis(sent_at.unwrap_or_else(|| of_sqs(SystemAttribute::SentTimestamp))),
        reason: attribute(message, REASON).map(str::to_owned),
    }
}

fn handle_of(message: &Message) -> &str {
    message.receipt_handle.as_deref().unwrap_or_default()
}

impl AwsStore {
    /// Puts an item among the dead letters, then deletes it: in between there are two of it, never none.
    pub(super) async fn bury(&self, queue: QueueName, item: Received, reason: &str) -> Result<()> {
        const OPERATION: &str = "give the item up";
        let (url, dead) = (self.queue_url(queue, OPERATION)?, self.dead_url(queue, OPERATION)?);
        let text = sqs_text(&item.body, OPERATION)?.into_owned();
        let mut letter = self.shared.sqs.send_message().queue_url(dead).message_body(text);
        for (name, value) in item.attributes.iter().take(OUTSIDE_ATTRIBUTES_MAX) {
            letter = letter.message_attributes(name, string_attribute(value, OPERATION)?);
        }
        letter = letter
            .message_attributes(REASON, string_attribute(&reason_text(reason), OPERATION)?)
            .message_attributes(RECEIVES, string_attribute(&item.receives.to_string(), OPERATION)?)
            .message_attributes(SENT_AT, string_attribute(&item.sent_at.0.to_string(), OPERATION)?);
        letter.send().await.map_err(|error| in_port(OPERATION, error))?;
        match handle_text(&item.handle) {
            Some(handle) => self.delete_batch(url, &[handle]).await,
            None => Ok(()),
        }
    }

    pub(super) async fn list_dead_letters(&self, queue: QueueName, limit: usize) -> Result<Vec<DeadLetter>> {
        let dead = self.dead_url(queue, "list dead letters")?;
        let seen = self.look(dead, |seen| seen.len() >= limit).await?;
        let mut letters: Vec<DeadLetter> = seen.values().map(dead_letter).collect();
        self.put_back(dead, seen.values()).await?;
        letters.sort_by(|a, b| (a.sent_at, &a.id).cmp(&(b.sent_at, &b.id)));
        letters.truncate(limit);
        Ok(letters)
    }

    pub(super) async fn redrive_dead_letter(&self, queue: QueueName, id: &[u8]) -> Result<()> {
        const OPERATION: &str = "redrive the dead letter";
        let (url, dead) = (self.queue_url(queue, OPERATION)?, self.dead_url(queue, OPERATION)?);
        let Ok(id) = std::str::from_utf8(id) else {
            return Ok(());
        };
        let mut seen = self.look(dead, |seen| seen.contains_key(id)).await?;
        let found = seen.remove(id);
        // First, for the others should not wait for what can still fail.
        self.put_back(dead, seen.values()).await?;
        match found {
            Some(letter) => self.send_again(url, dead, letter).await,
            None => Ok(()),
        }
    }

    /// Sends a letter's body to its queue with what its sender wrote beside it, then deletes the letter.
    async fn send_again(&self, url: &str, dead: &str, letter: Message) -> Result<()> {
        const OPERATION: &str = "redrive the dead letter";
        let outside = letter.message_attributes.as_ref().map(|named| {
            let mut named = named.clone();
            named.retain(|name, _| ![REASON, RECEIVES, SENT_AT].contains(&name.as_str()));
            named
        });
        let group = letter.attributes.as_ref().and_then(|named| named.get(&SystemAttribute::MessageGroupId));
        let again = self
            .shared
            .sqs
            .send_message()
            .queue_url(url)
            .set_message_body(letter.body.clone())
            .set_message_attributes(outside.filter(|named| !named.is_empty()))
            .set_message_group_id(group.cloned());
        again.send().await.map_err(|error| in_port(OPERATION, error))?;
        self.delete_batch(dead, &[handle_of(&letter)]).await
    }

    /// Takes letters until `enough`, or until there are no more. By id, for one may come twice.
    async fn look(
        &self,
        dead: &str,
        enough: impl Fn(&HashMap<String, Message>) -> bool,
    ) -> Result<HashMap<String, Message>> {
        let mut seen = HashMap::new();
        for _ in 0..LOOKS_MAX {
            if enough(&seen) {
                break;
            }
            let request = self
                .shared
                .sqs
                .receive_message()
                .queue_url(dead)
                .max_number_of_messages(BATCH_MAX as i32)
                .wait_time_seconds(super::seconds(LOOK_WAITS, LOOK_WAITS))
                .visibility_timeout(super::seconds(LOOK_HIDES_FOR, LOOK_HIDES_FOR))
                .message_system_attribute_names(SystemAttribute::All)
                .message_attribute_names("All");
            let answer = request.send().await.map_err(|error| in_port("look at dead letters", error))?;
            let letters = answer.messages.unwrap_or_default();
            if letters.is_empty() {
                break;
            }
            seen.extend(letters.into_iter().map(|letter| (letter.message_id.clone().unwrap_or_default(), letter)));
        }
        Ok(seen)
    }

    /// Lets letters be seen again at once.
    async fn put_back(&self, dead: &str, letters: impl Iterator<Item = &Message>) -> Result<()> {
        let broken = |error| Error::with_source(Fault::Broken, "put dead letters back", error);
        let handles: Vec<&str> = letters.map(handle_of).collect();
        for batch in handles.chunks(BATCH_MAX) {
            let entry = |(at, handle): (usize, &&str)| {
                ChangeMessageVisibilityBatchRequestEntry::builder()
                    .id(at.to_string())
                    .receipt_handle(*handle)
                    .visibility_timeout(0)
                    .build()
            };
            let entries = batch.iter().enumerate().map(entry).collect::<std::result::Result<_, _>>().map_err(broken)?;
            // An entry that fails is visible again by itself a little later.
            let asked = self.shared.sqs.change_message_visibility_batch().queue_url(dead).set_entries(Some(entries));
            asked.send().await.map_err(|error| in_port("put dead letters back", error))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_cut_between_letters_and_is_plain() {
        let long = "券".repeat(REASON_MAX_BYTES);
        assert_eq!(reason_text(&long).len(), REASON_MAX_BYTES - REASON_MAX_BYTES % 3);
        assert_eq!(reason_text("a\u{0}b\u{ffff}c\n"), "a b c ");
    }
}
