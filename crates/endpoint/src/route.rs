//! Which gateways a device is sent to.

use homing_contract::http::v1::{Backoff, GatewayAddress, RouteView};
use homing_domain::limits::{LEASE_RENEW_EVERY, LEASE_VALID_FOR};
use homing_domain::{HeartbeatSettings, Lease, Millis, UnixMillis};

/// Gateways named to one device: one to use and two to fall back on.
const GATEWAYS_MAX: usize = 3;
/// A lease with less than this left, in milliseconds, has missed a renewal: its gateway may be dead for all that the lease
/// still says. Renewed every 5 s for 15 s, a healthy one has 9 s left even where it is read 1 s late.
const DOUBTFUL_BELOW: Millis = LEASE_VALID_FOR - LEASE_RENEW_EVERY - 2_000;

/// The live gateways with room that are not draining, best first, `GATEWAYS_MAX` at most. Those that have missed a
/// renewal come last, before them those of other regions than the caller's.
///
/// Among equals each place goes to one of two that chance picks: to either in proportion to its free room. The figures are
/// up to a renewal old, and many callers have the same ones, so to give it always to the less loaded of the two would send
/// a whole interval's callers to one gateway wherever there are only two or three. The fall-back places are drawn alike, or
/// all devices of a gateway that died would run to the same next one.
#[must_use]
pub fn best_gateways(mut leases: Vec<Lease>, region: Option<&str>, now: UnixMillis, random: [u8; 16]) -> Vec<Lease> {
    leases.retain(|lease| lease.is_valid(now) && !lease.draining && lease.load.links < lease.load.capacity);
    let rank = |lease: &Lease| {
        let is_doubtful = lease.expires_at.since(now) < DOUBTFUL_BELOW;
        (is_doubtful, region.is_some_and(|region| lease.region != region))
    };
    leases.sort_by_key(|lease| (rank(lease), lease.gateway));
    let mut draws = Draws::new(random);
    let mut best = Vec::with_capacity(GATEWAYS_MAX);
    while best.len() < GATEWAYS_MAX
        && let Some(first) = leases.first().map(rank)
    {
        let equals = leases.iter().take_while(|lease| rank(lease) == first).count();
        best.push(leases.remove(one_of_two(&leases[..equals], &mut draws)));
    }
    best
}

/// Which of some leases, of which there is one at least.
fn one_of_two(leases: &[Lease], draws: &mut Draws) -> usize {
    if leases.len() < 2 {
        return 0;
    }
    let one = draws.below(leases.len() as u64) as usize;
    let other = (one + 1 + draws.below(leases.len() as u64 - 1) as usize) % leases.len();
    let (room_of_one, room_of_other) = (room(&leases[one]), room(&leases[other]));
    if draws.below(room_of_one + room_of_other) < room_of_one { one } else { other }
}

/// Links that it still takes; one at least, for a full one is not asked.
fn room(lease: &Lease) -> u64 {
    u64::from(lease.load.capacity.saturating_sub(lease.load.links)).max(1)
}

/// Numbers made of 16 random bytes: SplitMix64 (Steele, Lea, Flood 2014). Even enough for choosing, and for nothing else.
struct Draws(u64);

impl Draws {
    fn new(random: [u8; 16]) -> Self {
        let number = u128::from_le_bytes(random);
        Self(number as u64 ^ ((number >> 64) as u64).rotate_left(32))
    }

    /// A number below `bound`, which is not 0; even to within `bound / 2^64`.
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        ((u128::from(mixed) * u128::from(bound)) >> 64) as u64
    }
}

/// The answer to a device.
#[must_use]
pub fn route_view(gateways: &[Lease], heartbeat: HeartbeatSettings) -> RouteView {
    let address = |lease: &Lease| GatewayAddress {
        host: lease.host.clone(),
        port: lease.port,
        server_id: lease.gateway.server_id.to_string(),
    };
    RouteView {
        gateways: gateways.iter().map(address).collect(),
        heartbeat: heartbeat.into(),
        backoff: Backoff::default(),
    }
}

#[cfg(test)]
mod tests;
