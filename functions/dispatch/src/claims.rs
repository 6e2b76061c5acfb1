//! Who may ask a vendor: of several jobs one, and for nobody who does not want the message any more.

use futures_util::future::join_all;
use homing_domain::limits::VENDOR_CLAIM_KEPT_FOR;
use homing_domain::mailbox::Mailbox;
use homing_domain::{Channel, Claimed, Delivery, Stage, Target};
use homing_ports::Vendors;

use crate::asked::Asked;
use crate::cache::Rendered;
use crate::now_or_never::refusal_of;
use crate::undelivered::live_entry;
use crate::{Dispatch, Ports};

/// A device that this job alone may ask for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    pub(crate) target: Target,
    /// Whether somebody may have asked before, and was not heard of again.
    pub(crate) asked_before: bool,
}

impl<P: Ports, V: Vendors> Dispatch<P, V> {
    /// Those that nobody else is asking for, and that have not ended.
    pub(crate) async fn claim(&self, message: &Rendered, targets: &[Target], asked: &mut Asked) -> Vec<Claim> {
        let claim = |target: &Target| self.ports.claim_delivery(message.id, target.device, Channel::Own, asked.now);
        let answers = join_all(targets.iter().map(claim)).await;
        let (mut mine, mut ended) = (Vec::new(), Vec::new());
        for (target, answer) in targets.iter().zip(answers) {
            match answer {
                Ok(Claimed::Granted { asked_before }) => mine.push(Claim { target: *target, asked_before }),
                Ok(Claimed::Taken) => asked.again(*target, VENDOR_CLAIM_KEPT_FOR),
                Ok(Claimed::Ended) => ended.push(*target),
                Err(error) => asked.fail(error),
            }
        }
        if !message.is_vendor_only() {
            self.find_taken(message, &ended, asked).await;
        }
        mine
    }

    /// An earlier run may have told the ledger that a vendor took it, and died before it withdrew the entry.
    async fn find_taken(&self, message: &Rendered, ended: &[Target], asked: &mut Asked) {
        let rows = join_all(ended.iter().map(|target| self.ports.delivery(message.id, target.device))).await;
        for (target, row) in ended.iter().zip(rows) {
            match row {
                Ok(row) if row.as_ref().is_some_and(is_by_vendor) => asked.taken.push(*target),
                Ok(_) => {}
                Err(error) => asked.fail(error),
            }
        }
    }

    /// Those that the message is still for.
    pub(crate) async fn still_wanted(&self, message: &Rendered, claims: Vec<Claim>, asked: &mut Asked) -> Vec<Claim> {
        let mailboxes = join_all(claims.iter().map(|claim| self.ports.mailbox(claim.target.device))).await;
        let mut wanted = Vec::with_capacity(claims.len());
        for (claim, mailbox) in claims.into_iter().zip(mailboxes) {
            match mailbox {
                Ok(mailbox) if message.is_vendor_only() => match refusal_of(message, &claim.target, mailbox.as_ref()) {
                    Some(reason) => asked.end_claimed(claim, Channel::Own, reason),
                    None => wanted.push(claim),
                },
                Ok(mailbox) if is_pending(message, mailbox.as_ref()) => wanted.push(claim),
                // Acknowledged, unbound, recalled: whoever took the entry away told the ledger.
                Ok(_) => {}
                Err(error) => asked.fail_claimed(claim, error),
            }
        }
        wanted
    }

    /// Those that may be asked for: not those that a vendor may have been asked for already, unless it may be asked twice.
    pub(crate) async fn not_asked_before(
        &self,
        message: &Rendered,
        channel: Channel,
        claims: Vec<Claim>,
        asked: &mut Asked,
    ) -> Vec<Claim> {
        if !claims.iter().any(|claim| claim.asked_before) {
            return claims;
        }
        let (before, mut rest): (Vec<_>, Vec<_>) = claims.into_iter().partition(|claim| claim.asked_before);
        match self.vendors.may_repeat(&message.app, channel).await {
            Ok(true) => rest.extend(before),
            Ok(false) => before.into_iter().for_each(|claim| asked.silent(message, claim.target, channel)),
            // Their claims stay, so that it is not forgotten that they may have been asked for.
            Err(error) => asked.fail(error),
        }
        rest
    }
}

fn is_pending(message: &Rendered, mailbox: Option<&Mailbox>) -> bool {
    mailbox.is_some_and(|mailbox| live_entry(mailbox, message.id).is_some())
}

/// Whether a vendor brought it, or has it.
fn is_by_vendor(row: &Delivery) -> bool {
    row.channel != Channel::Own && matches!(row.stage, Stage::HandedOff | Stage::Delivered)
}
