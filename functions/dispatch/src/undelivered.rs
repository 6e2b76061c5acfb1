//! A gateway found no link for a hand-off: look where the device is now.

use homing_domain::mailbox::{EntryState, Mailbox};
use homing_domain::{HandOffTarget, MessageId, Reason, Seq, Undelivered, UnixMillis};
use homing_ports::{StageError, Vendors};
use homing_telemetry::UndeliveredSeen;

use crate::outcome::{tell_ledger, undelivered};
use crate::{Dispatch, Ports};

impl<P: Ports, V: Vendors> Dispatch<P, V> {
    /// Without a mailbox entry this was the only chance. With one, the message is safe, and is handed off again if
    /// another gateway has the device by now.
    pub(crate) async fn undelivered(&self, input: Undelivered) -> Result<(), StageError> {
        let followed_by = if input.transient {
            let receipt = undelivered(input.message, input.device, Reason::Offline, self.ports.now());
            tell_ledger(&*self.ports, &[receipt]).await?;
            "ended"
        } else if self.hand_off_again(input).await? {
            "handed_off"
        } else {
            "waiting"
        };
        UndeliveredSeen { message: input.message, device: input.device, followed_by }.emit();
        Ok(())
    }

    async fn hand_off_again(&self, input: Undelivered) -> Result<bool, StageError> {
        let Some(mailbox) = self.ports.mailbox(input.device).await? else {
            return Ok(false);
        };
        let Some((seq, variant, enqueued_at)) = live_entry(&mailbox, input.message) else {
            return Ok(false);
        };
        let now = self.ports.now();
        // The connection it was meant for is ending: its gateway said so, and its route follows.
        let other = mailbox.route.filter(|route| route.conn_seq != input.conn_seq);
        let leases = self.leases.read(&*self.ports, other.into_iter()).await?;
        let Some(route) = leases.live(other, now) else {
            return Ok(false);
        };
        let message = self.messages.read(&*self.ports, input.message).await?;
        let target = HandOffTarget { device: input.device, conn_seq: route.conn_seq, seq, enqueued_at };
        if self.notify(&message, variant, route.gateway, vec![target], now).await? {
            Ok(true)
        } else {
            Err(StageError::Later { delay: homing_domain::limits::FULL_MAILBOX_RETRY })
        }
    }
}

/// The entry of a message that is still to be delivered: its number, its rendering, and when it was made.
pub(crate) fn live_entry(mailbox: &Mailbox, message: MessageId) -> Option<(Seq, u8, UnixMillis)> {
    mailbox
        .numbered()
        .find(|(_, entry)| entry.message == message && entry.state == EntryState::Live)
        .map(|(seq, entry)| (seq, entry.variant, entry.enqueued_at))
}
