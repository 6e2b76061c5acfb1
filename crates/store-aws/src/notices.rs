//! Notices to gateways: one SQS queue for each server id, many notices in one message.
//!
//! | call | requests |
//! |---|---|
//! | `notify` | 1 per 256 KiB of notices (SQS bills each 64 KiB), 1 more the first time a sender meets a gateway |
//! | `take_notices` | 2 per message batch that came, 1 per wait without one |
//!
//! A gateway makes its queue itself, at its first lease or its first take, and keeps it for its server id. Messages name the
//! incarnation they are for: what is for an earlier life is dropped, and a process that finds a message for a later life has
//! been replaced and takes nothing more. Messages are hidden for seconds only, so that what was received by an answer that
//! got lost comes again while it is still of use, and SQS drops what nobody took within minutes.

mod body;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_sdk_sqs::types::{Message, QueueAttributeName};
use homing_domain::{GatewayRef, Millis, Notice, ServerId};
use homing_ports::{NoticeSource, Notices, Outgoing, Result};

use crate::AwsStore;
use crate::error::in_port;
use crate::queues::{BATCH_MAX, is_queue_gone, waiting};

/// How long a received message is hidden, in milliseconds: longer than an answer takes, short for a person who waits.
const HIDDEN_FOR: Millis = 5_000;
/// How long a message waits to be taken, in milliseconds. Devices read their mailboxes again before that.
const KEPT_FOR: Millis = 5 * 60_000;
/// Queue URLs that are remembered: more than any fleet has gateways. Beyond it the memory begins anew.
const URLS_MAX: usize = 10_000;

/// What this process knows of inboxes.
#[derive(Default)]
pub(crate) struct Inboxes {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    urls: HashMap<ServerId, String>,
    /// Of gateways whose notices this process takes.
    taken: HashMap<ServerId, Taken>,
}

/// What was received for a gateway of this process.
#[derive(Default)]
struct Taken {
    /// Notices beyond what the caller wanted. At most what [`BATCH_MAX`] messages hold.
    rest: VecDeque<Notice>,
    /// Lives up to this one are over, by their own word or because a later one was seen.
    over: Option<u64>,
}

impl Inboxes {
    fn lock(&self) -> MutexGuard<'_, Known> {
        // Nothing that runs under the lock leaves it half changed.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn url(&self, of: ServerId) -> Option<String> {
        self.lock().urls.get(&of).cloned()
    }

    fn remember(&self, of: ServerId, url: &str) {
        let urls = &mut self.lock().urls;
        if urls.len() >= URLS_MAX {
            urls.clear();
        }
        urls.insert(of, url.to_owned());
    }

    fn forget(&self, of: ServerId) {
        self.lock().urls.remove(&of);
    }

    fn is_over(&self, gateway: GatewayRef) -> bool {
        let known = self.lock();
        known.taken.get(&gateway.server_id).is_some_and(|taken| taken.over >= Some(gateway.incarnation))
    }

    fn end(&self, gateway: GatewayRef) {
        let mut known = self.lock();
        let taken = known.taken.entry(gateway.server_id).or_default();
        taken.over = taken.over.max(Some(gateway.incarnation));
        taken.rest.clear();
    }

    fn keep(&self, gateway: GatewayRef, notices: Vec<Notice>) {
        self.lock().taken.entry(gateway.server_id).or_default().rest.extend(notices);
    }

    fn take(&self, gateway: GatewayRef, max: usize) -> Vec<Notice> {
        let mut known = self.lock();
        let Some(taken) = known.taken.get_mut(&gateway.server_id) else {
            return Vec::new();
        };
        let count = max.min(taken.rest.len());
        taken.rest.drain(..count).collect()
    }
}

impl AwsStore {
    fn inbox_name(&self, of: ServerId, operation: &'static str) -> Result<String> {
        let prefix = &self.shared.settings.gateway_queue_prefix;
        let prefix = self.setting(prefix, "HOMING_GATEWAY_QUEUE_PREFIX", operation)?;
        Ok(format!("{prefix}{:016x}", u64::from_be_bytes(of.0)))
    }

    /// Makes the gateway's queue unless it is there; answers its URL.
    pub(crate) async fn ensure_inbox(&self, gateway: GatewayRef) -> Result<String> {
        const OPERATION: &str = "make the gateway's inbox";
        if let Some(url) = self.shared.inboxes.url(gateway.server_id) {
            return Ok(url);
        }
        let name = self.inbox_name(gateway.server_id, OPERATION)?;
        let asked = self
            .shared
            .sqs
            .create_queue()
            .queue_name(&name)
            .attributes(QueueAttributeName::VisibilityTimeout, (HIDDEN_FOR / 1_000).to_string())
            .attributes(QueueAttributeName::MessageRetentionPeriod, (KEPT_FOR / 1_000).to_string())
            .tags("homing:gateway", gateway.server_id.to_string())
            .send()
            .await;
        let url = match asked {
            Ok(made) => made.queue_url.unwrap_or_default(),
            // Another version made it with other attributes: it will do.
            Err(error) if error.as_service_error().is_some_and(|error| error.is_queue_name_exists()) => {
                self.find_inbox(gateway.server_id, OPERATION).await?.unwrap_or_default()
            }
            Err(error) => return Err(in_port(OPERATION, error)),
        };
        self.shared.inboxes.remember(gateway.server_id, &url);
        Ok(url)
    }

