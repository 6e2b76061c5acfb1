//! TLS session tickets that every gateway of the fleet can open, so that a device that moves resumes its session.
//!
//! A ticket is `period (8 bytes) | server id (8) | nonce (12) | sealed session | tag (16)`. Its key is
//! `HKDF(fleet secret, "ticket", period | server id)`: each gateway seals under a key of its own, so that random nonces of
//! 96 bits are far from repeating (2,000 handshakes per second make 2^26 of them in a period; the bound is 2^32).

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use homing_credentials::FleetSecret;
use homing_domain::{Millis, ServerId};
use homing_ports::Clock;
use rustls::server::ProducesTickets;

use super::{PAST_PERIODS, Periods};

/// How long one key seals: what a stolen secret of one period opens is bounded, and a phone resumes after a night.
const PERIOD: Millis = 6 * 3_600_000;
/// What a device may count on, in seconds: a ticket of the last second of a period is good for the accepted ones after it.
const LIFETIME_SECONDS: u32 = (PAST_PERIODS * PERIOD / 1_000) as u32;
/// Period and server id.
const HEAD: usize = 16;

/// Seals and opens tickets.
pub(crate) struct Tickets {
    secret: FleetSecret,
    server_id: ServerId,
    periods: Periods,
}

impl Tickets {
    pub(crate) fn new(secret: FleetSecret, server_id: ServerId, clock: Arc<dyn Clock>) -> Self {
        Self { secret, server_id, periods: Periods { clock, length: PERIOD } }
    }

    /// The key of one gateway and period.
    fn key(&self, head: [u8; HEAD]) -> Option<RandomizedNonceKey> {
        RandomizedNonceKey::new(&AES_256_GCM, &self.secret.derive("ticket", &head)).ok()
    }
}

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tickets").field("server_id", &self.server_id).finish_non_exhaustive()
    }
}

impl ProducesTickets for Tickets {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        LIFETIME_SECONDS
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let mut head = [0; HEAD];
        head[..8].copy_from_slice(&self.periods.present().to_be_bytes());
        head[8..].copy_from_slice(&self.server_id.0);
        let mut sealed = plain.to_vec();
        let nonce = self.key(head)?.seal_in_place_append_tag(Aad::from(head), &mut sealed).ok()?;
        Some([&head[..], &nonce.as_ref()[..], &sealed].concat())
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        let (head, rest) = ticket.split_first_chunk::<HEAD>()?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
        let period = u64::from_be_bytes(*head.first_chunk()?);
        if !self.periods.accepts(period) {
            return None;
        }
        let mut plain = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = self.key(*head)?.open_in_place(nonce, Aad::from(*head), &mut plain).ok()?.len();
        plain.truncate(length);
        Some(plain)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::super::tests::Hand;
    use super::*;

    fn tickets(secret: u8, server: u8, clock: &Arc<Hand>) -> Tickets {
        let clock: Arc<dyn Clock> = Arc::<Hand>::clone(clock);
        Tickets::new(FleetSecret::new([secret; 32]), ServerId([server; 8]), clock)
    }

    #[test]
    fn any_gateway_of_the_fleet_opens_a_ticket_for_twelve_hours_at_least() {
        let clock = Arc::new(Hand(AtomicU64::new(100 * PERIOD - 1)));
        let ticket = tickets(1, 1, &clock).encrypt(b"session").unwrap();
        for (later, is_open) in [(0, true), (2 * PERIOD, true), (2 * PERIOD + 1, false)] {
            clock.0.store(100 * PERIOD - 1 + later, Ordering::Relaxed);
            let opened = tickets(1, 2, &clock).decrypt(&ticket);
            assert_eq!(opened.as_deref(), is_open.then_some(&b"session"[..]), "{later} ms later");
        }
        assert_eq!(LIFETIME_SECONDS, 12 * 3_600);
    }

    #[test]
    fn another_fleet_and_changed_tickets_are_refused() {
        let clock = Arc::new(Hand(AtomicU64::new(PERIOD)));
        let own = tickets(1, 1, &clock);
        let ticket = own.encrypt(b"session").unwrap();
        assert_eq!(tickets(2, 1, &clock).decrypt(&ticket), None);
        for at in 0..ticket.len() {
            let mut changed = ticket.clone();
            changed[at] ^= 1;
            assert_eq!(own.decrypt(&changed), None, "byte {at}");
            assert_eq!(own.decrypt(&ticket[..at]), None, "cut at {at}");
        }
        assert_ne!(own.encrypt(b"session").unwrap(), ticket, "a nonce of its own each time");
    }
}
