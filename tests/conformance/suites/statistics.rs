//! Figures of apps: added once, read by time.

use futures_util::future::join_all;
use homing_domain::limits::VERSION_LABELS_MAX;
use homing_domain::{
    Breakdown, Channel, Counter, Fact, Granularity, Period, Platform, Stage, Step, Tally, UnixMillis, VersionLabel,
};
use homing_ports::{Ledger, Statistics};

use crate::adapter::{Adapter, Ports};
use crate::values::{app_id, batch_id};

/// The day on which these tests count, so that nothing of it has aged.
const HOUR: u64 = 3_600_000;

fn opened(by: i64) -> Tally {
    let mut tally = Tally::default();
    tally.add(Counter::Fact(Channel::Own, Fact::Opened), by);
    tally
}

fn hour(start: UnixMillis, n: u64) -> Period {
    Period::of(Granularity::Hour, start.plus(n * HOUR))
}

async fn all(ports: &impl Ports, app: &str, granularity: Granularity) -> Vec<(Period, Tally)> {
    ports.statistics(&app_id(app), granularity, UnixMillis(0), UnixMillis(u64::MAX)).await.unwrap()
}

pub(crate) async fn a_batch_is_added_once_per_app<A: Adapter>(world: &A) {
    let ports = world.ports();
    let periods = Granularity::ALL.map(|granularity| (Period::of(granularity, world.now()), opened(1)));
    for app in ["shop", "shop", "sho", "shop"] {
        ports.add_statistics(batch_id(1), &app_id(app), periods.to_vec()).await.unwrap();
    }
    ports.add_statistics(batch_id(2), &app_id("shop"), periods.to_vec()).await.unwrap();
    for granularity in Granularity::ALL {
        let period = Period::of(granularity, world.now());
        assert_eq!(all(ports, "shop", granularity).await, [(period, opened(2))]);
        assert_eq!(all(ports, "sho", granularity).await, [(period, opened(1))], "of its own");
        assert!(all(ports, "sh", granularity).await.is_empty());
    }
    // Batches that come at the same time.
    let [_, hour, _] = periods;
    let adds = (10..50).map(|n| {
        let (app, changes) = (app_id("busy"), vec![hour.clone()]);
        async move { ports.add_statistics(batch_id(n), &app, changes).await.unwrap() }
    });
    join_all(adds).await;
    assert_eq!(all(ports, "busy", Granularity::Hour).await, [(hour.0, opened(40))]);
}

pub(crate) async fn a_series_is_read_from_a_time_to_another<A: Adapter>(world: &A) {
    let ports = world.ports();
    let shop = app_id("shop");
    let start = hour(world.now(), 0).start;
    for n in [3, 1, 4, 2] {
        let at = u32::try_from(n).unwrap();
        ports.add_statistics(batch_id(at), &shop, vec![(hour(start, n), opened(1))]).await.unwrap();
    }
    let read = |from: u64, until: u64| {
        let (from, until) = (start.plus(from), start.plus(until));
        async move {
            let found = ports.statistics(&app_id("shop"), Granularity::Hour, from, until).await.unwrap();
            found.into_iter().map(|(period, _)| period.start.since(start) / HOUR).collect::<Vec<_>>()
        }
    };
    assert_eq!(read(0, 9 * HOUR).await, [1, 2, 3, 4]);
    assert_eq!(read(2 * HOUR, 4 * HOUR).await, [2, 3], "the end is not in it");
    assert_eq!(read(2 * HOUR + 1, 4 * HOUR + 1).await, [3, 4]);
    assert!(read(2 * HOUR, 2 * HOUR).await.is_empty());
    assert!(all(ports, "shop", Granularity::Minute).await.is_empty());
}

pub(crate) async fn every_number_comes_back<A: Adapter>(world: &A) {
    let ports = world.ports();
    let mut tally = Tally::targeted(9);
    for counter in [
        Counter::Accepted,
        Counter::Sent(Channel::WebPush),
        Counter::Ended(Channel::Fcm, Stage::HandedOff),
        Counter::Fact(Channel::Own, Fact::Dismissed),
    ] {
        tally.add(counter, -3);
    }
    let longest = "9".repeat(homing_domain::limits::VERSION_LABEL_MAX_BYTES);
    for step in Step::ALL {
        for platform in Platform::ALL {
            tally.add(Counter::Of(Breakdown::Platform(platform), step), 1 << 40);
        }
        for version in ["1.2.3-rc.1+b_7", "unknown", &longest] {
            tally.add(Counter::Of(Breakdown::Version(VersionLabel::new(version)), step), 5);
        }
    }
    let day = Period::of(Granularity::Day, world.now());
    ports.add_statistics(batch_id(1), &app_id("shop"), vec![(day, tally.clone())]).await.unwrap();
    assert_eq!(all(ports, "shop", Granularity::Day).await, [(day, tally)]);
}

pub(crate) async fn versions_are_named_while_there_is_room<A: Adapter>(world: &A) {
    let ports = world.ports();
    let label = |n: usize| VersionLabel::new(&format!("1.{n}"));
    let shop = app_id("shop");
    for n in (0..VERSION_LABELS_MAX).chain(0..VERSION_LABELS_MAX) {
        assert_eq!(ports.version_label(&shop, label(n)).await.unwrap(), label(n));
    }
    assert_eq!(ports.version_label(&shop, label(VERSION_LABELS_MAX)).await.unwrap(), VersionLabel::OTHER);
    assert_eq!(ports.version_label(&shop, label(0)).await.unwrap(), label(0), "who has a name keeps it");
    assert_eq!(ports.version_label(&app_id("sho"), label(99)).await.unwrap(), label(99));
}
