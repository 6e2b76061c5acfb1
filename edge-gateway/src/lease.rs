//! The promise to be alive.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use homing_domain::limits::{LEASE_RENEW_EVERY, LEASE_STOP_ACCEPTING_AFTER, LEASE_VALID_FOR};
use homing_domain::{Lease, Load, Millis, UnixMillis};
use homing_telemetry::LinksLive;
use tracing::{error, warn};

use crate::context::Context;
use crate::ports::GatewayPorts;

/// Dispatchers see a lease as it was so long ago at worst: their cache, and a stale listing.
const SEEN_LATE: Millis = 3_000;
/// A renewal without an answer after this did not succeed: a store answers in milliseconds, and doubt must not wait.
const RENEW_WITHIN: Duration = Duration::from_secs(3);
/// A renewal that did not succeed is tried again after this, while the last one still holds.
const RETRY_AFTER: Millis = 1_000;
/// Mailboxes are not read again for lost hints more often than this: an inbox that fails all the time must not become a
/// load on the store, where each read is paid for.
const REREAD_PAUSE: Millis = 30_000;

/// What this gateway knows of its own lease.
#[derive(Debug)]
pub(crate) struct Standing {
    /// The last renewal that is known to have taken effect was asked for at this moment.
    renewed_at: AtomicU64,
    is_superseded: AtomicBool,
    is_reread_wanted: AtomicBool,
}

impl Standing {
    pub(crate) const fn new(now: UnixMillis) -> Self {
        Self {
            renewed_at: AtomicU64::new(now.0),
            is_superseded: AtomicBool::new(false),
            is_reread_wanted: AtomicBool::new(false),
        }
    }

    /// Until when others believe in this gateway at least.
    pub(crate) fn valid_until(&self) -> UnixMillis {
        self.renewed_at().plus(LEASE_VALID_FOR)
    }

    /// Whether a later life of this gateway has the lease.
    pub(crate) fn is_superseded(&self) -> bool {
        self.is_superseded.load(Ordering::Relaxed)
    }

    /// Hints may have been lost: every mailbox is to be read again after a renewal, the next one if it can be.
    pub(crate) fn want_reread(&self) {
        self.is_reread_wanted.store(true, Ordering::Relaxed);
    }

    fn renewed_at(&self) -> UnixMillis {
        UnixMillis(self.renewed_at.load(Ordering::Relaxed))
    }
}

/// The lease as it is to be now.
fn lease<P: GatewayPorts>(context: &Context<P>) -> Lease {
    Lease {
        gateway: context.gateway,
        host: context.config.advertise_host.clone(),
        port: context.config.advertise_port.unwrap_or(context.port),
        region: context.config.region.clone(),
        load: Load { links: context.admission.links(), capacity: context.admission.capacity() },
        draining: context.drain.get().is_some(),
        expires_at: context.now().plus(LEASE_VALID_FOR),
    }
}

/// Puts or renews it. `Ok(false)` = a later life of this gateway has it.
pub(crate) async fn renew<P: GatewayPorts>(context: &Context<P>) -> homing_ports::Result<bool> {
    let asked_at = context.now();
    let renewal = tokio::time::timeout(RENEW_WITHIN, context.ports.renew_lease(lease(context)));
    let stands = renewal.await.unwrap_or_else(|_| {
        Err(homing_ports::Error::with_source(homing_ports::Fault::Retry, "renew the lease", "no answer in time"))
    })?;
    if stands {
        context.standing.renewed_at.store(asked_at.0, Ordering::Relaxed);
    }
    context.standing.is_superseded.store(!stands, Ordering::Relaxed);
    Ok(stands)
}

/// Renews it until the gateway ends. A gateway whose lease is in doubt takes no new links.
///
/// Where dispatchers believed this gateway dead, or did not know it yet, messages wait in mailboxes of live devices without
/// a hand-off. So every mailbox is read again one renewal after the start and after each doubt: by then no cache and no
/// stale listing shows anything but a valid lease. The reads are spread over the interval, for each is paid for.
pub(crate) async fn run<P: GatewayPorts>(context: Arc<Context<P>>) {
    let mut was_in_doubt = true;
    let mut must_reread = false;
    let mut reread_at = UnixMillis(0);
    let mut pause = LEASE_RENEW_EVERY;
    loop {
        wait(&context, pause, std::mem::take(&mut must_reread)).await;
        LinksLive { gateway: context.gateway, links: usize::try_from(context.admission.links()).unwrap_or(usize::MAX) }
            .emit();
        let renewed_at = context.standing.renewed_at();
        pause = LEASE_RENEW_EVERY;
        match renew(&context).await {
            Ok(true) => {
                let is_in_doubt = context.now().since(renewed_at) >= LEASE_VALID_FOR - SEEN_LATE;
                let is_certain_again = std::mem::replace(&mut was_in_doubt, is_in_doubt) && !is_in_doubt;
                let may_reread = context.now().since(reread_at) >= REREAD_PAUSE;
                let is_for_hints = may_reread && context.standing.is_reread_wanted.swap(false, Ordering::Relaxed);
                if is_for_hints {
                    reread_at = context.now();
                }
                must_reread = is_for_hints || is_certain_again;
                context.admission.open(context.drain.get().is_none());
            }
            Ok(false) => {
                error!(gateway = %context.gateway, "a later life of this gateway has the lease: no new links here");
                context.admission.open(false);
            }
            Err(error) => {
                warn!(%error, "the lease was not renewed");
                pause = RETRY_AFTER;
                if context.now().since(renewed_at) >= LEASE_STOP_ACCEPTING_AFTER {
                    context.admission.open(false);
                }
            }
        }
    }
}

/// Sleeps, and tells each part of the registry in its turn to read mailboxes again.
async fn wait<P: GatewayPorts>(context: &Context<P>, pause: Millis, must_reread: bool) {
    let whole = Duration::from_millis(pause);
    if !must_reread {
        tokio::time::sleep(whole).await;
        return;
    }
    let parts = context.registry.parts();
    for part in 0..parts {
        context.registry.tell_part(part, |told| told.reread = true);
        tokio::time::sleep(whole / u32::try_from(parts).unwrap_or(1)).await;
    }
}
