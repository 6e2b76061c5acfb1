//! Pages of a recall: of the devices that another message was for. They are the other message's own pages.

use homing_domain::limits::{PAUSE_POLL, QUEUE_DELAY_MAX};
use homing_domain::{Cursor, Message, MessageId, ShardId, Stage, Target};
use homing_ports::StageError;

use crate::enumerate::Page;
use crate::{Fanout, Ports};

/// Pages of the other message that are read at once. They may be small, when it was slow.
const SHARDS_AT_ONCE: usize = 16;

impl<P: Ports> Fanout<P> {
    /// Who was refused or excluded got nothing, and nothing is to be taken back from them.
    pub(crate) async fn page_of_recipients(
        &self,
        message: &Message,
        other: MessageId,
        after: Option<ShardId>,
        limit: usize,
    ) -> Result<Page, StageError> {
        if after.is_none() {
            self.wait_until_enumerated(message, other).await?;
        }
        let shards = self.ports.shards(other, after, SHARDS_AT_ONCE).await?;
        let mut targets = Vec::new();
        let mut last = after;
        for shard in &shards {
            let recipients = shard.targets.iter().filter(|target| target.refusal.is_none());
            let recipients: Vec<_> = recipients.map(|target| Target::plain(target.device, target.user)).collect();
            if !targets.is_empty() && targets.len() + recipients.len() > limit {
                break;
            }
            targets.extend(recipients);
            last = Some(shard.id);
        }
        let is_last = shards.len() < SHARDS_AT_ONCE && last == shards.last().map(|shard| shard.id).or(after);
        let page = self.named(message, targets).await?;
        Ok((self.select(message, page).await?, last.filter(|_| !is_last).map(Cursor::AfterShard)))
    }

    /// A stopped message gets no new pages but those that its jobs were at: once all its segments are done, no page can be
    /// missed. A job that never ends must not keep the recall from the devices that are known.
    async fn wait_until_enumerated(&self, message: &Message, other: MessageId) -> Result<(), StageError> {
        let Some(other) = self.ports.message(other).await? else {
            return Err(StageError::poison("there is no message to recall"));
        };
        let patience = message.accepted_at.plus(QUEUE_DELAY_MAX);
        if other.stage == Stage::Releasing && self.ports.now() < patience {
            return Err(StageError::Later { delay: PAUSE_POLL });
        }
        Ok(())
    }
}
