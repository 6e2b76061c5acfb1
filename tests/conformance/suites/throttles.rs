//! The token buckets that all who ask a vendor for an app share.

use futures_util::future::join_all;
use homing_domain::{AppId, Channel, Rate, Throttle, UnixMillis};
use homing_ports::{Replaced, Throttles};

use crate::adapter::{Adapter, Ports};
use crate::values::app_id;

const RATE: Rate = Rate { per_second: 10, burst: 16 };
const NOW: UnixMillis = UnixMillis(1_000_000);

/// Takes one request, however often others are faster.
async fn take(ports: &impl Ports, app: &AppId, channel: Channel) -> u32 {
    loop {
        let mut throttle = ports.throttle(app, channel).await.unwrap();
        let granted = throttle.take(1, RATE, NOW).requests;
        throttle.revision += 1;
        if ports.replace_throttle(app, channel, throttle).await.unwrap() == Replaced::Done {
            return granted;
        }
    }
}

pub(crate) async fn replace_names_the_revision_it_read<A: Adapter>(world: &A) {
    let (ports, shop) = (world.ports(), app_id("shop"));
    let replace = async |throttle| ports.replace_throttle(&shop, Channel::Fcm, throttle).await.unwrap();
    assert_eq!(ports.throttle(&shop, Channel::Fcm).await.unwrap(), Throttle::default());
    let (first, second) = (Throttle::restored(7, UnixMillis(8), 1), Throttle::restored(u64::MAX, UnixMillis::NEVER, 2));
    assert_eq!(replace(second).await, Replaced::Changed, "nobody took anything yet");
    assert_eq!(replace(Throttle::default()).await, Replaced::Changed, "nothing comes before revision 0");
    assert_eq!(replace(first).await, Replaced::Done);
    assert_eq!(replace(Throttle::restored(9, UnixMillis(9), 1)).await, Replaced::Changed);
    assert_eq!(ports.throttle(&shop, Channel::Fcm).await.unwrap(), first);
    assert_eq!(replace(second).await, Replaced::Done);
    assert_eq!(ports.throttle(&shop, Channel::Fcm).await.unwrap(), second);
    for (app, channel) in [("shop", Channel::Apns), ("shop-2", Channel::Fcm)] {
        assert_eq!(ports.throttle(&app_id(app), channel).await.unwrap(), Throttle::default(), "{app} {channel}");
    }
}

pub(crate) async fn nobody_takes_what_another_took<A: Adapter>(world: &A) {
    let (ports, shop) = (world.ports(), app_id("shop"));
    // All who come at once, one after the other: 25 for 16.
    let takers = (0..5).map(|_| async {
        let mut granted = 0;
        for _ in 0..5 {
            granted += take(ports, &shop, Channel::Huawei).await;
        }
        granted
    });
    assert_eq!(join_all(takers).await.into_iter().sum::<u32>(), RATE.burst);
    assert_eq!(ports.throttle(&shop, Channel::Huawei).await.unwrap().revision, 25);
}
