//! The way into the feed of the app: one entry for all the devices that read it, instead of one for each.

use homing_contract::queue::v1;
use homing_domain::{Audience, FeedAction, FeedJob, FeedOffset, Message};
use homing_ports::{Outgoing, QueueName, StageError};

use crate::{Fanout, Ports};

impl<P: Ports> Fanout<P> {
    /// After which entry of the feed a message that is about to be released would stand; `None` = it does not go there. Read
    /// before the release begins: its entry comes later for sure.
    pub(crate) async fn feed_head(&self, message: &Message) -> Result<Option<FeedOffset>, StageError> {
        let goes_there = match message.audience {
            // What takes a message back goes wherever that one went.
            Audience::RecipientsOf(other) => {
                self.ports.message(other).await?.is_some_and(|other| other.feed_after.is_some())
            }
            _ => message.goes_by_feed(),
        };
        if goes_there { Ok(Some(self.ports.feed_head(&message.app).await?)) } else { Ok(None) }
    }

    /// Has a message that goes by the feed put into it, once its release has begun. Dispatch puts it there once, however often
    /// it is told; so every repeat of the first job tells it, and a crash after the beginning costs nothing.
    pub(crate) async fn bring_by_feed(&self, message: &Message) -> Result<(), StageError> {
        if message.feed_after.is_none() || message.control.flow.is_stopped() {
            return Ok(());
        }
        let job = FeedJob { message: message.id, action: FeedAction::Bring };
        let item = Outgoing { body: v1::encode(&job), delay: 0, group: Some(message.queue_group()) };
        Ok(self.ports.send(QueueName::Dispatch, vec![item]).await?)
    }
}
