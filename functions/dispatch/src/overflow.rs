//! A full mailbox: the oldest half gives way when it is certain that the device has not seen it.

use homing_domain::mailbox::{Enqueued, Overflowed, Route, Withdrawn};
use homing_domain::{MessageId, Notice, Reason, Target};
use homing_ports::{Error, Fault, StageError, Vendors};
use homing_telemetry::MailboxOverflowed;

use crate::cache::Rendered;
use crate::enqueue::{request, route, settle};
use crate::outcome::{Outcome, tell_ledger, undelivered};
use crate::{Dispatch, Ports};

impl<P: Ports, V: Vendors> Dispatch<P, V> {
    /// Makes room and enqueues, or asks the gateway to make room and tries again in a moment, or fails the new message.
    pub(crate) async fn overflow(
        &self,
        message: &Rendered,
        target: Target,
        outcome: &mut Outcome,
    ) -> Result<(), StageError> {
        match self.ports.overflow(target.device).await? {
            None => outcome.end(target.device, Reason::UnknownDevice),
            Some(Overflowed::NotFull) => self.enqueue_one(message, target, outcome).await?,
            Some(Overflowed::Tombstoned(dropped)) => {
                self.drop_oldest(message, target, &dropped, outcome).await?;
                self.enqueue_one(message, target, outcome).await?;
            }
            Some(Overflowed::NothingUnseen { route }) => {
                let leases = self.leases.read(&*self.ports, route.into_iter()).await?;
                match leases.live(route, outcome.now) {
                    Some(route) => {
                        self.ask_to_trim(message, target, route).await?;
                        outcome.again(target);
                    }
                    None => {
                        emit(message, target, "refused", 0);
                        self.refuse(message, target, outcome).await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The new message fails. Decided in the mailbox first: a repeat of this shard may find room, and must not use it.
    async fn refuse(&self, message: &Rendered, target: Target, outcome: &mut Outcome) -> Result<(), StageError> {
        match self.ports.withdraw(target.device, message.id, Reason::Overflow).await? {
            Withdrawn::Tombstoned => outcome.end(target.device, Reason::Overflow),
            // Another run of this shard brought it in after all, and its gateway settles it.
            Withdrawn::Marked { .. } => {}
            Withdrawn::Absent => self.enqueue_one(message, target, outcome).await?,
        }
        Ok(())
    }

    /// Told first, merged then: after the merge nobody could say any more which messages were dropped.
    async fn drop_oldest(
        &self,
        message: &Rendered,
        target: Target,
        dropped: &[(MessageId, Reason)],
        outcome: &Outcome,
    ) -> Result<(), StageError> {
        let receipts: Vec<_> = dropped
            .iter()
            .map(|(message, reason)| undelivered(*message, target.device, *reason, outcome.now))
            .collect();
        tell_ledger(&*self.ports, &receipts).await?;
        let told = dropped.iter().map(|(message, _)| *message).collect();
        self.ports.merge_overflow(target.device, told).await?;
        emit(message, target, "dropped", dropped.len());
        Ok(())
    }

    async fn ask_to_trim(&self, message: &Rendered, target: Target, route: Route) -> Result<(), Error> {
        emit(message, target, "trim_asked", 0);
        let notice = Notice::Trim { device: target.device, conn_seq: route.conn_seq };
        match self.ports.notify(route.gateway, vec![notice]).await {
            Err(error) if error.fault == Fault::Broken => Err(error),
            // A gateway that is too busy to be asked is asked again by the next try.
            Ok(()) | Err(_) => Ok(()),
        }
    }

    async fn enqueue_one(&self, message: &Rendered, target: Target, outcome: &mut Outcome) -> Result<(), StageError> {
        let requests = vec![(target.device, request(message, &target, outcome.now))];
        // No answer, which no adapter gives, is taken for a mailbox that somebody filled again: a moment passes first.
        let enqueued = self.ports.enqueue(requests).await?.pop().unwrap_or(Ok(Enqueued::Full { route: None }))?;
        let leases = self.leases.read(&*self.ports, route(&enqueued).into_iter()).await?;
        settle(message, target, enqueued, &leases, outcome);
        Ok(())
    }
}

fn emit(message: &Rendered, target: Target, followed_by: &'static str, dropped: usize) {
    MailboxOverflowed { device: target.device, message: message.id, followed_by, dropped }.emit();
}
