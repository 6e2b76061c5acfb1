//! Fanout: an audience becomes pages of devices.
//!
//! Input: an [`AudienceJob`] of [`QueueName::Audience`]. Output: [`Shard`]s in [`QueueName::Dispatch`] and the next
//! job of the segment. Each page is stored under an id derived from where it starts before it is counted and sent, so a
//! repeat of a job names, counts and sends the same devices.
//!
//! **Must not know**: mailboxes, gateways, payloads, an async runtime, a timer.

mod completion;
mod enumerate;
mod users;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::try_join;
use homing_contract::queue::{self, v1};
use homing_domain::limits::FANOUT_SEGMENTS;
use homing_domain::{Audience, AudienceJob, Cursor, Message, Shard, Stage};
use homing_ports::{Apps, Clock, Devices, Events, Ledger, Messages, Outgoing, QueueName, Queues, StageError};
use homing_telemetry::{AudienceExpanded, MessageReleased};

use completion::Wishes;
pub use enumerate::shard_id;

/// What fanout needs from the world.
pub trait Ports: Apps + Messages + Devices + Queues + Ledger + Events + Clock {}

impl<P: Apps + Messages + Devices + Queues + Ledger + Events + Clock> Ports for P {}

/// The stage.
#[derive(Debug)]
pub struct Fanout<P> {
    ports: Arc<P>,
    wishes: Arc<Wishes>,
}

impl<P> Clone for Fanout<P> {
    fn clone(&self) -> Self {
        Self { ports: Arc::clone(&self.ports), wishes: Arc::clone(&self.wishes) }
    }
}

impl<P: Ports> Fanout<P> {
    /// A stage over these ports.
    #[must_use]
    pub fn new(ports: Arc<P>) -> Self {
        Self { ports, wishes: Arc::default() }
    }

    /// Does the work of one queue item.
    ///
    /// # Errors
    /// [`StageError`]: what to do with the item instead of deleting it.
    pub async fn consume(&self, body: &Bytes) -> Result<(), StageError> {
        let job = queue::decode::<AudienceJob>(body).map_err(StageError::poison)?;
        self.handle(job).await
    }

    /// Enumerates one page, or splits an audience of everyone into its segments. May be repeated at any time.
    ///
    /// # Errors
    /// [`StageError`]: what to do with the job instead of deleting it.
    pub async fn handle(&self, job: AudienceJob) -> Result<(), StageError> {
        let Some(message) = self.ports.message(job.message).await? else {
            return Err(StageError::poison("there is no such message"));
        };
        match (&message.audience, job.segment) {
            (Audience::All, None) => self.split(&self.begin(&message).await?).await,
            // Whom everyone means depends on when the release began.
            (Audience::All, Some(segment)) if segment < FANOUT_SEGMENTS => {
                let message = self.begin(&message).await?;
                self.page(&message, job.segment, segment, job.cursor).await
            }
            // A named audience is one segment.
            (Audience::Devices(_) | Audience::Users(_), None | Some(0)) => {
                self.page(&message, job.segment, 0, job.cursor).await
            }
            (Audience::Expression(_) | Audience::Uploaded(_) | Audience::RecipientsOf(_), _) => {
                Err(StageError::poison("this kind of audience is not enumerated yet"))
            }
            (_, Some(_)) => Err(StageError::poison("the audience has no such segment")),
        }
    }

    /// The message once its release has begun.
    async fn begin(&self, message: &Message) -> Result<Message, StageError> {
        if !matches!(message.stage, Stage::Accepted | Stage::Scheduled) {
            return Ok(message.clone());
        }
        let begun = self.ports.begin_release(message.id, self.ports.now()).await?;
        begun.ok_or_else(|| StageError::poison("the message disappeared"))
    }

