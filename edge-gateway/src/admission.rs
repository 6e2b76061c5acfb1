//! The door: how many may come in, how fast, and from where.

mod budget;

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use homing_domain::UnixMillis;

use self::budget::Budget;
use crate::config::AdmissionLimits;

/// Places in the table of addresses. Two addresses may share one by chance, which costs both only while one of them
/// floods; the table takes the same 0.5 MB however many there are.
const PLACES: usize = 16_384;
/// Above this share of the handshake budget used, QUIC clients must prove their address first.
const RETRY_ABOVE_PERCENT: u32 = 50;

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The gateway drains, or its lease is in doubt.
    Closed,
    /// As many links as it takes.
    Full,
    /// Too many handshakes per second.
    Rate,
    /// Too many handshakes per second of this address.
    AddressRate,
    /// Too many connections without a proven device.
    Unproven,
    /// Too many of these from this address.
    AddressUnproven,
}

impl Refusal {
    /// The stable name in metrics and logs.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Full => "full",
            Self::Rate => "rate",
            Self::AddressRate => "address_rate",
            Self::Unproven => "unproven",
            Self::AddressUnproven => "address_unproven",
        }
    }
}

#[derive(Debug)]
struct Place {
    budget: Budget,
    unproven: u32,
}

#[derive(Debug)]
struct Door {
    all: Budget,
    places: Vec<Place>,
    unproven: u32,
}

/// Counts who is inside.
#[derive(Debug)]
pub(crate) struct Admission {
    limits: AdmissionLimits,
    door: Mutex<Door>,
    hasher: RandomState,
    links: AtomicU32,
    is_open: AtomicBool,
}

impl Admission {
    pub(crate) fn new(limits: AdmissionLimits, now: UnixMillis) -> Arc<Self> {
        let place = || Place { budget: Budget::new(limits.handshakes_per_address_per_second, now), unproven: 0 };
        let all = Budget::new(limits.handshakes_per_second, now);
        Arc::new(Self {
            limits,
            door: Mutex::new(Door { all, places: (0..PLACES).map(|_| place()).collect(), unproven: 0 }),
            hasher: RandomState::new(),
            links: AtomicU32::new(0),
            is_open: AtomicBool::new(true),
        })
    }

    /// Lets a connection in, or not.
    pub(crate) fn admit(self: &Arc<Self>, now: UnixMillis, address: SocketAddr) -> Result<Unproven, Refusal> {
        if !self.is_open.load(Ordering::Relaxed) {
            return Err(Refusal::Closed);
        }
        if self.links() >= self.limits.max_links {
            return Err(Refusal::Full);
        }
        let place = self.place_of(address);
        {
            let mut door = self.door.lock().unwrap_or_else(PoisonError::into_inner);
            let Door { all, places, unproven } = &mut *door;
            if *unproven >= self.limits.max_unproven {
                return Err(Refusal::Unproven);
            }
            if places[place].unproven >= self.limits.max_unproven_per_address {
                return Err(Refusal::AddressUnproven);
            }
            // The address pays first: a flood from one must not use up what all share.
            if !places[place].budget.take(now) {
                return Err(Refusal::AddressRate);
            }
            if !all.take(now) {
                return Err(Refusal::Rate);
            }
            *unproven += 1;
            places[place].unproven += 1;
        }
        self.links.fetch_add(1, Ordering::Relaxed);
        Ok(Unproven { admission: Arc::clone(self), place, is_counted: true })
    }

    /// Whether a QUIC client has to prove its address first.
    pub(crate) fn wants_retry(&self, now: UnixMillis) -> bool {
        let mut door = self.door.lock().unwrap_or_else(PoisonError::into_inner);
        door.all.used_percent(now) > RETRY_ABOVE_PERCENT
    }

    /// Links inside, unproven ones among them.
    pub(crate) fn links(&self) -> u32 {
        self.links.load(Ordering::Relaxed)
    }

    /// Connections without a proven device.
    pub(crate) fn unproven(&self) -> u32 {
        self.door.lock().unwrap_or_else(PoisonError::into_inner).unproven
    }

    /// Links it takes at most.
    pub(crate) const fn capacity(&self) -> u32 {
        self.limits.max_links
    }

    /// Lets nobody in any more, or again.
    pub(crate) fn open(&self, is_open: bool) {
        self.is_open.store(is_open, Ordering::Relaxed);
    }

