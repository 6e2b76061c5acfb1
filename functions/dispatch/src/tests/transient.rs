//! "Now or never".

use homing_contract::queue::encode;
use homing_domain::Reason;
use homing_domain::limits::CLOSE_AFTER_EXPIRY;
use std::collections::{BTreeMap, BTreeSet};

use super::scene::{MESSAGE, consume, device, ends, hand_offs, message, run, shard, stage, world};
use super::world::When;

#[test]
fn a_live_device_gets_it_and_any_other_never_will() {
    let quiet = world(0);
    run(&quiet, &shard());
    let calls = quiet.with(|state| state.calls);
    for at in 0..=calls {
        for when in When::ALL {
            let world = world(0);
            world.with(|state| state.fail_at = Some((at, when)));
            let before = world.with(|state| state.mailboxes.clone());
            run(&world, &shard());
            assert_eq!(world.with(|state| state.mailboxes.clone()), before, "no mailbox is touched");
            let handed: BTreeSet<_> = hand_offs(&world).iter().map(|(_, target)| (target.device, target.seq)).collect();
            assert_eq!(handed, [1, 2, 3, 12].map(|n| (device(n), 0)).into());
            let reasons: BTreeMap<_, _> =
                ends(&world).into_iter().map(|((_, device), reason)| (device, reason)).collect();
            let end = |n, reason| (device(n), BTreeSet::from([reason]));
            let mut wanted = BTreeMap::from([
                end(7, Reason::UnknownDevice),
                end(8, Reason::Deregistered),
                end(9, Reason::Unbound),
                end(10, Reason::UnknownDevice),
            ]);
            wanted.extend([4, 5, 6, 11, 13, 14].map(|n| end(n, Reason::Offline)));
            assert_eq!(reasons, wanted);
        }
    }
}

#[test]
fn a_shard_that_was_stuck_until_the_close_comes_too_late() {
    let world = world(0);
    world.with(|state| state.now = message(0).expires_at.plus(CLOSE_AFTER_EXPIRY));
    consume(&stage(&world), &encode(&shard())).unwrap();
    assert!(hand_offs(&world).is_empty());
    assert_eq!(ends(&world)[&(MESSAGE, device(1))], BTreeSet::from([Reason::TimeToLive]));
}
