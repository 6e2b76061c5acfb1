//! What a device keeps on its disk.
//!
//! The store is told of [`Change`]s; what they add up to is [`State`]. A change that moves the cursor carries the event
//! that moved it, so that both are durable in one write.

mod file;
mod memory;
mod record;

use std::collections::VecDeque;
use std::future::Future;

use homing_domain::{ConnSeq, DeviceId, MessageId, UnixMillis, UpstreamId};
use homing_link::Transport;
use homing_link::client::{Cursor, Lesson, Loss, Message, Networks, Saved, SeenIds, Upload};
use homing_wire::SkipReason;

pub use file::FileState;
pub use memory::MemoryState;

/// Events that the app has not finished. Beyond it the device reads no more from its link: an app that finishes nothing
/// shall not fill the disk. 4 MiB at the largest payload.
pub const UNFINISHED_MAX: usize = 1_024;
/// Networks whose best transport is remembered.
const WINNERS_MAX: usize = 16;

/// Something for the app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A message.
    Message(Message),
    /// The sender took a message back: remove what is shown of it. It may never have come, and will not any more.
    Recalled {
        /// Which message.
        message: MessageId,
        /// The recall's own id; a repeat has the same. `None` = it has none.
        recall: Option<MessageId>,
    },
    /// Messages will never come.
    Skipped {
        /// Their first number.
        first: u64,
        /// Their last number.
        last: u64,
        /// Why; `None` = a reason that this version does not know.
        reason: Option<SkipReason>,
    },
    /// The cursor was set anew: a restored backup, or a new mailbox.
    Reset {
        /// Where it stands.
        cursor: Cursor,
    },
    /// Numbers were missing without a reason.
    Hole {
        /// The first.
        first: u64,
        /// The last.
        last: u64,
    },
}

impl Event {
    /// The ids that are not to be heard of again.
    fn seen(&self) -> impl Iterator<Item = MessageId> {
        let (first, last) = match self {
            Self::Message(message) => (None, Some(message.id)),
            Self::Recalled { message, recall } => (*recall, Some(*message)),
            Self::Skipped { .. } | Self::Reset { .. } | Self::Hole { .. } => (None, None),
        };
        first.into_iter().chain(last)
    }

    /// Whether messages may be lost: the app should synchronise with its own server.
    #[must_use]
    pub const fn possible_loss(&self) -> Option<Loss> {
        match self {
            Self::Reset { .. } => Some(Loss::Reset),
            Self::Hole { .. } => Some(Loss::Hole),
            Self::Skipped { reason: Some(SkipReason::Overflow), .. } => Some(Loss::Overflow),
            Self::Message(_) | Self::Recalled { .. } | Self::Skipped { .. } => None,
        }
    }
}

/// An event with the device's own number for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Rises by one; not the mailbox's seq.
    pub number: u64,
    /// What happened.
    pub event: Event,
}

/// Which transport came first on a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Winner {
    /// The network.
    pub network_hash: u64,
    /// The transport.
    pub transport: Transport,
    /// Tried first until then.
    pub until: UnixMillis,
}

/// One change of the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Everything is forgotten: the state belongs to this device now.
    Began {
        /// Whose it is.
        device: DeviceId,
        /// Where it starts.
        cursor: Cursor,
    },
    /// A connection number is taken.
    Connection(ConnSeq),
    /// The cursor moved, or a message came that has none.
    Arrived {
        /// Where it stands now.
        cursor: Cursor,
        /// What the app is to hear.
        item: Option<Item>,
    },
    /// A message came by the vendor's channel; or any way, some time ago, when the state is written anew.
    Seen(MessageId),
    /// The last numbers given out; written only when the state is written anew.
    Numbers {
        /// To an event.
        item: u64,
        /// To a message to the business.
        upload: UpstreamId,
    },
    /// The app is done with an event.
    Finished(u64),
    /// A message to the business waits.
    Uploading(Upload),
    /// It is durable there, or refused.
    Uploaded(UpstreamId),
    /// A transport came first.
    Won(Winner),
    /// Something was learned of a network.
    Learned(Lesson),
}

/// How firmly a change must stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// It outlives a power cut.
    Synced,
    /// It outlives the process; after a power cut it may be gone, which only repeats something.
    Written,
}

