//! Bodies of messages that are too long for a mailbox entry, read once for many devices.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use homing_domain::{MessageId, PushBody};
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
        let Some(message) = ports.message(id).await? else {
            return Ok(None);
        };
        let body = Arc::new(PushBody::of(&message, variant));
        let mut kept = self.kept();
        if kept.len() >= KEPT {
            kept.pop_front();
        }
        kept.push_back((variant, Arc::clone(&body)));
        Ok(Some(body))
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, VecDeque<(u8, Arc<PushBody>)>> {
        // No code that runs under this lock can leave it half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
