//! Fanout: an audience becomes pages of devices.
//!
//! Input: an [`AudienceJob`] or a [`HeldJob`](homing_domain::HeldJob) of [`QueueName::Audience`]. Output:
//! [`Shard`](homing_domain::Shard)s in [`QueueName::Dispatch`] and the next job of the segment; for a broadcast a
//! [`FeedJob`](homing_domain::FeedJob) too.
//!
//! **Most of a broadcast makes no pages.** A message that [goes by the feed](Message::goes_by_feed) stands there once for all
//! devices of that lane; its pages name the others only.
//!
//! **A page is decided once.** Whom it names, through which user, in which language, held back until when or refused why:
//! all of it is found out when the page is made, and stored under an id derived from where the page starts before anything
//! is counted or sent. What is stored decides, so a repeat of a job names, counts and sends the same, whatever the
//! directory, the clock or the message's sender did in between.
//!
//! **Control acts here.** A paused message's jobs wait. A stopped message's next pages are empty and the last of their
//! segments; pages that were stored before are still counted and sent, for dispatch to end them. A rate makes pages smaller,
//! and each segment rest between them.
//!
//! **Must not know**: mailboxes, gateways, payloads, an async runtime, a timer.

mod completion;
mod decide;
mod directory;
mod enumerate;
mod exclude;
mod feed;
mod held;
mod hold;
mod pace;
mod page;
mod progress;
mod recipients;
mod uploaded;
mod users;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use homing_contract::queue::{self, AudienceInput, v1};
use homing_domain::limits::{PAUSE_POLL, PAUSE_POLL_MAX};
use homing_domain::{Audience, AudienceJob, Cursor, Flow, Message, Millis, Schedule, Stage, UnixMillis};
use homing_ports::{
    Apps, Audiences, Clock, Devices, Events, Feeds, Ledger, Messages, Outgoing, QueueName, Queues, StageError, Timers,
};

use completion::Wishes;
pub use enumerate::shard_id;
use pace::{over_at, stagger};

/// What fanout needs from the world.
pub trait Ports: Apps + Audiences + Clock + Devices + Events + Feeds + Ledger + Messages + Queues + Timers {}

impl<P: Apps + Audiences + Clock + Devices + Events + Feeds + Ledger + Messages + Queues + Timers> Ports for P {}

/// How far apart the clocks of two machines are at most.
pub(crate) const CLOCKS_APART: Millis = 10_000;

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
        match queue::decode_audience_input(body).map_err(StageError::poison)? {
            AudienceInput::Job(job) => self.handle(job).await,
            AudienceInput::Held(job) => self.handle_held(job).await,
        }
    }

    /// Enumerates one page, or splits a large audience into its segments. May be repeated at any time.
    ///
    /// # Errors
    /// [`StageError`]: what to do with the job instead of deleting it.
    pub async fn handle(&self, job: AudienceJob) -> Result<(), StageError> {
        let message = self.message(&job).await?;
        if is_void(&message, self.ports.now())? {
            return Ok(());
        }
        self.wait_while_paused(&message)?;
        match job.segment {
            None => self.whole(&message, &job).await,
            Some(segment) if segment < message.segments() => self.page(&message, &job, segment).await,
            Some(_) => Err(StageError::poison("the audience has no such segment")),
        }
    }

    /// A job of the whole audience. How that is enumerated shows once the release has begun.
    async fn whole(&self, message: &Message, job: &AudienceJob) -> Result<(), StageError> {
        // A list of devices is never in a feed, and its page need not wait for its release to begin.
        if matches!(message.audience, Audience::Devices(_)) {
            return self.page(message, job, 0).await;
        }
        let message = self.begin(message).await?;
        if message.stage == Stage::Cancelled {
            return Ok(());
        }
        if job.cursor == Cursor::Start {
            self.bring_by_feed(&message).await?;
        }
        if message.segments() > 1 { self.split(&message).await } else { self.page(&message, job, 0).await }
    }

    async fn message(&self, job: &AudienceJob) -> Result<Message, StageError> {
        let message = self.ports.message(job.message).await?;
        message.ok_or_else(|| StageError::poison("there is no such message"))
    }

    /// A message that is over waits no longer: what is left of it ends as expired.
    fn wait_while_paused(&self, message: &Message) -> Result<(), StageError> {
        let now = self.ports.now();
        if message.control.flow != Flow::Paused || now >= over_at(message) {
            return Ok(());
        }
        // The longer it has rested, the less often anybody looks: each segment's job does.
        let rested = message.control.paused_at.map_or(0, |paused_at| now.since(paused_at));
        Err(StageError::Later { delay: (rested / 4).clamp(PAUSE_POLL, PAUSE_POLL_MAX) })
    }

    /// The message once its release has begun, unless it was cancelled before.
    async fn begin(&self, message: &Message) -> Result<Message, StageError> {
        if !matches!(message.stage, Stage::Accepted | Stage::Scheduled) {
            return Ok(message.clone());
        }
        let feed_head = self.feed_head(message).await?;
        let begun = self.ports.begin_release(message.id, self.ports.now(), feed_head).await?;
        let begun = begun.ok_or_else(|| StageError::poison("the message disappeared"))?;
        if begun.stage == Stage::Scheduled {
            // Its sender gave it another time just now, or clocks differ: looked at again, it is void or due.
            let early = begun.wanted_at().since(self.ports.now());
            return Err(StageError::Later { delay: early.clamp(1, CLOCKS_APART) });
        }
        Ok(begun)
    }

    /// Of a message whose release has begun.
    async fn split(&self, message: &Message) -> Result<(), StageError> {
        if message.is_enumerated() {
            return self.notice_completion(message, message.control.flow.is_stopped()).await;
        }
        if let Audience::Uploaded(list) = message.audience
            && !message.control.flow.is_stopped()
        {
            self.check_list(list).await?;
        }
        let now = self.ports.now();
        let job = |segment| {
            let job = AudienceJob { message: message.id, segment: Some(segment), cursor: Cursor::Start };
            (job, stagger(message, segment, now))
        };
        self.send_jobs(message, (0..message.segments()).map(job)).await
    }

    /// Jobs, each after its delay.
    async fn send_jobs(
        &self,
        message: &Message,
        jobs: impl IntoIterator<Item = (AudienceJob, Millis)>,
    ) -> Result<(), StageError> {
        let group = message.queue_group();
        let item = |(job, delay): (AudienceJob, Millis)| Outgoing {
            body: v1::encode(&job),
            delay,
            group: Some(group.clone()),
        };
        Ok(self.ports.send(QueueName::Audience, jobs.into_iter().map(item).collect()).await?)
    }
}

/// Whether the job is of a message that is not, or not any more, to be enumerated now: it was cancelled, or its time was
/// changed after the job was sent, and a timer is set for the new one.
fn is_void(message: &Message, now: UnixMillis) -> Result<bool, StageError> {
    if message.stage == Stage::Cancelled || matches!(message.schedule, Schedule::Recurring(_)) {
        return Ok(true);
    }
    let early = match message.release_at {
        Some(release_at) if message.stage == Stage::Scheduled => release_at.since(now),
        _ => 0,
    };
    match early {
        0 => Ok(false),
        1..=CLOCKS_APART => Err(StageError::Later { delay: early }),
        _ => Ok(true),
    }
}
