//! Bodies of messages that are too long for a mailbox entry, read once for many devices.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use homing_domain::{MessageId, PushBody};
use homing_ports::{Messages, Result};

/// Bodies that are kept: at most 4 KiB each, so 1 MiB. Devices that come back after a broadcast want the same few.
const KEPT: usize = 256;

/// The latest bodies, newest last.
#[derive(Debug, Default)]
pub(crate) struct Bodies(Mutex<VecDeque<Arc<PushBody>>>);

impl Bodies {
    /// The body; `None` = there is no such message any more.
    pub(crate) async fn body<P: Messages>(&self, ports: &P, id: MessageId) -> Result<Option<Arc<PushBody>>> {
        if let Some(body) = self.kept().iter().find(|body| body.message == id) {
            return Ok(Some(Arc::clone(body)));
        }
        let Some(message) = ports.message(id).await? else {
            return Ok(None);
        };
        let body = Arc::new(PushBody {
            message: id,
            accepted_at: message.accepted_at,
            expires_at: message.expires_at,
            priority: message.options.priority,
            collapse_key: message.options.collapse_key,
            payload: message.payload,
            recalls: None,
        });
        let mut kept = self.kept();
        if kept.len() >= KEPT {
            kept.pop_front();
        }
        kept.push_back(Arc::clone(&body));
        Ok(Some(body))
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, VecDeque<Arc<PushBody>>> {
        // No code that runs under this lock can leave it half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