/// All that a device keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Whose it is; `None` = fresh.
    pub device: Option<DeviceId>,
    /// How far it has come.
    pub cursor: Cursor,
    /// The last connection number.
    pub conn_seq: ConnSeq,
    /// The messages that came last.
    pub seen: SeenIds,
    /// What the app has not finished, in order.
    pub unfinished: VecDeque<Item>,
    /// The last number given to an event.
    pub last_item: u64,
    /// Messages to the business that are not settled.
    pub uploads: Vec<Upload>,
    /// The last number given to one.
    pub last_upload: UpstreamId,
    /// Which transport to try first, the oldest first.
    pub winners: Vec<Winner>,
    /// How long which network keeps a silent link.
    pub networks: Networks,
}

impl State {
    /// Takes one change in.
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::Began { device, cursor } => *self = Self { device: Some(device), cursor, ..Self::default() },
            Change::Connection(conn_seq) => self.conn_seq = self.conn_seq.max(conn_seq),
            Change::Arrived { cursor, item } => {
                // A file that an older version wrote on with says nothing of the feed: its offset never goes back.
                self.cursor = Cursor { feed: cursor.feed.max(self.cursor.feed), ..cursor };
                let Some(item) = item else { return };
                for id in item.event.seen() {
                    self.seen.insert(id);
                }
                self.last_item = self.last_item.max(item.number);
                self.unfinished.push_back(item);
            }
            Change::Seen(id) => {
                self.seen.insert(id);
            }
            Change::Numbers { item, upload } => {
                self.last_item = self.last_item.max(item);
                self.last_upload = self.last_upload.max(upload);
            }
            Change::Finished(number) => self.unfinished.retain(|item| item.number != number),
            Change::Uploading(upload) => {
                self.last_upload = self.last_upload.max(upload.id);
                self.uploads.push(upload);
            }
            Change::Uploaded(id) => self.uploads.retain(|upload| upload.id != id),
            Change::Won(winner) => {
                self.winners.retain(|known| known.network_hash != winner.network_hash);
                if self.winners.len() == WINNERS_MAX {
                    self.winners.remove(0);
                }
                self.winners.push(winner);
            }
            Change::Learned(lesson) => self.networks.apply(lesson),
        }
    }

    /// The fewest changes that lead to this state from a fresh one.
    #[must_use]
    pub fn to_changes(&self) -> Vec<Change> {
        let mut changes = Vec::new();
        changes.extend(self.device.map(|device| Change::Began { device, cursor: self.cursor }));
        changes.push(Change::Connection(self.conn_seq));
        let mut last_item = self.last_item;
        for item in &self.unfinished {
            last_item = last_item.max(item.number);
            changes.push(Change::Arrived { cursor: self.cursor, item: Some(item.clone()) });
        }
        // In their own order, after those that unfinished events brought in.
        changes.extend(self.seen.iter().map(Change::Seen));
        changes.push(Change::Numbers { item: last_item, upload: self.last_upload });
        changes.extend(self.uploads.iter().cloned().map(Change::Uploading));
        changes.extend(self.winners.iter().copied().map(Change::Won));
        changes.extend(self.networks.lessons().map(Change::Learned));
        changes
    }

    /// The part that the link's machine needs.
    #[must_use]
    pub fn saved(&self) -> Saved {
        Saved { cursor: self.cursor, conn_seq: self.conn_seq, seen: self.seen.clone(), networks: self.networks.clone() }
    }
}

/// Why the store failed.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Another process has it open.
    #[error("another process uses {path}")]
    InUse {
        /// The file.
        path: String,
    },
    /// It is not a state file, or one of a later version.
    #[error("{path} is no state file of this version")]
    Foreign {
        /// The file.
        path: String,
    },
    /// Reading or writing failed.
    #[error("the state file: {0}")]
    Io(#[from] std::io::Error),
}

/// Where a device keeps its state. After an error the device calls [`StateStore::load`] again before it goes on.
pub trait StateStore: Send + 'static {
    /// Reads everything.
    fn load(&mut self) -> impl Future<Output = Result<State, StateError>> + Send;

    /// Makes the changes durable, in order, all of them by **one** write if possible. A crash may keep any first part of
    /// the changes, never a later one without the earlier ones, and never half of one.
    fn commit(
        &mut self,
        changes: Vec<Change>,
        durability: Durability,
    ) -> impl Future<Output = Result<(), StateError>> + Send;
}
