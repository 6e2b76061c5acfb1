//! What is not to reach devices any more: a message that was stopped, and one that another message takes back.
//!
//! Each device's mailbox decides, because an earlier run of the shard may have brought the message there: who tells the
//! ledger "cancelled" must know that the device does not get it.

use futures_util::future::join_all;
use homing_domain::mailbox::Withdrawn;
use homing_domain::{MessageId, Reason, Target};
use homing_ports::{Error, StageError, Vendors};

use crate::cache::{Rendered, TakesBack};
use crate::outcome::Outcome;
use crate::{Dispatch, Ports};

/// Mailboxes that are changed at the same time.
const CHANGES_AT_ONCE: usize = 32;

impl<P: Ports, V: Vendors> Dispatch<P, V> {
    /// Ends a message for these devices, wherever it has not been sent.
    pub(crate) async fn decline(
        &self,
        message: &Rendered,
        targets: &[Target],
        reason: Reason,
        outcome: &mut Outcome,
    ) -> Result<Option<Error>, StageError> {
        if message.is_now_or_never {
            // No mailbox knows whether an earlier run brought it. This end gives way to a delivery that comes to light.
            outcome.end_all(targets, Reason::Offline);
            return Ok(None);
        }
        let Withdrawals { buried, absent, failure, .. } = self.withdraw(message.id, reason, targets, outcome).await?;
        outcome.end_all(&buried, reason);
        // What was not there is refused from now on, and what was trimmed is settled: the mailbox says which.
        let later = self.enqueue(message, &absent, outcome).await?;
        Ok(failure.or(later))
    }

    /// Takes another message back. Where that one certainly was not seen there is nothing to recall; everyone else is told
    /// by an entry of this message's own.
    pub(crate) async fn take_back(
        &self,
        message: &Rendered,
        back: TakesBack,
        targets: &[Target],
        outcome: &mut Outcome,
    ) -> Result<Option<Error>, StageError> {
        let TakesBack { message: other, reason } = back;
        let Withdrawals { buried, marked, absent, failure } = self.withdraw(other, reason, targets, outcome).await?;
        for target in &buried {
            outcome.end_other(other, target.device, reason);
        }
        let declined = self.decline(message, &buried, Reason::NothingToRecall, outcome).await?;
        let told: Vec<_> = marked.into_iter().chain(absent).collect();
        let enqueued = self.enqueue(message, &told, outcome).await?;
        Ok(failure.or(declined).or(enqueued))
    }

    /// Withdraws a message from mailboxes, and asks gateways that may be about to send it to look again. A device whose own
    /// call failed leaves the others alone.
    async fn withdraw(
        &self,
        message: MessageId,
        reason: Reason,
        targets: &[Target],
        outcome: &mut Outcome,
    ) -> Result<Withdrawals, StageError> {
        let mut withdrawals = Withdrawals::default();
        for some in targets.chunks(CHANGES_AT_ONCE) {
            let calls = some.iter().map(|target| self.ports.withdraw(target.device, message, reason));
            for (target, answer) in some.iter().zip(join_all(calls).await) {
                match answer {
                    Ok(Withdrawn::Tombstoned) => withdrawals.buried.push(*target),
                    Ok(Withdrawn::Absent) => withdrawals.absent.push(*target),
                    Ok(Withdrawn::Marked { route }) => {
                        let leases = self.leases.read(&*self.ports, route.into_iter()).await?;
                        if let Some(route) = leases.live(route, outcome.now) {
                            outcome.reread(*target, route);
                        }
                        withdrawals.marked.push(*target);
                    }
                    Err(error) => withdrawals.failure = withdrawals.failure.or(Some(error)),
                }
            }
        }
        Ok(withdrawals)
    }
}

/// What became of the withdrawals of one message.
#[derive(Debug, Default)]
struct Withdrawals {
    /// It will never be sent: the ledger is to be told.
    buried: Vec<Target>,
    /// It may have been sent: the device's gateway finds out, and tells the ledger.
    marked: Vec<Target>,
    /// It is not there.
    absent: Vec<Target>,
    failure: Option<Error>,
}
