//! What operators and their machines ask of a running gateway.

use std::sync::{Arc, Weak};

use homing_domain::{GatewayRef, Millis, UnixMillis};
use tracing::warn;

use crate::context::Context;
use crate::ports::GatewayPorts;
use crate::tls::{Certificate, CertificateError};
use crate::{drain, lease};

/// What a gateway holds at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Who it is, in this life.
    pub gateway: GatewayRef,
    /// Links, those in their handshake among them.
    pub links: u32,
    /// Of these, without a proven device.
    pub unproven: u32,
    /// Links it takes at most.
    pub capacity: u32,
    /// Whether it asks its devices to move.
    pub draining: bool,
    /// Since when.
    pub draining_since: Option<UnixMillis>,
    /// Requests to move that were sent, repeats among them.
    pub asked_to_move: u32,
    /// Until when others believe in it at least.
    pub lease_valid_until: UnixMillis,
    /// Whether a later life of this gateway has the lease.
    pub superseded: bool,
    /// The moment of these figures.
    pub at: UnixMillis,
}

impl Stats {
    pub(crate) fn of<P: GatewayPorts>(context: &Context<P>) -> Self {
        let drain = context.drain.get();
        Self {
            gateway: context.gateway,
            links: context.admission.links(),
            unproven: context.admission.unproven(),
            capacity: context.admission.capacity(),
            draining: drain.is_some(),
            draining_since: drain.map(|drain| drain.began_at),
            asked_to_move: drain.map_or(0, drain::Drain::asks),
            lease_valid_until: context.standing.valid_until(),
            superseded: context.standing.is_superseded(),
            at: context.now(),
        }
    }

    /// Why no new link should be sent here; `None` = they are welcome.
    #[must_use]
    pub fn why_not_ready(&self) -> Option<&'static str> {
        if self.superseded {
            Some("a later life of this gateway has the lease")
        } else if self.at >= self.lease_valid_until {
            Some("the lease is not renewed")
        } else if self.draining {
            Some("draining")
        } else if self.links >= self.capacity {
            Some("full")
        } else {
            None
        }
    }
}

/// A handle on a gateway, for those who outlive it.
#[derive(Debug)]
pub struct Control<P>(Weak<Context<P>>);

impl<P> Clone for Control<P> {
    fn clone(&self) -> Self {
        Self(Weak::clone(&self.0))
    }
}

impl<P: GatewayPorts> Control<P> {
    pub(crate) fn new(context: &Arc<Context<P>>) -> Self {
        Self(Arc::downgrade(context))
    }

    /// What the gateway holds; `None` once it has stopped.
    #[must_use]
    pub fn stats(&self) -> Option<Stats> {
        self.0.upgrade().map(|context| Stats::of(&context))
    }

    /// Takes no new links, and asks each device in the answer to its next heartbeat to move within `spread` (`None` = as
    /// the number of links suggests). Returns the spread that holds, the first order's; `None` once it has stopped.
    pub async fn drain(&self, spread: Option<Millis>) -> Option<Millis> {
        let context = self.0.upgrade()?;
        Some(drain(&context, spread).await)
    }

    /// Shows another certificate in handshakes from now on. Open links stay.
    ///
    /// # Errors
    /// [`CertificateError`] when it cannot be used; the present one stays.
    pub fn replace_certificate(&self, certificate: Certificate) -> Result<(), CertificateError> {
        self.0.upgrade().map_or(Ok(()), |context| context.certificate.replace(certificate))
    }
}

pub(crate) async fn drain<P: GatewayPorts>(context: &Arc<Context<P>>, spread: Option<Millis>) -> Millis {
    let spread = drain::begin(context, spread);
    if let Err(error) = lease::renew(context).await {
        // The next renewal says it.
        warn!(%error, "the lease does not say yet that the gateway drains");
    }
    spread
}
