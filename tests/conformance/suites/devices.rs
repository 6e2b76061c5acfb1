//! The directory of devices.

use homing_domain::limits::SHARD_MAX_DEVICES;
use homing_domain::{Device, DeviceId, Preferences, UnixMillis};
use homing_ports::{Created, Devices, Replaced};

use crate::adapter::Adapter;
use crate::values::{app_id, device, device_id, user_id};

pub(crate) async fn create_is_once<A: Adapter>(world: &A) {
    let ports = world.ports();
    assert_eq!(ports.create_device(device(1, "shop", None)).await.unwrap(), Created::New);
    assert_eq!(ports.create_device(device(1, "other", Some("lin"))).await.unwrap(), Created::Exists);
    assert_eq!(ports.device(&device_id(1)).await.unwrap(), Some(device(1, "shop", None)));
    assert_eq!(ports.device(&device_id(2)).await.unwrap(), None);
    world.settle().await;
    assert!(ports.devices_of_user(&app_id("other"), &user_id("lin"), 9).await.unwrap().is_empty());
}

pub(crate) async fn every_field_comes_back<A: Adapter>(world: &A) {
    let ports = world.ports();
    let full = device(1, "shop", Some("用户@例"));
    let mut bare = device(2, "shop", None);
    bare.vendor = None;
    bare.tags.clear();
    bare.profile.brand = None;
    bare.profile.notifications_enabled = false;
    bare.preferences = Preferences::default();
    for device in [full, bare] {
        ports.create_device(device.clone()).await.unwrap();
        assert_eq!(ports.device(&device.id).await.unwrap(), Some(device));
    }
}

pub(crate) async fn many_are_answered_in_order<A: Adapter>(world: &A) {
    let ports = world.ports();
    for n in (0..SHARD_MAX_DEVICES as u32).filter(|n| n % 3 != 0) {
        ports.create_device(device(n, "shop", (n % 2 == 0).then_some("lin"))).await.unwrap();
    }
    let ids: Vec<_> = (0..SHARD_MAX_DEVICES as u32).rev().map(device_id).collect();
    world.settle().await;
    let found = ports.devices(ids.clone()).await.unwrap();
    for (n, found) in (0..SHARD_MAX_DEVICES as u32).rev().zip(found) {
        let expected = (n % 3 != 0).then(|| device(n, "shop", (n % 2 == 0).then_some("lin")));
        assert_eq!(found, expected);
    }
    let twice = ports.devices(vec![device_id(1), device_id(0), device_id(1)]).await.unwrap();
    assert!(twice[0].is_some() && twice[1].is_none() && twice[0] == twice[2]);
    assert!(ports.devices(Vec::new()).await.unwrap().is_empty());
}

pub(crate) async fn a_touch_is_no_change<A: Adapter>(world: &A) {
    let ports = world.ports();
    ports.touch_device(&device_id(1), UnixMillis(9)).await.unwrap();
    assert_eq!(ports.device(&device_id(1)).await.unwrap(), None, "nothing comes of it");
    let stored = device(1, "shop", Some("lin"));
    ports.create_device(stored.clone()).await.unwrap();
    ports.touch_device(&device_id(1), UnixMillis(86_400_000)).await.unwrap();
    let touched = Device { seen_at: UnixMillis(86_400_000), ..stored };
    assert_eq!(ports.device(&device_id(1)).await.unwrap(), Some(touched.clone()));
    world.settle().await;
    let listed = ports.devices_of_app(&app_id("shop"), 0, None, 9).await.unwrap();
    assert_eq!(listed, std::slice::from_ref(&touched));
    let next = Device { revision: 2, ..touched };
    assert_eq!(ports.replace_device(next).await.unwrap(), Replaced::Done, "whoever read it before may still write");
}

pub(crate) async fn replace_names_the_revision_it_read<A: Adapter>(world: &A) {
    let ports = world.ports();
    let next = Device { revision: 2, ..device(1, "shop", Some("lin")) };
    assert_eq!(ports.replace_device(next.clone()).await.unwrap(), Replaced::Changed, "it is not there");
    ports.create_device(device(1, "shop", None)).await.unwrap();
    assert_eq!(ports.replace_device(next.clone()).await.unwrap(), Replaced::Done);
    assert_eq!(ports.replace_device(next.clone()).await.unwrap(), Replaced::Changed, "a repeat");
    assert_eq!(ports.device(&device_id(1)).await.unwrap(), Some(next));
}

