use std::sync::Arc;

use homing_domain::limits::FANOUT_SEGMENTS;
use homing_domain::{DeviceProfile, Platform, Preferences};
use homing_ports::Clock;

use super::*;

struct NoTime;

impl Clock for NoTime {
    fn now(&self) -> UnixMillis {
        UnixMillis(0)
    }
}

fn device(n: u32, app: &str) -> Device {
    let mut id = [0; 16];
    // Spread as random ids are.
    id[..4].copy_from_slice(&n.wrapping_mul(0x9e37_79b9).to_be_bytes());
    Device {
        id: DeviceId::from_bytes(id),
        app: app.parse().unwrap(),
        profile: DeviceProfile {
            platform: Platform::Other,
            brand: None,
            model: None,
            os_version: None,
            app_version: None,
            locale: None,
            timezone: None,
            notifications_enabled: true,
        },
        vendor: None,
        user: None,
        user_since: None,
        preferences: Preferences::default(),
        tags: Vec::new(),
        epoch: u64::from(n),
        key_id: 1,
        credential_generation: 1,
        created_at: UnixMillis(1),
        updated_at: UnixMillis(1),
        seen_at: UnixMillis(1),
        revision: 1,
        lanes: Vec::new(),
    }
}

/// However many devices other apps have between them, and whether their rows are passed over or looked up.
#[tokio::test]
async fn an_apps_devices_are_found_among_others() {
    let directory = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(directory.path(), Arc::new(NoTime)).unwrap();
    let app_of = |n: u32| if n % 40 == 7 { "few" } else { "many" };
    let devices: Vec<_> = (0..4_000).map(|n| device(n, app_of(n))).collect();
    let put_all = devices.clone();
    let put_them = move |view: &mut View<'_>| {
        put_all.iter().for_each(|device| put(view, device));
        Ok(())
    };
    store.commit("test", put_them).await.unwrap();
    // Gone from the directory, while the index is read as it was before.
    let gone = devices[47].id;
    let delete_it = move |view: &mut View<'_>| {
        view.delete(key(&gone));
        Ok(())
    };
    store.commit("test", delete_it).await.unwrap();
    for app in ["few", "many"] {
        let mut expected: Vec<_> =
            devices.iter().filter(|device| device.app.as_str() == app && device.id != gone).collect();
        expected.sort_unstable_by_key(|device| device.id);
        for page_size in [1, 7, 1_000] {
            let mut found = Vec::<Device>::new();
            for segment in 0..FANOUT_SEGMENTS {
                let mut after = None;
                loop {
                    let page = store.devices_of_app(&app.parse().unwrap(), segment, after, page_size).await.unwrap();
                    assert!(page.len() <= page_size);
                    let Some(last) = page.last() else { break };
                    after = Some(last.id);
                    found.extend(page);
                }
            }
            assert!(
                found.iter().eq(expected.iter().copied()),
                "{app} by {page_size}: {} of {}",
                found.len(),
                expected.len()
            );
        }
    }
}
