//! Bodies of messages that stand in no mailbox entry, because they are too long or came by a feed: one for many devices.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use homing_domain::{Message, MessageId, PushBody};
use homing_ports::{Messages, Result};

/// Bodies that are kept: at most 4 KiB each, so 1 MiB. Devices that come back after a broadcast want the same few.
const KEPT: usize = 256;

/// The latest bodies, each with its variant, newest last.
#[derive(Debug, Default)]
pub(crate) struct Bodies(Mutex<VecDeque<(u8, Arc<PushBody>)>>);

impl Bodies {
    /// The body in this rendering; `None` = there is no such message any more.
    pub(crate) async fn body<P: Messages>(
        &self,
        ports: &P,
        id: MessageId,
        variant: u8,
    ) -> Result<Option<Arc<PushBody>>> {
        if let Some((_, body)) = self.kept().iter().find(|(kept, body)| body.message == id && *kept == variant) {
            return Ok(Some(Arc::clone(body)));
        }
        Ok(ports.message(id).await?.map(|message| self.of(&message, variant)))
    }

    /// The body of a message that was read already.
    pub(crate) fn of(&self, message: &Message, variant: u8) -> Arc<PushBody> {
        let mut kept = self.kept();
        if let Some((_, body)) = kept.iter().rev().find(|(kept, body)| body.message == message.id && *kept == variant) {
            return Arc::clone(body);
        }
        let body = Arc::new(PushBody::of(message, variant));
        if kept.len() >= KEPT {
            kept.pop_front();
        }
        kept.push_back((variant, Arc::clone(&body)));
        body
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, VecDeque<(u8, Arc<PushBody>)>> {
        // No code that runs under this lock can leave it half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
