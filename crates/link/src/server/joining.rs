//! Between the proof and the takeover's answer: hand-offs may come already.

use std::sync::Arc;

use homing_domain::limits::PENDING_MAX_HAND_OFFS;
use homing_domain::mailbox::{TakenOver, Takeover};
use homing_domain::{
    AppId, ConnSeq, DeviceId, GatewayRef, HandOffTarget, HeartbeatSettings, PushBody, Seq, UnixMillis,
};
use homing_wire::{CloseCode, Decoder};

use super::claim::Claim;
use super::closing::Closing;
use super::leaving::Leaving;
use super::live::Live;
use crate::Transport;

/// A proven device whose takeover is under way. Register it before the takeover is called.
#[derive(Debug)]
pub struct Joining {
    pub(super) transport: Transport,
    pub(super) decoder: Decoder,
    pub(super) claim: Claim,
    pub(super) hand_offs: Vec<(Arc<PushBody>, HandOffTarget)>,
    pub(super) is_behind: bool,
}

impl Joining {
    pub(super) const fn new(transport: Transport, decoder: Decoder, claim: Claim) -> Self {
        Self { transport, decoder, claim, hand_offs: Vec::new(), is_behind: false }
    }

    /// Which device.
    #[must_use]
    pub const fn device(&self) -> DeviceId {
        self.claim.device
    }

    /// Of which app.
    #[must_use]
    pub const fn app(&self) -> &AppId {
        &self.claim.app
    }

    /// Number of this connection.
    #[must_use]
    pub const fn conn_seq(&self) -> ConnSeq {
        self.claim.conn_seq
    }

    /// The takeover to call. It may be repeated when its answer is lost.
    #[must_use]
    pub const fn takeover(&self, gateway: GatewayRef, now: UnixMillis) -> Takeover {
        Takeover {
            gateway,
            conn_seq: self.claim.conn_seq,
            credential_generation: self.claim.credential_generation,
            now,
        }
    }

    /// Keeps a hand-off until the takeover is answered. Too many: the mailbox is read instead.
    pub fn hand_off(&mut self, body: Arc<PushBody>, target: HandOffTarget) {
        if self.hand_offs.len() < PENDING_MAX_HAND_OFFS {
            self.hand_offs.push((body, target));
        } else {
            self.is_behind = true;
        }
    }

    /// The mailbox changed otherwise, or hints were lost: read it once the link is live.
    pub const fn reread(&mut self) {
        self.is_behind = true;
    }

    /// The takeover succeeded. A driver whose transport broke in the meantime calls this too, and then [`Live::leave`].
    ///
    /// # Errors
    /// The close, when the mailbox is not the one that was proven.
    pub fn welcome(
        self,
        now: UnixMillis,
        taken_over: TakenOver,
        heartbeat: &HeartbeatSettings,
    ) -> Result<Live, Closing> {
        if taken_over.mailbox.app != self.claim.app {
            return Err(Closing::new(CloseCode::Authentication));
        }
        Ok(Live::begin(now, self, taken_over.mailbox, heartbeat))
    }

    /// The driver gives up without having an answer of the takeover, which may have happened: the route must not stay.
    #[must_use]
    pub fn abandon(self, now: UnixMillis) -> Leaving {
        // Nothing is known of the mailbox, so everything in it may have been seen.
        Leaving::abandoned(now, Seq::MAX)
    }
}