    async fn split(&self, message: &Message) -> Result<(), StageError> {
        if message.is_enumerated() {
            return self.notice_completion(message, false).await;
        }
        let job = |segment| AudienceJob { message: message.id, segment: Some(segment), cursor: Cursor::Start };
        self.send_jobs(message, (0..FANOUT_SEGMENTS).map(job)).await
    }

    async fn page(
        &self,
        message: &Message,
        named_segment: Option<u8>,
        segment: u8,
        cursor: Cursor,
    ) -> Result<(), StageError> {
        // Every page of a segment that is done is stored, counted and sent.
        if message.segments_done & (1 << segment) != 0 {
            return if message.is_enumerated() { self.notice_completion(message, false).await } else { Ok(()) };
        }
        // Steps that do not wait for each other share a commit.
        let (_, shard) = try_join(self.begin(message), self.counted_page(message, segment, cursor)).await?;
        self.send_shard(message, segment, &shard).await?;
        match shard.next {
            Some(cursor) => {
                let job = AudienceJob { message: message.id, segment: named_segment, cursor };
                self.send_jobs(message, [job]).await
            }
            None => {
                let is_for_nobody = cursor == Cursor::Start && shard.targets.is_empty();
                self.finish_segment(message, segment, is_for_nobody).await
            }
        }
    }

    /// The page that starts here, stored and counted.
    async fn counted_page(&self, message: &Message, segment: u8, cursor: Cursor) -> Result<Shard, StageError> {
        let shard = self.enumerate(message, segment, cursor).await?;
        if let Audience::Devices(_) = message.audience {
            // A page of a list is the same however often it is made: it may be counted while it is stored.
            let (stored, ()) = try_join(self.store(shard.clone()), self.count(&shard)).await?;
            return Ok(stored);
        }
        let stored = self.store(shard).await?;
        self.count(&stored).await?;
        Ok(stored)
    }

    /// The directory may have changed since a first run that stored, and perhaps counted, another page: what is stored
    /// decides, not what this run found. So a page without devices is stored too.
    async fn store(&self, shard: Shard) -> Result<Shard, StageError> {
        Ok(self.ports.put_shard(shard).await?)
    }

    async fn count(&self, shard: &Shard) -> Result<(), StageError> {
        match shard.targets.len() {
            0 => Ok(()),
            devices => Ok(self.ports.count_targets(shard.id, shard.message, devices, 0).await?),
        }
    }

    /// Sends a page on: what is dispatched is always counted.
    async fn send_shard(&self, message: &Message, segment: u8, shard: &Shard) -> Result<(), StageError> {
        let devices = shard.targets.len();
        if devices == 0 {
            return Ok(());
        }
        let item = Outgoing { body: v1::encode(shard), delay: 0, group: Some(message.app.as_str().into()) };
        self.ports.send(QueueName::Dispatch, vec![item]).await?;
        AudienceExpanded { message: message.id, shard: shard.id, segment, devices }.emit();
        Ok(())
    }

    async fn send_jobs(
        &self,
        message: &Message,
        jobs: impl IntoIterator<Item = AudienceJob>,
    ) -> Result<(), StageError> {
        let group: Box<str> = message.app.as_str().into();
        let items = jobs
            .into_iter()
            .map(|job| Outgoing { body: v1::encode(&job), delay: 0, group: Some(group.clone()) })
            .collect();
        Ok(self.ports.send(QueueName::Audience, items).await?)
    }

    /// `is_for_nobody`: of this segment, and so of the whole where there is no other.
    async fn finish_segment(&self, message: &Message, segment: u8, is_for_nobody: bool) -> Result<(), StageError> {
        let now = self.ports.now();
        let finished = self.ports.finish_segment(message.id, segment, now).await?;
        let finished = finished.ok_or_else(|| StageError::poison("the message disappeared"))?;
        if finished.is_enumerated() {
            MessageReleased { message: message.id, took: now.since(message.wanted_at()) }.emit();
            self.notice_completion(&finished, is_for_nobody).await?;
        }
        Ok(())
    }
}
