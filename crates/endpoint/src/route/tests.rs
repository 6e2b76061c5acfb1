use std::collections::BTreeMap;

use homing_domain::{GatewayRef, Load, ServerId, UnixMillis};

use super::*;

const NOW: UnixMillis = UnixMillis(1_000_000);

fn lease(id: u8, links: u32, region: &str) -> Lease {
    Lease {
        gateway: GatewayRef { server_id: ServerId([id; 8]), incarnation: 1 },
        host: "h".into(),
        port: 1,
        region: region.into(),
        load: Load { links, capacity: 100 },
        draining: false,
        expires_at: NOW.plus(LEASE_VALID_FOR),
    }
}

fn ids(leases: &[Lease]) -> Vec<u8> {
    leases.iter().map(|lease| lease.gateway.server_id.0[0]).collect()
}

/// Random bytes of the `n`th caller.
fn random(n: u64) -> [u8; 16] {
    let mut draws = Draws(n);
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&draws.below(u64::MAX).to_le_bytes());
    bytes[8..].copy_from_slice(&draws.below(u64::MAX).to_le_bytes());
    bytes
}

fn best(leases: &[Lease], region: Option<&str>, caller: u64) -> Vec<u8> {
    ids(&best_gateways(leases.to_vec(), region, NOW, random(caller)))
}

#[test]
fn never_a_dead_draining_or_full_one() {
    let mut dead = lease(1, 0, "");
    dead.expires_at = NOW;
    let mut draining = lease(2, 0, "");
    draining.draining = true;
    let all = [dead, draining, lease(3, 100, ""), lease(4, 99, "")];
    for caller in 0..100 {
        assert_eq!(best(&all, None, caller), [4]);
    }
}

#[test]
fn near_ones_come_first_and_those_that_missed_a_renewal_last() {
    let mut doubtful = lease(1, 0, "near");
    doubtful.expires_at = NOW.plus(DOUBTFUL_BELOW - 1);
    let all = [doubtful, lease(2, 0, "far"), lease(3, 50, "near"), lease(4, 90, "near")];
    for caller in 0..100 {
        let order = best(&all, Some("near"), caller);
        assert!(order == [3, 4, 2] || order == [4, 3, 2], "{order:?}");
        assert!(!best(&all, Some("nowhere"), caller).contains(&1));
    }
    assert_eq!(best(&all[..1], None, 1), [1], "better than none");
}

#[test]
fn the_less_loaded_of_two_is_the_likelier() {
    let all = [lease(1, 80, ""), lease(2, 20, "")];
    let firsts = (0..1_000).filter(|caller| best(&all, None, *caller)[0] == 2).count();
    assert!((760..=840).contains(&firsts), "its room is four fifths of theirs: {firsts} of 1,000");
}

/// Devices come while the figures stand still, as they do between two renewals. Returns the links of each gateway.
fn arrive(mut links: Vec<(u32, u32)>, devices: u32, per_renewal: u32) -> Vec<u32> {
    let mut seen = links.clone();
    for n in 0..devices {
        if n % per_renewal == 0 {
            seen.clone_from(&links);
        }
        let leases: Vec<_> = seen
            .iter()
            .zip(0_u8..)
            .map(|((held, capacity), id)| Lease {
                load: Load { links: *held, capacity: *capacity },
                ..lease(id, 0, "")
            })
            .collect();
        let first = best(&leases, None, u64::from(n))[0];
        links[usize::from(first)].0 += 1;
    }
    links.into_iter().map(|(held, _)| held).collect()
}

/// The bound: with equal gateways, however old the figures, none is more than a tenth away from its fair share.
#[test]
fn ten_thousand_devices_with_stale_figures_spread_within_a_tenth() {
    for gateways in [2_usize, 3, 8] {
        for per_renewal in [500, 2_500, 10_000] {
            let held = arrive(vec![(0, 20_000); gateways], 10_000, per_renewal);
            let fair = 10_000.0 / gateways as f64;
            let farthest = held.iter().map(|links| (f64::from(*links) - fair).abs() / fair).fold(0.0, f64::max);
            assert!(farthest <= 0.1, "{gateways} gateways, figures each {per_renewal}: {held:?}");
        }
    }
}

/// The bound: a new gateway beside a full fleet gets more than the others, but no more than 2 in N of what comes before the
/// figures are renewed.
#[test]
fn a_new_gateway_is_filled_and_not_overrun() {
    let mut links = vec![(15_000, 20_000); 8];
    links[0].0 = 0;
    let held = arrive(links, 10_000, 10_000);
    assert!((1_250..=2_500).contains(&held[0]), "{held:?}");
    let two = arrive(vec![(0, 20_000), (15_000, 20_000)], 10_000, 2_000);
    assert!(two[0] < 10_000 && two[1] > 15_000, "of two, neither gets all: {two:?}");
    let unlike = arrive(vec![(0, 40_000), (0, 10_000)], 10_000, 2_500);
    assert!((7_700..=8_300).contains(&unlike[0]), "by room, not by number: {unlike:?}");
}

/// The bound: when a gateway dies, none of the seven others is the next for more than a fifth of its devices.
#[test]
fn the_devices_of_a_dead_gateway_have_many_next_ones() {
    let all: Vec<_> = (0..8).map(|id| lease(id, u32::from(id), "")).collect();
    let mut next = BTreeMap::<u8, usize>::new();
    for order in (0..10_000).map(|caller| best(&all, None, caller)).filter(|order| order[0] == 3) {
        assert_eq!(order.len(), 3);
        *next.entry(order[1]).or_default() += 1;
    }
    let devices: usize = next.values().sum();
    assert!(devices > 1_000 && next.len() == 7, "{next:?}");
    assert!(next.values().all(|share| share * 5 <= devices), "{next:?}");
}
