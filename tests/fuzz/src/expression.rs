//! Text from a business system that says who a message is for.

use homing_domain::limits::EXPRESSION_MAX_BYTES;
use homing_domain::{Device, DeviceId, DeviceProfile, Expression, Platform, Preferences, UnixMillis};

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

/// A text is refused at a place in it, or it is an expression: kept as it was written, and the contrary of its contrary.
pub fn expression(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    match text.parse::<Expression>() {
        Ok(expression) => {
            assert!(text.len() <= EXPRESSION_MAX_BYTES && expression.as_str() == text);
            let device = device();
            // Unless it is too long or too deep by then.
            if let Ok(contrary) = format!("!({text})").parse::<Expression>() {
                assert_ne!(expression.holds_for(&device, NOW), contrary.holds_for(&device, NOW));
            }
        }
        Err(error) => assert!((1..=text.chars().count() + 1).contains(&error.position), "{error}"),
    }
}

fn device() -> Device {
    Device {
        id: DeviceId::from_bytes([1; 16]),
        app: "demo".parse().expect("an app's id"),
        profile: DeviceProfile {
            platform: Platform::Android,
            brand: Some("HUAWEI".into()),
            model: None,
            os_version: Some("4.2.0-beta.3".into()),
            app_version: Some("2.10".into()),
            locale: Some("zh-Hant-TW".into()),
            timezone: None,
            notifications_enabled: true,
        },
        vendor: None,
        user: None,
        user_since: None,
        preferences: Preferences::default(),
        tags: vec!["a".into(), "vip".into(), "城".into()],
        epoch: 1,
        key_id: 1,
        credential_generation: 1,
        created_at: NOW,
        updated_at: NOW,
        seen_at: NOW,
        revision: 1,
        lanes: Vec::new(),
    }
}
