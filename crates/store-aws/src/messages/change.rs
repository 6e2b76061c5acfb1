//! What a sender changes, and a release that puts a message into a feed: read, apply, write back if nobody wrote in between. The body goes first where it changed, so that
//! no row is ever without it.

use std::convert::Infallible;

use homing_domain::{ChangeRefused, FeedOffset, Message, MessageChange, MessageId, UnixMillis};
use homing_ports::{Error, Fault, Result};

use super::call;
use super::row::{self, Custody};
use crate::AwsStore;
use crate::compare_and_swap::pause;
use crate::expression::Expression;
use crate::one_item::{Call, Written};

/// Writes of one change before it is left to the caller's own retry. Each of them lost to a move or to another change, and a
/// broadcast has 64 workers that finish segments.
const MAX_ATTEMPTS: u32 = 12;

/// The row is of this version still. Rows of the first releases have none before their next move.
pub(super) fn is_unchanged(version: Option<u64>) -> Expression {
    match version {
        Some(version) => Expression::condition("#v = :v").value("v", version),
        None => Expression::condition("attribute_exists(#pk) AND attribute_not_exists(#v)"),
    }
}

impl AwsStore {
    pub(super) async fn change_message(
        &self,
        id: MessageId,
        change: MessageChange,
    ) -> Result<Option<std::result::Result<Message, ChangeRefused>>> {
        let apply = |message: &mut Message| message.apply(change.clone());
        self.rewrite_message(call("change the message"), id, apply).await
    }

    /// Begins the release of a message that is to go into the feed of its app, if that may be: only the message as it stands
    /// tells, for it may have been amended since it was read.
    pub(super) async fn release_into_feed(
        &self,
        call: Call,
        id: MessageId,
        now: UnixMillis,
        feed_head: FeedOffset,
    ) -> Result<Option<Message>> {
        let begin = |message: &mut Message| {
            message.begin_release(now, Some(feed_head));
            Ok::<_, Infallible>(())
        };
        Ok(self.rewrite_message(call, id, begin).await?.map(|Ok(message)| message))
    }

    /// Changes a message by a rule of the domain, which may refuse it, and answers the message as it stands then.
    async fn rewrite_message<R>(
        &self,
        call: Call,
        id: MessageId,
        rule: impl Fn(&mut Message) -> std::result::Result<(), R>,
    ) -> Result<Option<std::result::Result<Message, R>>> {
        let mut stored = self.get(call, row::key(&id)).await?;
        for attempt in 0..MAX_ATTEMPTS {
            let Some(found) = stored.filter(|row| !self.is_over(row)) else { return Ok(None) };
            let custody = call.read(Custody::of(&found))?;
            let before = self.with_body(call, found).await?;
            let mut after = before.clone();
            if let Err(refused) = rule(&mut after) {
                return Ok(Some(Err(refused)));
            }
            if after == before {
                return Ok(Some(Ok(after)));
            }
            let (row, body) = row::rewrite(&before, &custody, &after, rand::random());
            if let Some(body) = body {
                self.put(call, body, Expression::none()).await?;
            }
            match self.put(call, row, is_unchanged(custody.version)).await? {
                Written::Done(_) => return Ok(Some(Ok(after))),
                // Somebody was faster, or this very write was and its answer was lost: applying it again tells.
                Written::Refused(row) => stored = row,
            }
            pause(attempt).await;
        }
        Err(Error::with_source(Fault::Retry, call.operation, "others changed the item each time"))
    }
}