pub(crate) async fn the_user_index_follows_the_device<A: Adapter>(world: &A) {
    let ports = world.ports();
    let (shop, lin, wei) = (app_id("shop"), user_id("lin"), user_id("wei"));
    let bound = device(1, "shop", Some("lin"));
    ports.create_device(bound.clone()).await.unwrap();
    world.settle().await;
    assert_eq!(ports.devices_of_user(&shop, &lin, 9).await.unwrap(), [device_id(1)]);
    assert!(ports.devices_of_user(&app_id("other"), &lin, 9).await.unwrap().is_empty());
    assert!(ports.devices_of_user(&shop, &user_id("li"), 9).await.unwrap().is_empty(), "no prefix of a name");

    let rebound = Device { user: Some(wei.clone()), revision: 2, updated_at: UnixMillis(50), ..bound };
    ports.replace_device(rebound.clone()).await.unwrap();
    world.settle().await;
    assert!(ports.devices_of_user(&shop, &lin, 9).await.unwrap().is_empty());
    assert_eq!(ports.devices_of_user(&shop, &wei, 9).await.unwrap(), [device_id(1)]);

    ports.replace_device(Device { user: None, revision: 3, ..rebound }).await.unwrap();
    world.settle().await;
    assert!(ports.devices_of_user(&shop, &wei, 9).await.unwrap().is_empty());
}

pub(crate) async fn devices_of_a_user_come_latest_first<A: Adapter>(world: &A) {
    let ports = world.ports();
    for n in [2, 5, 3] {
        ports.create_device(device(n, "shop", Some("lin"))).await.unwrap();
    }
    let changed = Device { updated_at: UnixMillis(9), revision: 2, ..device(2, "shop", Some("lin")) };
    ports.replace_device(changed).await.unwrap();
    world.settle().await;
    let found = ports.devices_of_user(&app_id("shop"), &user_id("lin"), 2).await.unwrap();
    assert_eq!(found, [device_id(2), device_id(5)]);
}

pub(crate) async fn an_apps_devices_come_by_segment_and_page<A: Adapter>(world: &A) {
    const IN_A_SEGMENT: u32 = 1 << 26;
    let ports = world.ports();
    // Three segments, the last one among them; ids at both edges of each.
    for segment in [0, 1, 63] {
        for within in [0, 1, 2, IN_A_SEGMENT - 1] {
            ports.create_device(device(segment * IN_A_SEGMENT + within, "shop", None)).await.unwrap();
        }
    }
    ports.create_device(device(77, "shopping", None)).await.unwrap();
    world.settle().await;
    for segment in [0_u8, 1, 63] {
        let first = u32::from(segment) * IN_A_SEGMENT;
        let expected = [first, first + 1, first + 2, first + (IN_A_SEGMENT - 1)].map(device_id);
        let mut found = Vec::<DeviceId>::new();
        loop {
            let page = ports.devices_of_app(&app_id("shop"), segment, found.last().copied(), 3).await.unwrap();
            assert!(page.len() <= 3);
            if page.is_empty() {
                break;
            }
            assert!(page.iter().all(|device| Device::segment(&device.id) == segment && device.app == app_id("shop")));
            found.extend(page.iter().map(|device| device.id));
        }
        assert_eq!(found, expected);
    }
    assert!(ports.devices_of_app(&app_id("shop"), 2, None, 9).await.unwrap().is_empty());
}

pub(crate) async fn delete_takes_the_device_out_of_every_list<A: Adapter>(world: &A) {
    let ports = world.ports();
    ports.create_device(device(1, "shop", Some("lin"))).await.unwrap();
    for _ in 0..2 {
        ports.delete_device(&device_id(1)).await.unwrap();
    }
    world.settle().await;
    assert_eq!(ports.device(&device_id(1)).await.unwrap(), None);
    assert!(ports.devices_of_user(&app_id("shop"), &user_id("lin"), 9).await.unwrap().is_empty());
    assert!(ports.devices_of_app(&app_id("shop"), 0, None, 9).await.unwrap().is_empty());
}
