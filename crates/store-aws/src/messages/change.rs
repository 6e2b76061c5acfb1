//! What a sender changes: read, apply, write back if nobody wrote in between. The body goes first where it changed, so that
//! no row is ever without it.

use homing_domain::{ChangeRefused, Message, MessageChange, MessageId};
use homing_ports::{Error, Fault, Result};

use super::call;
use super::row::{self, Custody};
use crate::AwsStore;
use crate::compare_and_swap::pause;
use crate::expression::Expression;
use crate::one_item::Written;

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
        let call = call("change the message");
        let mut stored = self.get(call, row::key(&id)).await?;
        for attempt in 0..MAX_ATTEMPTS {
            let Some(found) = stored.filter(|row| !self.is_over(row)) else { return Ok(None) };
            let custody = call.read(Custody::of(&found))?;
            let before = self.with_body(call, found).await?;
            let mut after = before.clone();
            if let Err(refused) = after.apply(change.clone()) {
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
