//! Settings of the installation.

use homing_ports::{FleetSettings, Replaced, Settings};

use crate::adapter::Adapter;
use crate::values::heartbeat;

pub(crate) async fn defaults_before_anything_was_set<A: Adapter>(world: &A) {
    assert_eq!(world.ports().settings().await.unwrap(), FleetSettings::default());
}

pub(crate) async fn replace_names_the_revision_it_read<A: Adapter>(world: &A) {
    let ports = world.ports();
    let first = FleetSettings { heartbeat: heartbeat(), admin_token: Some([5; 32]), revision: 1 };
    let second = FleetSettings { revision: 2, admin_token: None, ..first.clone() };
    assert_eq!(ports.replace_settings(second.clone()).await.unwrap(), Replaced::Changed);
    assert_eq!(ports.replace_settings(first.clone()).await.unwrap(), Replaced::Done);
    assert_eq!(ports.settings().await.unwrap(), first);
    assert_eq!(ports.replace_settings(first).await.unwrap(), Replaced::Changed, "a repeat");
    assert_eq!(ports.replace_settings(second.clone()).await.unwrap(), Replaced::Done);
    assert_eq!(ports.settings().await.unwrap(), second);
}
