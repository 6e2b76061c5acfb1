//! What the driver is asked to do.

use homing_domain::mailbox::Fenced;
use homing_domain::{FeedOffset, MessageId, Reason, Receipt, Seq, Undelivered, Upstream};
use homing_wire::Frame;

use super::closing::Closing;

/// Names one [`Effect::Record`] of one link.
pub type Ticket = u64;

/// A store call of a link did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreFault {
    /// Another connection owns the device: this link ends.
    #[error(transparent)]
    Fenced(#[from] Fenced),
    /// It may or may not have happened. The machine asks for it again after [`crate::limits::STORE_RETRY_AFTER`].
    #[error("the store did not answer this time")]
    Unavailable,
}

/// What the driver is asked to do, in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Send this frame.
    Transmit(Frame),
    /// Read the device's mailbox and call `mailbox`.
    ReadMailbox,
    /// Read this message's body and call `body`.
    FetchBody {
        /// Which message.
        message: MessageId,
        /// In which rendering.
        variant: u8,
    },
    /// Find what the feed has for the device after this offset, and call `feed`.
    ReadFeed {
        /// How far the device and this link have come.
        after: FeedOffset,
        /// At most so many pushes. Fewer mean that the page reaches the head, so far as it is known.
        limit: usize,
    },
    /// The device has these messages of the feed: count them. Nothing waits for it.
    CountFeed(Vec<MessageId>),
    /// Turn these entries into tombstones and call `tombstoned`.
    Tombstone(Vec<(Seq, Reason)>),
    /// Put these receipts durably into the receipts queue, and call `recorded` only then. They must not be dropped while
    /// the process lives.
    Record {
        /// For `recorded`.
        ticket: Ticket,
        /// At most the entries of a mailbox, or the receipts of one Ack.
        receipts: Vec<Receipt>,
    },
    /// Trim the mailbox and call `trimmed`.
    Trim {
        /// Where the mailbox begins, as far as this link knows.
        expected_lo: Seq,
        /// The last seq to drop.
        through: Seq,
    },
    /// Give the device up and call `detached`.
    Detach {
        /// The highest seq that may have reached the device.
        sent: Seq,
    },
    /// Store this message from the device durably and call `upstream_stored`.
    StoreUpstream(Upstream),
    /// Tell dispatch: this push reached nobody here.
    Undelivered(Undelivered),
    /// Send the Close frame and end the transport. The last effect of `Live`.
    Close(Closing),
    /// The device left cleanly: end the transport. The last effect of `Live`.
    Ended,
}
