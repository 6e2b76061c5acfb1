//! One page on its way: stored, counted, sent, and followed by the next.

use futures_util::future::try_join;
use homing_contract::queue::v1;
use homing_domain::{Audience, AudienceJob, Cursor, Message, Millis, Shard, Stage, Target};
use homing_ports::{Outgoing, QueueName, StageError};
use homing_telemetry::{AudienceExpanded, MessageReleased};

use crate::hold::delay_of;
use crate::pace::pause_after;
use crate::progress::covers;
use crate::{Fanout, Ports};

impl<P: Ports> Fanout<P> {
    pub(crate) async fn page(&self, message: &Message, job: &AudienceJob, segment: u8) -> Result<(), StageError> {
        // Every page of a segment that is done is stored, counted and sent.
        if message.segments_done & (1 << segment) != 0 {
            let is_stopped = message.control.flow.is_stopped();
            return if message.is_enumerated() { self.notice_completion(message, is_stopped).await } else { Ok(()) };
        }
        let (message, shard) = self.stored_page(message, segment, job.cursor).await?;
        let Some(shard) = shard else { return Ok(()) };
        self.count(&message, job.cursor, &shard).await?;
        let sent = self.send_page(&message, segment, &shard).await?;
        match shard.next {
            Some(cursor) => {
                let next = AudienceJob { cursor, ..*job };
                let pause = pause_after(&message, sent, self.ports.now());
                self.send_jobs(&message, [(next, pause)]).await
            }
            None => self.finish_segment(&message, segment, shard.targets.is_empty()).await,
        }
    }

    /// The message once its release has begun, and its page as it is stored; no page when it was cancelled before.
    async fn stored_page(
        &self,
        message: &Message,
        segment: u8,
        cursor: Cursor,
    ) -> Result<(Message, Option<Shard>), StageError> {
        // Whom anything but a list of devices means depends on when the release began, and what is scheduled may be
        // amended until then. For a list the two steps do not wait for each other and share a commit.
        if matches!(message.audience, Audience::Devices(_)) && message.stage == Stage::Accepted {
            let page = self.store_page(message, segment, cursor);
            let (message, shard) = try_join(self.begin(message), page).await?;
            let shard = (message.stage != Stage::Cancelled).then_some(shard);
            return Ok((message, shard));
        }
        let message = self.begin(message).await?;
        if message.stage == Stage::Cancelled {
            return Ok((message, None));
        }
        let shard = self.store_page(&message, segment, cursor).await?;
        Ok((message, Some(shard)))
    }

    /// The world may have changed since a first run that stored, and perhaps counted, another page: what is stored decides,
    /// not what this run found. So a page without devices is stored too.
    async fn store_page(&self, message: &Message, segment: u8, cursor: Cursor) -> Result<Shard, StageError> {
        let mut shard = self.enumerate(message, segment, cursor).await?;
        self.announce_holds(message, &mut shard.targets).await?;
        Ok(self.ports.put_shard(shard).await?)
    }

    async fn count(&self, message: &Message, start: Cursor, shard: &Shard) -> Result<(), StageError> {
        let covers = covers(message, start, shard.next);
        Ok(self.ports.count_targets(shard.id, message.id, shard.targets.len(), covers).await?)
    }

    /// Sends on whoever is not held back: what is dispatched is always counted. Answers how many these are.
    async fn send_page(&self, message: &Message, segment: u8, shard: &Shard) -> Result<usize, StageError> {
        if shard.targets.is_empty() {
            return Ok(0);
        }
        let now = self.ports.now();
        let is_stopped = message.control.flow.is_stopped();
        let mut parts: Vec<(Millis, Vec<Target>)> = Vec::new();
        for target in &shard.targets {
            // Dispatch ends what is stopped: there is nothing to wait for.
            let delay = if is_stopped { Some(0) } else { delay_of(target, now) };
            let Some(delay) = delay else { continue };
            match parts.iter_mut().find(|(other, _)| *other == delay) {
                Some((_, targets)) => targets.push(*target),
                None => parts.push((delay, vec![*target])),
            }
        }
        let sent = parts.iter().map(|(_, targets)| targets.len()).sum();
        let part = |(delay, targets)| (Shard { targets, ..shard.clone() }, delay);
        self.send_shards(message, parts.into_iter().map(part)).await?;
        AudienceExpanded { message: message.id, shard: shard.id, segment, devices: shard.targets.len() }.emit();
        Ok(sent)
    }

    /// Sends pages, or parts of them, to dispatch, each after its delay.
    pub(crate) async fn send_shards(
        &self,
        message: &Message,
        shards: impl Iterator<Item = (Shard, Millis)>,
    ) -> Result<(), StageError> {
        let group = message.queue_group();
        let item = |(shard, delay)| Outgoing { body: v1::encode(&shard), delay, group: Some(group.clone()) };
        let items: Vec<_> = shards.map(item).collect();
        if items.is_empty() {
            return Ok(());
        }
        Ok(self.ports.send(QueueName::Dispatch, items).await?)
    }

    /// `ends_empty`: nobody of the segment's last page is on their way, who would find the message complete.
    async fn finish_segment(&self, message: &Message, segment: u8, ends_empty: bool) -> Result<(), StageError> {
        let now = self.ports.now();
        let finished = self.ports.finish_segment(message.id, segment, now).await?;
        let finished = finished.ok_or_else(|| StageError::poison("the message disappeared"))?;
        if finished.is_enumerated() {
            MessageReleased { message: message.id, took: now.since(message.wanted_at()) }.emit();
            self.notice_completion(&finished, ends_empty).await?;
        }
        Ok(())
    }
}
