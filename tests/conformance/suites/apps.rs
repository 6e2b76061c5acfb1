//! Apps.

use homing_ports::{Apps, Created, Replaced};

use crate::adapter::Adapter;
use crate::values::{app, app_id};

pub(crate) async fn create_is_once<A: Adapter>(world: &A) {
    let ports = world.ports();
    assert_eq!(ports.create_app(app("shop")).await.unwrap(), Created::New);
    let mut other = app("shop");
    other.name = "other".to_owned();
    assert_eq!(ports.create_app(other).await.unwrap(), Created::Exists);
    assert_eq!(ports.app(&app_id("shop")).await.unwrap(), Some(app("shop")));
    assert_eq!(ports.app(&app_id("none")).await.unwrap(), None);
}

pub(crate) async fn replace_names_the_revision_it_read<A: Adapter>(world: &A) {
    let ports = world.ports();
    let mut next = app("shop");
    next.revision = 2;
    next.heartbeat = None;
    next.server_keys.truncate(1);
    assert_eq!(ports.replace_app(next.clone()).await.unwrap(), Replaced::Changed, "it is not there");
    ports.create_app(app("shop")).await.unwrap();
    assert_eq!(ports.replace_app(app("shop")).await.unwrap(), Replaced::Changed, "the same revision");
    assert_eq!(ports.replace_app(next.clone()).await.unwrap(), Replaced::Done);
    assert_eq!(ports.replace_app(next.clone()).await.unwrap(), Replaced::Changed, "a repeat");
    assert_eq!(ports.app(&next.id).await.unwrap(), Some(next));
}

pub(crate) async fn pages_are_in_the_order_of_ids<A: Adapter>(world: &A) {
    let ports = world.ports();
    for name in ["b", "a-b", "a", "c"] {
        ports.create_app(app(name)).await.unwrap();
    }
    world.settle().await;
    let names = |apps: Vec<homing_domain::App>| apps.into_iter().map(|app| app.id.to_string()).collect::<Vec<_>>();
    assert_eq!(names(ports.apps(None, 2).await.unwrap()), ["a", "a-b"]);
    assert_eq!(names(ports.apps(Some(&app_id("a-b")), 10).await.unwrap()), ["b", "c"]);
    assert_eq!(names(ports.apps(Some(&app_id("c")), 10).await.unwrap()), [""; 0]);
}

pub(crate) async fn delete_may_be_repeated<A: Adapter>(world: &A) {
    let ports = world.ports();
    ports.create_app(app("shop")).await.unwrap();
    for _ in 0..2 {
        ports.delete_app(&app_id("shop")).await.unwrap();
        assert_eq!(ports.app(&app_id("shop")).await.unwrap(), None);
    }
    assert_eq!(ports.create_app(app("shop")).await.unwrap(), Created::New);
}
