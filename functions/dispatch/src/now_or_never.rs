//! `ttl_seconds: 0`: no mailbox entry. Either the device has a live link at this moment, or its delivery expires.

use futures_util::future::join_all;
use homing_domain::mailbox::Mailbox;
use homing_domain::{Reason, Target};
use homing_ports::{Error, StageError, Vendors};

use crate::cache::{Leases, Rendered};
use crate::outcome::Outcome;
use crate::{Dispatch, Ports};

/// Mailboxes that are read at the same time.
const READS_AT_ONCE: usize = 32;

/// Stands for "no entry" in a hand-off.
const NO_ENTRY: u64 = 0;

impl<P: Ports, V: Vendors> Dispatch<P, V> {
    /// Reads every target's mailbox and hands off or ends. The first failed read is the answer, after all others.
    pub(crate) async fn look_up(
        &self,
        message: &Rendered,
        targets: &[Target],
        outcome: &mut Outcome,
    ) -> Result<Option<Error>, StageError> {
        let mut failure = None;
        for some in targets.chunks(READS_AT_ONCE) {
            let mailboxes = join_all(some.iter().map(|target| self.ports.mailbox(target.device))).await;
            let routes = mailboxes.iter().filter_map(|mailbox| mailbox.as_ref().ok()?.as_ref()?.route);
            let leases = self.leases.read(&*self.ports, routes).await?;
            for (target, mailbox) in some.iter().zip(mailboxes) {
                match mailbox {
                    Ok(mailbox) => decide(message, *target, mailbox.as_ref(), &leases, outcome),
                    Err(error) => failure = failure.or(Some(error)),
                }
            }
        }
        Ok(failure)
    }
}

fn decide(message: &Rendered, target: Target, mailbox: Option<&Mailbox>, leases: &Leases, outcome: &mut Outcome) {
    let route = mailbox.and_then(|mailbox| leases.live(mailbox.route, outcome.now));
    match (refusal_of(message, &target, mailbox), route) {
        (Some(reason), _) => outcome.end(target.device, reason),
        (None, Some(route)) => outcome.hand_off(target, route, NO_ENTRY, outcome.now),
        (None, None) => outcome.end(target.device, Reason::Offline),
    }
}

/// Why a message that gets no entry is not for the device, if it is not.
pub(crate) fn refusal_of(message: &Rendered, target: &Target, mailbox: Option<&Mailbox>) -> Option<Reason> {
    match mailbox {
        None => Some(Reason::UnknownDevice),
        Some(mailbox) if mailbox.app != message.app => Some(Reason::UnknownDevice),
        Some(mailbox) if mailbox.revoked => Some(Reason::Deregistered),
        Some(mailbox) if target.user.is_some() && target.user != mailbox.user => Some(Reason::Unbound),
        Some(_) => None,
    }
}
