//! The mailbox of one device: its route, its fence and its pending inbox in one item.
//!
//! This is the pure model of that item (device-link design, section 4). The embedded store runs it as it is, the
//! simulation runs it on a weak store, and the DynamoDB expressions are checked against it. Because route, fence and
//! inbox share one item, every enqueue and every takeover are ordered: either the takeover's answer holds the message,
//! or the enqueue's answer holds the new route.
//!
//! Three rules make the ledger exact (ADR 0003):
//! * `sent` is the highest seq that a gateway may have sent before it detached. An entry above it, in a mailbox without
//!   a route, is certainly unseen: only such an entry may be tombstoned by anyone but the owning gateway.
//! * Any other entry that is withdrawn is only *marked*. The gateway that owns the device turns the mark into a
//!   tombstone before it sends the Skip, or finds that the device had it already.
//! * So at a takeover, what is at or below the device's cursor and no tombstone was delivered.

mod enqueue;
mod entry;
mod own;
mod withdraw;

use std::collections::VecDeque;

pub use enqueue::{Enqueue, Enqueued};
pub use entry::{Body, Entry, EntryState};
pub use own::{Detached, TakenOver, Takeover, TakeoverRefused, Tombstoned, Trimmed};
pub use withdraw::{Overflowed, Rebound, Withdrawn};

use crate::gateway::GatewayRef;
use crate::id::{AppId, ConnSeq, Epoch, Seq, UserHash};
use crate::limits::{MAILBOX_MAX_REFUSALS, MAILBOX_MAX_TRIMMED_IDS};
use crate::reason::Reason;
use crate::time::UnixMillis;

/// Which gateway holds the device's link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The gateway, in this incarnation.
    pub gateway: GatewayRef,
    /// The connection.
    pub conn_seq: ConnSeq,
}

/// The one item of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// Whose app the device has.
    pub app: AppId,
    /// Life of the mailbox: seqs of another epoch mean nothing here.
    pub epoch: Epoch,
    /// First seq that is not trimmed.
    pub lo: Seq,
    /// Last seq given out; `lo - 1` when nothing is pending.
    pub hi: Seq,
    /// The entries from `lo` to `hi`, without holes.
    pub entries: VecDeque<Entry>,
    /// Who holds the link; none after a detach.
    pub route: Option<Route>,
    /// Largest connection number that ever took over: the fence.
    pub conn_seq: ConnSeq,
    /// Highest seq that may have reached the device, as of the last detach. While there is a route, any may have.
    pub sent: Seq,
    /// Valid generation of the device's secret.
    pub credential_generation: u32,
    /// Deregistered: takes nothing in and nobody over.
    pub revoked: bool,
    /// Who uses the device.
    pub user: Option<UserHash>,
    /// Whether the device has an address at a vendor, which the directory knows.
    pub has_vendor: bool,
    /// When a gateway last took over.
    pub seen_at: UnixMillis,
    /// Short hashes of what was trimmed last, oldest first.
    pub trimmed: VecDeque<u64>,
    /// Short hashes of what was refused last and why, oldest first: decided here, so that the ledger is told only one end.
    pub refused: VecDeque<(u64, Reason)>,
}

/// The caller is not the owner any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("fenced: connection {current} owns the mailbox")]
pub struct Fenced {
    /// Who is.
    pub current: ConnSeq,
}

impl Mailbox {
    /// The mailbox of a device that has just registered.
    #[must_use]
    pub const fn new(app: AppId, epoch: Epoch, credential_generation: u32, user: Option<UserHash>) -> Self {
        Self {
            app,
            epoch,
            lo: 1,
            hi: 0,
            entries: VecDeque::new(),
            route: None,
            conn_seq: 0,
            sent: 0,
            credential_generation,
            revoked: false,
            user,
            has_vendor: false,
            seen_at: UnixMillis(0),
            trimmed: VecDeque::new(),
            refused: VecDeque::new(),
        }
    }

    /// The entries with their first seq, in order.
    pub fn numbered(&self) -> impl Iterator<Item = (Seq, &Entry)> + '_ {
        let mut next = self.lo;
        self.entries.iter().map(move |entry| {
            let seq = next;
            next += Seq::from(entry.span);
            (seq, entry)
        })
    }

    /// Whether an entry whose last seq is `seq` has certainly not been seen by the device.
    #[must_use]
    pub const fn is_unseen(&self, seq: Seq) -> bool {
        self.route.is_none() && seq > self.sent
    }

    /// About how many bytes the item takes: DynamoDB bills a write per KiB of it.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        const ITEM: usize = 160;
        ITEM + self.trimmed.len() * 8
            + self.refused.len() * 9
            + self.entries.iter().map(Entry::size_bytes).sum::<usize>()
    }

    fn owned_by(&self, conn_seq: ConnSeq) -> Result<(), Fenced> {
        if self.conn_seq == conn_seq && !self.revoked { Ok(()) } else { Err(Fenced { current: self.conn_seq }) }
    }

    fn refuse(&mut self, short_hash: u64, reason: Reason) {
        if self.refused.len() == MAILBOX_MAX_REFUSALS {
            self.refused.pop_front();
        }
        self.refused.push_back((short_hash, reason));
    }

    fn remember(&mut self, short_hash: u64) {
        if self.trimmed.len() == MAILBOX_MAX_TRIMMED_IDS {
            self.trimmed.pop_front();
        }
        self.trimmed.push_back(short_hash);
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
