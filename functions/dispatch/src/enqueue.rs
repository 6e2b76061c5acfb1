//! The ordinary way: an entry in each device's mailbox, then a hand-off where there is a live link.

use homing_domain::mailbox::{Enqueue, Enqueued, Route};
use homing_domain::{Reason, Target, UnixMillis};
use homing_ports::{Error, StageError, Vendors};

use crate::cache::{Leases, Rendered};
use crate::outcome::Outcome;
use crate::{Dispatch, Ports};

impl<P: Ports, V: Vendors> Dispatch<P, V> {
    /// Enqueues for every target. A device whose own call failed leaves the others alone: the first such failure is the
    /// answer, and the repeat finds the others enqueued.
    pub(crate) async fn enqueue(
        &self,
        message: &Rendered,
        targets: &[Target],
        outcome: &mut Outcome,
    ) -> Result<Option<Error>, StageError> {
        let requests = targets.iter().map(|target| (target.device, request(message, target, outcome.now))).collect();
        let answers = self.ports.enqueue(requests).await?;
        let routes = answers.iter().filter_map(|answer| answer.as_ref().ok().and_then(route));
        let leases = self.leases.read(&*self.ports, routes).await?;
        let mut failure = None;
        for (target, answer) in targets.iter().zip(answers) {
            match answer {
                Ok(Enqueued::Full { .. }) => match self.overflow(message, *target, outcome).await {
                    Ok(()) => {}
                    Err(StageError::Port(error)) => failure = failure.or(Some(error)),
                    Err(other) => return Err(other),
                },
                Ok(enqueued) => settle(message, *target, enqueued, &leases, outcome),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        Ok(failure)
    }
}

/// The mailbox entry of a message for one device.
pub(crate) fn request(message: &Rendered, target: &Target, now: UnixMillis) -> Enqueue {
    Enqueue {
        app: message.app.clone(),
        message: message.id,
        user: target.user,
        now,
        accepted_at: message.accepted_at,
        expires_at: message.expires_at,
        priority: message.priority,
        collapse_key: message.collapse_key.clone(),
        body: message.body(target.variant),
        variant: target.variant,
    }
}

/// The route that the mailbox's answer names.
pub(crate) const fn route(enqueued: &Enqueued) -> Option<Route> {
    match enqueued {
        Enqueued::Stored { route, .. } => *route,
        Enqueued::Full { .. } | Enqueued::Settled | Enqueued::Refused(_) | Enqueued::Unknown | Enqueued::Revoked => {
            None
        }
    }
}

/// Takes the mailbox's answer, whatever it is but full.
pub(crate) fn settle(message: &Rendered, target: Target, enqueued: Enqueued, leases: &Leases, outcome: &mut Outcome) {
    match enqueued {
        Enqueued::Stored { seq, enqueued_at, route, has_vendor, collapsed } => {
            for message in collapsed {
                outcome.end_other(message, target.device, Reason::Collapsed);
            }
            let route = leases.live(route, outcome.now);
            if has_vendor && let Some(delay) = message.asks_vendor_after(route.is_some()) {
                outcome.ask_vendor(target, delay);
            }
            match route {
                Some(route) => outcome.hand_off(target, route, seq, enqueued_at),
                None => outcome.waiting += 1,
            }
        }
        Enqueued::Settled => {}
        Enqueued::Full { .. } => outcome.again(target),
        Enqueued::Refused(reason) => outcome.end(target.device, reason),
        Enqueued::Unknown => outcome.end(target.device, Reason::UnknownDevice),
        Enqueued::Revoked => outcome.end(target.device, Reason::Deregistered),
    }
}