    fn place_of(&self, address: SocketAddr) -> usize {
        let hash = match address.ip().to_canonical() {
            IpAddr::V4(ip) => self.hasher.hash_one(ip.octets()),
            IpAddr::V6(ip) => self.hasher.hash_one(&ip.octets()[..8]),
        };
        usize::try_from(hash % PLACES as u64).unwrap_or_default()
    }

    fn prove(&self, place: usize) {
        let mut door = self.door.lock().unwrap_or_else(PoisonError::into_inner);
        door.unproven -= 1;
        door.places[place].unproven -= 1;
    }
}

/// A connection inside whose device is not proven. Dropping it lets the place go.
#[derive(Debug)]
pub(crate) struct Unproven {
    admission: Arc<Admission>,
    place: usize,
    is_counted: bool,
}

impl Unproven {
    /// The device is proven.
    pub(crate) fn prove(mut self) -> Proven {
        self.is_counted = false;
        self.admission.prove(self.place);
        Proven(Arc::clone(&self.admission))
    }
}

impl Drop for Unproven {
    fn drop(&mut self) {
        if self.is_counted {
            self.admission.prove(self.place);
            self.admission.links.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// A link inside. Dropping it lets the place go.
#[derive(Debug)]
pub(crate) struct Proven(Arc<Admission>);

impl Drop for Proven {
    fn drop(&mut self) {
        self.0.links.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_000);

    fn address(last: u8) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, last], 1))
    }

    fn admission() -> Arc<Admission> {
        let limits = AdmissionLimits {
            max_links: 6,
            handshakes_per_second: 8,
            handshakes_per_address_per_second: 5,
            max_unproven: 4,
            max_unproven_per_address: 2,
        };
        Admission::new(limits, NOW)
    }

    #[test]
    fn half_open_connections_are_counted_by_address_and_in_all() {
        let admission = admission();
        let mut inside: Vec<_> = (0..2).map(|_| admission.admit(NOW, address(1)).unwrap()).collect();
        assert_eq!(admission.admit(NOW, address(1)).unwrap_err(), Refusal::AddressUnproven);
        inside.extend((0..2).map(|_| admission.admit(NOW, address(2)).unwrap()));
        assert_eq!(admission.admit(NOW, address(3)).unwrap_err(), Refusal::Unproven);
        let proven = inside.pop().unwrap().prove();
        assert_eq!((admission.links(), admission.unproven()), (4, 3));
        inside.clear();
        assert_eq!((admission.links(), admission.unproven()), (1, 0));
        drop(proven);
        assert_eq!(admission.links(), 0);
    }

    #[test]
    fn handshakes_are_paid_by_address_first() {
        let admission = admission();
        for _ in 0..5 {
            drop(admission.admit(NOW, address(1)).unwrap());
        }
        for _ in 0..100 {
            assert_eq!(admission.admit(NOW, address(1)).unwrap_err(), Refusal::AddressRate);
        }
        assert!(admission.wants_retry(NOW));
        for _ in 0..3 {
            drop(admission.admit(NOW, address(2)).unwrap());
        }
        assert_eq!(admission.admit(NOW, address(2)).unwrap_err(), Refusal::Rate);
        assert!(!admission.wants_retry(NOW.plus(1_000)));
        drop(admission.admit(NOW.plus(1_000), address(1)).unwrap());
    }

    #[test]
    fn a_full_or_closed_gateway_lets_nobody_in() {
        let admission = admission();
        let _inside: Vec<_> = (1..=6).map(|n| admission.admit(NOW, address(n)).unwrap().prove()).collect();
        assert_eq!(admission.admit(NOW, address(7)).unwrap_err(), Refusal::Full);
        admission.open(false);
        assert_eq!(admission.admit(NOW, address(7)).unwrap_err(), Refusal::Closed);
    }

    #[test]
    fn a_customer_with_many_ipv6_addresses_is_one() {
        let admission = admission();
        let place = |text: &str| admission.place_of(text.parse().unwrap());
        assert_eq!(place("[2001:db8:1:2::1]:1"), place("[2001:db8:1:2:ffff::9]:7"));
        assert_eq!(place("[::ffff:10.0.0.1]:1"), place("10.0.0.1:9"));
    }
}
