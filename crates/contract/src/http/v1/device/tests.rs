use homing_domain::{Platform, Preferences, UnixMillis};
use serde_json::json;

use super::*;

fn device() -> Device {
    let (profile, vendor) = RegisterDevice::new(PlatformName::Android).check(UnixMillis(1)).unwrap();
    Device {
        id: DeviceId::from_bytes([1; 16]),
        app: "demo".parse().unwrap(),
        profile,
        vendor,
        user: None,
        tags: Vec::new(),
        epoch: 1,
        key_id: 1,
        credential_generation: 1,
        created_at: UnixMillis(1),
        updated_at: UnixMillis(1),
        revision: 1,
        lanes: Vec::new(),
        user_since: None,
        preferences: Preferences::default(),
        seen_at: UnixMillis(0),
    }
}

fn patch(body: serde_json::Value, device: &mut Device, now: u64) -> Checked<()> {
    serde_json::from_value::<DevicePatch>(body).unwrap().apply(device, UnixMillis(now))
}

#[test]
fn a_patch_sets_keeps_and_removes() {
    let mut device = device();
    patch(json!({"brand": "HUAWEI", "model": "P70", "notifications_enabled": false}), &mut device, 2).unwrap();
    patch(json!({"brand": null}), &mut device, 3).unwrap();
    assert_eq!((device.profile.brand, device.profile.model.as_deref()), (None, Some("P70")));
    assert!(!device.profile.notifications_enabled);
}

#[test]
fn a_token_reported_again_keeps_its_age() {
    let mut device = device();
    let vendor = json!({"vendor": {"channel": "huawei", "token": "t"}});
    patch(vendor.clone(), &mut device, 2).unwrap();
    patch(vendor, &mut device, 9).unwrap();
    assert_eq!(device.vendor.as_ref().unwrap().since, UnixMillis(2));
    patch(json!({"vendor": {"channel": "huawei", "token": "t2"}}), &mut device, 9).unwrap();
    assert_eq!(device.vendor.as_ref().unwrap().since, UnixMillis(9));
    patch(json!({"vendor": null}), &mut device, 9).unwrap();
    assert_eq!(device.vendor, None);
}

#[test]
fn a_wrong_patch_changes_nothing() {
    let mut changed = device();
    let body = json!({"brand": "b", "model": "", "vendor": {"channel": "own", "token": ""}});
    let wrong = patch(body, &mut changed, 2).unwrap_err().into_vec();
    let pointers: Vec<_> = wrong.iter().map(|wrong| &*wrong.pointer).collect();
    assert_eq!(pointers, ["/model", "/vendor/channel", "/vendor/token"]);
    assert_eq!(changed, device());
}

#[test]
fn tags_are_a_sorted_set() {
    let tags = |tags: &[&str]| SetTags { tags: tags.iter().map(ToString::to_string).collect() }.check();
    assert_eq!(tags(&["b", "a", "b"]), Ok(vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(tags(&["a", ""]).unwrap_err().into_vec()[0].pointer, "/tags/1");
    let many: Vec<_> = (0..33).map(|n| n.to_string()).collect();
    assert_eq!(SetTags { tags: many }.check().unwrap_err().into_vec()[0].code, "too_many");
}

#[test]
fn platforms_have_the_names_of_the_domain() {
    for platform in Platform::ALL {
        assert_eq!(serde_json::to_value(PlatformName::from(platform)).unwrap(), platform.name());
    }
}

#[test]
fn secrets_are_not_shown() {
    let address = VendorAddress { channel: "apns".into(), token: "secret".into() };
    assert!(!format!("{address:?}").contains("secret"));
}

#[test]
fn preferences_are_set_kept_and_removed() {
    let mut device = device();
    let body = json!({
        "timezone": "Asia/Shanghai", "quiet_hours": {"start": "22:00", "end": "07:30"}, "opted_out_topics": ["b", "a", "b"]
    });
    patch(body, &mut device, 2).unwrap();
    assert_eq!(device.preferences.quiet_hours, Some(homing_domain::QuietHours { start: 1_320, end: 450 }));
    assert!(device.preferences.opted_out_of("a") && device.preferences.opted_out_of("b"));
    assert_eq!(device.preferences.opted_out.len(), 2);
    patch(json!({"brand": "b"}), &mut device, 3).unwrap();
    let view = serde_json::to_value(DeviceView::new(&device, "hmp_x".into())).unwrap();
    assert_eq!(view["quiet_hours"], json!({"start": "22:00", "end": "07:30"}));
    assert_eq!((&view["opted_out_topics"], &view["timezone"]), (&json!(["a", "b"]), &json!("Asia/Shanghai")));
    patch(json!({"quiet_hours": null, "opted_out_topics": null, "timezone": null}), &mut device, 4).unwrap();
    assert_eq!((device.preferences, device.profile.timezone), (Preferences::default(), None));
}

#[test]
fn preferences_that_nobody_can_mean_are_refused() {
    let many: Vec<_> = (0..33).map(|n| n.to_string()).collect();
    for (body, code, pointer) in [
        (json!({"timezone": "Asia/Peking"}), "unknown_timezone", "/timezone"),
        (json!({"timezone": "+08:00"}), "unknown_timezone", "/timezone"),
        (json!({"timezone": ""}), "empty", "/timezone"),
        (json!({"quiet_hours": {"start": "24:00", "end": "07:00"}}), "invalid_time", "/quiet_hours/start"),
        (json!({"quiet_hours": {"start": "22:00", "end": "7:00"}}), "invalid_time", "/quiet_hours/end"),
        (json!({"quiet_hours": {"start": "22:60", "end": "07:00"}}), "invalid_time", "/quiet_hours/start"),
        (json!({"quiet_hours": {"start": "22:00", "end": "07:00:00"}}), "invalid_time", "/quiet_hours/end"),
        (json!({"quiet_hours": {"start": "22:00", "end": "+7:00"}}), "invalid_time", "/quiet_hours/end"),
        (json!({"opted_out_topics": ["a", ""]}), "empty", "/opted_out_topics/1"),
        (json!({"opted_out_topics": many}), "too_many", "/opted_out_topics"),
    ] {
        let mut changed = device();
        let wrong = patch(body.clone(), &mut changed, 2).unwrap_err().into_vec();
        let found: Vec<_> = wrong.iter().map(|wrong| (&*wrong.code, &*wrong.pointer)).collect();
        assert_eq!((found, changed), (vec![(code, pointer)], device()), "{body}");
    }
    let lost = RegisterDevice { timezone: Some("Mars/Olympus".into()), ..RegisterDevice::new(PlatformName::Car) };
    assert_eq!(lost.check(UnixMillis(1)).unwrap_err().into_vec()[0].code, "unknown_timezone");
}
