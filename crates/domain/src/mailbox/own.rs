//! What the gateway that owns the device does: takeover, tombstone, trim, detach. Safety rests on the connection number
//! alone, never on a lease or a clock.

use super::{EntryState, Fenced, Mailbox, Route};
use crate::gateway::GatewayRef;
use crate::id::{ConnSeq, Seq};
use crate::reason::Reason;
use crate::time::UnixMillis;

/// A gateway wants to own the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Takeover {
    /// Who.
    pub gateway: GatewayRef,
    /// With which connection number of the device.
    pub conn_seq: ConnSeq,
    /// Generation of the secret that the device proved to have.
    pub credential_generation: u32,
    /// The present.
    pub now: UnixMillis,
}

/// It owns the device now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenOver {
    /// Whom to tell that they are superseded.
    pub previous: Option<Route>,
    /// When a gateway took over before; `None` = never, or in another run of this takeover.
    pub seen_before: Option<UnixMillis>,
    /// The item as it stands.
    pub mailbox: Mailbox,
}

/// It does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TakeoverRefused {
    /// A connection with this or a larger number took over before: this Hello is late or replayed.
    #[error("stale connection number, {current} took over")]
    Stale {
        /// The fence.
        current: ConnSeq,
    },
    /// The secret is of an old generation.
    #[error("the credential was replaced")]
    Credential,
    /// The device is deregistered, or never was registered.
    #[error("the device is not registered")]
    Revoked,
}

/// What came of a tombstone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tombstoned;

/// What came of a trim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trimmed {
    /// The first seq that is left.
    pub lo: Seq,
}

/// What came of a detach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detached;

impl Mailbox {
    /// Makes a gateway the owner if its connection number is larger than any before. A repeat of a takeover that already
    /// happened succeeds again.
    ///
    /// # Errors
    /// [`TakeoverRefused`]: revoked, old secret, or a connection number that is not new.
    pub fn take_over(&mut self, takeover: Takeover) -> Result<TakenOver, TakeoverRefused> {
        if self.revoked {
            return Err(TakeoverRefused::Revoked);
        }
        if self.credential_generation != takeover.credential_generation {
            return Err(TakeoverRefused::Credential);
        }
        let mine = Route { gateway: takeover.gateway, conn_seq: takeover.conn_seq };
        let is_repeat = self.route == Some(mine);
        if takeover.conn_seq <= self.conn_seq && !is_repeat {
            return Err(TakeoverRefused::Stale { current: self.conn_seq });
        }
        let previous = if is_repeat { None } else { self.route };
        let seen_before = Some(self.seen_at).filter(|seen| !is_repeat && *seen != UnixMillis(0));
        self.conn_seq = takeover.conn_seq;
        self.route = Some(mine);
        self.seen_at = takeover.now;
        Ok(TakenOver { previous, seen_before, mailbox: self.clone() })
    }

    /// Turns entries into tombstones, before their Skip is sent. The owner knows that it has not sent them on this link
    /// and that they lie above the device's cursor. Already buried entries stay as they are.
    ///
    /// # Errors
    /// [`Fenced`] when another connection owns the device.
    pub fn tombstone(&mut self, conn_seq: ConnSeq, entries: &[(Seq, Reason)]) -> Result<Tombstoned, Fenced> {
        self.owned_by(conn_seq)?;
        for (position, seq) in self.positions_where(|entry| !matches!(entry.state, EntryState::Tombstone(_))) {
            if let Some((_, reason)) = entries.iter().find(|(wanted, _)| *wanted == seq) {
                self.entries[position].bury(*reason);
            }
        }
        Ok(Tombstoned)
    }

    /// Drops all entries up to `through`, which the device has acknowledged and the ledger has been told of.
    /// A trim that finds `lo` elsewhere than expected changes nothing and says where it is.
    ///
    /// # Errors
    /// [`Fenced`] when another connection owns the device.
    pub fn trim(&mut self, conn_seq: ConnSeq, expected_lo: Seq, through: Seq) -> Result<Trimmed, Fenced> {
        self.owned_by(conn_seq)?;
        if self.lo == expected_lo {
            while let Some(entry) = self.entries.front() {
                let last = self.lo + Seq::from(entry.span) - 1;
                if last > through {
                    break;
                }
                let short_hash = entry.message.short_hash();
                self.lo = last + 1;
                self.entries.pop_front();
                self.remember(short_hash);
            }
        }
        Ok(Trimmed { lo: self.lo })
    }

    /// Gives the device up, some time after its link ended: it counts as offline from here on. `sent` is the highest seq
    /// that may have reached it.
    ///
    /// # Errors
    /// [`Fenced`] when another connection owns the device.
    pub fn detach(&mut self, conn_seq: ConnSeq, sent: Seq) -> Result<Detached, Fenced> {
        self.owned_by(conn_seq)?;
        self.route = None;
        self.sent = sent;
        Ok(Detached)
    }
}
