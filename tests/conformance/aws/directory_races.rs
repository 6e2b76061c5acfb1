//! Changes of one device by many at once: whatever wins, the index of users says what the device says.

use futures_util::future::join_all;
use homing_domain::{AppId, Device, DeviceId, UnixMillis};
use homing_ports::{Devices, Fault, Replaced};
use homing_store_aws::AwsStore;

use super::Aws;
use crate::adapter::Adapter;
use crate::values::{app_id, device, device_id, user_id};

const USERS: [&str; 3] = ["lin", "wei", "ana"];

/// Reads and changes a device as a function does, until its change is the next one.
async fn bind(store: &AwsStore, id: DeviceId, user: Option<&str>, at: u64) {
    loop {
        let Some(read) = store.device(&id).await.unwrap() else { return };
        let changed =
            Device { user: user.map(user_id), revision: read.revision + 1, updated_at: UnixMillis(at), ..read };
        match store.replace_device(changed).await {
            Ok(Replaced::Done) => return,
            Ok(Replaced::Changed) => {}
            Err(error) => assert_eq!(error.fault, Fault::Retry, "{error}"),
        }
    }
}

/// The users in whose lists a device stands.
async fn listed(store: &AwsStore, app: &AppId, id: DeviceId) -> Vec<&'static str> {
    let mut found = Vec::new();
    for user in USERS {
        if store.devices_of_user(app, &user_id(user), 99).await.unwrap().contains(&id) {
            found.push(user);
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_stands_in_the_list_of_its_user_alone() {
    let world = Aws::start().await;
    let (store, id) = (world.ports().clone(), device_id(1));
    store.create_device(device(1, "shop", Some("lin"))).await.unwrap();
    let changes = (0..24_usize).map(|n| {
        let user = USERS.get(n % 4).copied();
        let store = store.clone();
        async move { bind(&store, id, user, 100 + n as u64).await }
    });
    join_all(changes).await;
    let last = store.device(&id).await.unwrap().unwrap();
    assert_eq!(last.revision, 25, "every change took place once");
    let expected: Vec<_> = last.user.iter().map(|user| user.as_str().to_owned()).collect();
    assert_eq!(listed(&store, &app_id("shop"), id).await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_device_stands_in_no_list() {
    let world = Aws::start().await;
    let store = world.ports().clone();
    let runs = (1..=12_u32).map(|n| {
        let store = store.clone();
        async move {
            let id = device_id(n);
            store.create_device(device(n, "shop", USERS.get(n as usize % 4).copied())).await.unwrap();
            let binds = USERS.map(|user| bind(&store, id, Some(user), 100));
            let delete = async {
                while let Err(error) = store.delete_device(&id).await {
                    assert_eq!(error.fault, Fault::Retry, "{error}");
                }
            };
            tokio::join!(join_all(binds), delete);
            assert_eq!(store.device(&id).await.unwrap(), None);
            assert_eq!(listed(&store, &app_id("shop"), id).await, [""; 0], "device {n}");
        }
    });
    join_all(runs).await;
}