    /// What a gateway that leaves is told from now on is lost.
    pub(crate) fn close_inbox(&self, gateway: GatewayRef) {
        self.shared.inboxes.end(gateway);
    }

    async fn find_inbox(&self, of: ServerId, operation: &'static str) -> Result<Option<String>> {
        if let Some(url) = self.shared.inboxes.url(of) {
            return Ok(Some(url));
        }
        let name = self.inbox_name(of, operation)?;
        match self.shared.sqs.get_queue_url().queue_name(name).send().await {
            Ok(found) => {
                let url = found.queue_url.unwrap_or_default();
                self.shared.inboxes.remember(of, &url);
                Ok(Some(url))
            }
            Err(error) if error.as_service_error().is_some_and(|error| error.is_queue_does_not_exist()) => Ok(None),
            Err(error) => Err(in_port(operation, error)),
        }
    }

    async fn receive_inbox(&self, gateway: GatewayRef, wait: Millis) -> Result<(String, Vec<Message>)> {
        let url = self.ensure_inbox(gateway).await?;
        let (seconds, limits) = waiting(wait);
        let request = self.shared.sqs.receive_message().queue_url(&url).wait_time_seconds(seconds);
        let request = request.max_number_of_messages(BATCH_MAX as i32).customize().config_override(limits);
        match request.send().await {
            Ok(answer) => Ok((url, answer.messages.unwrap_or_default())),
            Err(error) => {
                if error.as_service_error().is_some_and(|error| error.is_queue_does_not_exist()) {
                    // Somebody deleted it; the next take makes it again.
                    self.shared.inboxes.forget(gateway.server_id);
                }
                Err(in_port("take notices", error))
            }
        }
    }

    /// Keeps what is for this life, and deletes it with what is for earlier ones. Messages for a later life stay.
    async fn sort_messages(&self, gateway: GatewayRef, url: &str, messages: Vec<Message>) -> Result<()> {
        let (mut done, mut later, mut notices) = (Vec::new(), Vec::new(), Vec::new());
        for message in &messages {
            let handle = message.receipt_handle.as_deref().unwrap_or_default();
            match body::read(message.body.as_deref().unwrap_or_default()) {
                Ok((incarnation, _)) if incarnation > gateway.incarnation => later.push(handle),
                Ok((incarnation, mut told)) => {
                    if incarnation == gateway.incarnation {
                        notices.append(&mut told);
                    }
                    done.push(handle);
                }
                Err(error) => {
                    tracing::warn!(%error, gateway = %gateway, "a notice cannot be read and is dropped");
                    done.push(handle);
                }
            }
        }
        if later.is_empty() {
            // Before the delete: what is deleted must not be lost with a caller who goes away meanwhile.
            self.shared.inboxes.keep(gateway, notices);
        } else {
            self.shared.inboxes.end(gateway);
        }
        for handle in later {
            self.hide(url, handle, 0).await?;
        }
        if !done.is_empty()
            && let Err(error) = self.delete_batch(url, &done).await
        {
            // They come again; notices are made to be repeated.
            tracing::debug!(%error, gateway = %gateway, "taken notices could not be deleted");
        }
        Ok(())
    }
}

impl Notices for AwsStore {
    async fn notify(&self, gateway: GatewayRef, notices: Vec<Notice>) -> Result<()> {
        const OPERATION: &str = "tell the gateway";
        let bodies = body::write(gateway.incarnation, &notices);
        if bodies.is_empty() {
            return Ok(());
        }
        let Some(url) = self.find_inbox(gateway.server_id, OPERATION).await? else {
            return Ok(());
        };
        match self.send_all(&url, bodies.into_iter().map(Outgoing::now).collect()).await {
            Err(error) if is_queue_gone(&error) => {
                self.shared.inboxes.forget(gateway.server_id);
                Ok(())
            }
            sent => sent,
        }
    }
}

impl NoticeSource for AwsStore {
    async fn take_notices(&self, gateway: GatewayRef, max: usize, wait: Millis) -> Result<Vec<Notice>> {
        if max == 0 || self.shared.inboxes.is_over(gateway) {
            return Ok(Vec::new());
        }
        let kept = self.shared.inboxes.take(gateway, max);
        if !kept.is_empty() {
            return Ok(kept);
        }
        let (url, messages) = self.receive_inbox(gateway, wait).await?;
        self.sort_messages(gateway, &url, messages).await?;
        Ok(self.shared.inboxes.take(gateway, max))
    }
}
