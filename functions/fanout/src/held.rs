//! A moment has come that devices were held for: they go on to dispatch.

use homing_contract::queue::v1;
use homing_domain::limits::{PAUSE_POLL, QUEUE_DELAY_MAX, RATE_MAX_PAUSE};
use homing_domain::{HeldJob, Message, MessageChange, Shard, Stage};
use homing_ports::{Outgoing, QueueName, StageError};

use crate::pace::{held_limit, pause_of_held};
use crate::{Fanout, Ports};

/// Pages that are looked at in one job.
const SHARDS_AT_ONCE: usize = 16;

impl<P: Ports> Fanout<P> {
    /// Looks at some pages of a message for devices that were held until a moment, and sends them to dispatch. May be repeated
    /// at any time.
    ///
    /// # Errors
    /// [`StageError`]: what to do with the job instead of deleting it.
    pub async fn handle_held(&self, job: HeldJob) -> Result<(), StageError> {
        let Some(message) = self.ports.message(job.message).await? else {
            return Err(StageError::poison("there is no such message"));
        };
        let is_on_its_way = matches!(message.stage, Stage::Releasing | Stage::Released);
        if !is_on_its_way || !message.holds.contains(&job.at) {
            return Ok(());
        }
        self.wait_for_their_turn(&message, &job)?;
        let now = self.ports.now();
        let shards = self.ports.shards(message.id, job.after, SHARDS_AT_ONCE).await?;
        let limit = held_limit(&message, now);
        let (mut seen, mut sent) = (0, 0);
        let mut parts = Vec::new();
        for shard in &shards {
            let is_meant = |target: &&homing_domain::Target| target.hold == Some(job.at) && target.refusal.is_none();
            let targets: Vec<_> = shard.targets.iter().filter(is_meant).copied().collect();
            seen += 1;
            sent += targets.len();
            if !targets.is_empty() {
                parts.push((Shard { targets, ..shard.clone() }, 0));
            }
            if sent >= limit {
                break;
            }
        }
        self.send_shards(&message, parts.into_iter()).await?;
        match shards.get(..seen).and_then(<[Shard]>::last) {
            Some(last) if seen < shards.len() || seen == SHARDS_AT_ONCE => {
                let next = HeldJob { after: Some(last.id), ..job };
                let delay = pause_of_held(&message, sent, now);
                let item = Outgoing { body: v1::encode(&next), delay, group: Some(message.queue_group()) };
                Ok(self.ports.send(QueueName::Audience, vec![item]).await?)
            }
            _ => {
                self.ports.change(message.id, MessageChange::EndHold(job.at)).await?;
                Ok(())
            }
        }
    }

    /// Whoever is held by a stopped message waits no longer, once all its pages are there: dispatch ends them.
    fn wait_for_their_turn(&self, message: &Message, job: &HeldJob) -> Result<(), StageError> {
        let early = job.at.since(self.ports.now());
        if message.control.flow.is_stopped() {
            let is_growing = message.stage == Stage::Releasing && early > 0;
            return if is_growing { Err(StageError::Later { delay: PAUSE_POLL }) } else { Ok(()) };
        }
        self.wait_while_paused(message)?;
        if early > 0 {
            return Err(StageError::Later { delay: early.min(QUEUE_DELAY_MAX) });
        }
        // With a rate, one moment after the other: two at once would go twice as fast.
        if message.options.rate_per_second.is_some() && message.holds.first().is_some_and(|first| *first < job.at) {
            return Err(StageError::Later { delay: RATE_MAX_PAUSE });
        }
        Ok(())
    }
}
