//! Messages from devices.

use futures_util::future::join_all;
use homing_domain::Upstream;
use homing_ports::{Created, Upstreams};

use crate::adapter::Adapter;
use crate::values::{app_id, upstream};

pub(crate) async fn once_per_device_and_number<A: Adapter>(world: &A) {
    let ports = world.ports();
    assert_eq!(ports.store_upstream(upstream(1, 1)).await.unwrap(), Created::New);
    let repeat = Upstream { topic: "other".to_owned(), ..upstream(1, 1) };
    assert_eq!(ports.store_upstream(repeat).await.unwrap(), Created::Exists);
    assert_eq!(ports.store_upstream(upstream(2, 1)).await.unwrap(), Created::New, "another device");
    assert_eq!(ports.store_upstream(upstream(1, 2)).await.unwrap(), Created::New, "another number");
    world.settle().await;
    let stored = ports.upstreams(&app_id("shop"), 0, 9).await.unwrap();
    assert_eq!(
        stored.into_iter().map(|stored| stored.upstream).collect::<Vec<_>>(),
        [upstream(1, 1), upstream(2, 1), upstream(1, 2)]
    );
}

pub(crate) async fn they_are_read_on_from_a_position<A: Adapter>(world: &A) {
    let ports = world.ports();
    for id in 1..=5 {
        ports.store_upstream(upstream(1, id)).await.unwrap();
        ports.store_upstream(Upstream { app: app_id("shopping"), ..upstream(9, id) }).await.unwrap();
    }
    world.settle().await;
    let (mut position, mut ids) = (0, Vec::new());
    loop {
        let page = ports.upstreams(&app_id("shop"), position, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 2 && page.iter().all(|stored| stored.position > position));
        position = last.position;
        ids.extend(page.into_iter().map(|stored| stored.upstream.id));
    }
    assert_eq!(ids, [1, 2, 3, 4, 5]);
}

pub(crate) async fn concurrent_repeats_are_stored_once<A: Adapter>(world: &A) {
    let ports = world.ports();
    let stores = (0..40).map(|n| ports.store_upstream(upstream(1, n % 10)));
    let created = join_all(stores).await.into_iter().filter(|answer| matches!(answer, Ok(Created::New))).count();
    assert_eq!(created, 10);
    world.settle().await;
    assert_eq!(ports.upstreams(&app_id("shop"), 0, 99).await.unwrap().len(), 10);
}
