//! Which gateways a device is sent to.

use homing_contract::http::v1::{Backoff, GatewayAddress, RouteView};
use homing_domain::{HeartbeatSettings, Lease, UnixMillis};

/// Gateways named to one device: one to use and two to fall back on.
const GATEWAYS_MAX: usize = 3;

/// The live gateways with room that are not draining, best first. Gateways of the caller's region come before others.
/// The first place goes to the less loaded of two that `random` picks, so that many callers with the same stale numbers do
/// not all run to the same one.
#[must_use]
pub fn best_gateways(mut leases: Vec<Lease>, region: Option<&str>, now: UnixMillis, random: [u8; 16]) -> Vec<Lease> {
    leases.retain(|lease| lease.is_valid(now) && !lease.draining && lease.load.links < lease.load.capacity);
    let is_far = |lease: &Lease| region.is_some_and(|region| lease.region != region);
    leases.sort_by_key(|lease| (is_far(lease), use_of(lease), lease.gateway));
    let near = leases.iter().take_while(|lease| !is_far(lease)).count();
    let choices = if near > 0 { near } else { leases.len() };
    if choices > 2 {
        let pick = |bytes: [u8; 8], among: usize| (u64::from_le_bytes(bytes) % among as u64) as usize;
        let (first, second) = halves(random);
        let one = pick(first, choices);
        let other = (one + 1 + pick(second, choices - 1)) % choices;
        // They are sorted by use, so the smaller index is the less loaded one.
        let chosen = leases.remove(one.min(other));
        leases.insert(0, chosen);
    }
    leases.truncate(GATEWAYS_MAX);
    leases
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

/// How full it is, in ten-thousandths.
fn use_of(lease: &Lease) -> u64 {
    u64::from(lease.load.links) * 10_000 / u64::from(lease.load.capacity.max(1))
}

fn halves(random: [u8; 16]) -> ([u8; 8], [u8; 8]) {
    let mut halves = ([0; 8], [0; 8]);
    halves.0.copy_from_slice(&random[..8]);
    halves.1.copy_from_slice(&random[8..]);
    halves
}

#[cfg(test)]
mod tests {
    use homing_domain::{GatewayRef, Load, ServerId};

    use super::*;

    fn lease(id: u8, links: u32, region: &str) -> Lease {
        Lease {
            gateway: GatewayRef { server_id: ServerId([id; 8]), incarnation: 1 },
            host: "h".into(),
            port: 1,
            region: region.into(),
            load: Load { links, capacity: 100 },
            draining: false,
            expires_at: UnixMillis(10),
        }
    }

    fn ids(leases: &[Lease]) -> Vec<u8> {
        leases.iter().map(|lease| lease.gateway.server_id.0[0]).collect()
    }

    #[test]
    fn never_a_dead_draining_or_full_one() {
        let mut dead = lease(1, 0, "");
        dead.expires_at = UnixMillis(5);
        let mut draining = lease(2, 0, "");
        draining.draining = true;
        let all = vec![dead, draining, lease(3, 100, ""), lease(4, 99, "")];
        assert_eq!(ids(&best_gateways(all, None, UnixMillis(5), [0; 16])), [4]);
    }

    #[test]
    fn near_ones_first_then_the_less_loaded() {
        let all = vec![lease(1, 0, "far"), lease(2, 50, "near"), lease(3, 10, "near")];
        assert_eq!(ids(&best_gateways(all.clone(), Some("near"), UnixMillis(5), [0; 16])), [3, 2, 1]);
        assert_eq!(ids(&best_gateways(all, Some("nowhere"), UnixMillis(5), [0; 16])), [1, 3, 2]);
    }

    #[test]
    fn the_first_place_is_spread_but_never_goes_to_the_fullest() {
        let all: Vec<_> = (0..5).map(|id| lease(id, u32::from(id), "")).collect();
        let firsts: std::collections::BTreeSet<u8> = (0..=255_u8)
            .map(|n| {
                let mut random = [n; 16];
                random[8] = n.rotate_left(3);
                ids(&best_gateways(all.clone(), None, UnixMillis(5), random))[0]
            })
            .collect();
        assert!(firsts.len() >= 3 && !firsts.contains(&4), "{firsts:?}");
    }
}
