//! What other tasks tell the task of one link. Small when idle, bounded when busy, and nothing of it is ever lost
//! unnoticed: too many hand-offs become "read the mailbox again".

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use homing_domain::{ConnSeq, HandOffTarget, Millis, PushBody};
use homing_link::server::{Closing, Ticket};
use tokio::sync::Notify;

/// Hand-offs that wait for the link's task: two windows.
const HAND_OFFS_MAX: usize = 64;

/// All that was told since the task last looked.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// In the order in which they came.
    pub(crate) hand_offs: Vec<(Arc<PushBody>, HandOffTarget)>,
    /// Receipts that are durable.
    pub(crate) recorded: Vec<Ticket>,
    /// Read the mailbox again.
    pub(crate) reread: bool,
    /// The feed of its app has something new.
    pub(crate) feed: bool,
    /// Trim the mailbox.
    pub(crate) trim: bool,
    /// A larger connection number took over.
    pub(crate) superseded: Option<ConnSeq>,
    /// The device is deregistered.
    pub(crate) revoked: bool,
    /// Heartbeat settings changed.
    pub(crate) heartbeat: bool,
    /// Ask the device to move.
    pub(crate) drain: Option<Millis>,
    /// Close the link.
    pub(crate) end: Option<Closing>,
    /// Give the device up without waiting.
    pub(crate) hurry: bool,
}

/// The end that others hold.
#[derive(Debug, Default)]
pub(crate) struct Handle {
    told: Mutex<Told>,
    wake: Notify,
}

impl Handle {
    /// Tells something.
    pub(crate) fn tell(&self, change: impl FnOnce(&mut Told)) {
        change(&mut self.told());
        self.wake.notify_one();
    }

    /// Hands off, unless there is no room: then the link reads its mailbox, and `false` says that a push without an entry
    /// was not taken.
    #[must_use]
    pub(crate) fn hand_off(&self, body: &Arc<PushBody>, target: HandOffTarget) -> bool {
        let mut is_taken = true;
        self.tell(|told| {
            if told.hand_offs.len() < HAND_OFFS_MAX {
                told.hand_offs.push((Arc::clone(body), target));
            } else if target.seq > 0 {
                told.reread = true;
            } else {
                is_taken = false;
            }
        });
        is_taken
    }

    /// Takes all that was told.
    pub(crate) fn take(&self) -> Told {
        std::mem::take(&mut self.told())
    }

    /// Waits until something is told. May be dropped and called again.
    pub(crate) async fn wait(&self) {
        self.wake.notified().await;
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        // No code that runs under this lock can leave it half changed.
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
