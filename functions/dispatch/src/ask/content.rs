//! A message as the vendors' contracts have it.

use homing_channels::{Category, Click, Content};
use homing_domain::{Channel, MessageId, UnixMillis, VendorPush};
use serde::Deserialize;
use serde_json::{Map, Value};

/// What intake rendered. It checked everything, so what is unknown here is newer than this.
#[derive(Debug, Default, Deserialize)]
struct Payload {
    #[serde(default)]
    notification: Option<Shown>,
    #[serde(default)]
    data: Map<String, Value>,
}

#[derive(Debug, Default, Deserialize)]
struct Shown {
    title: Option<String>,
    body: Option<String>,
    image: Option<String>,
    deep_link: Option<String>,
    badge: Option<u32>,
    sound: Option<String>,
}

/// What the vendor is to bring, seen from now on.
///
/// # Errors
/// In words: the payload or what the business wrote for the channel is no object of JSON.
pub(super) fn of(push: &VendorPush, now: UnixMillis) -> Result<Content, String> {
    let body = &push.body;
    let payload: Payload = serde_json::from_slice(&body.payload).map_err(|error| format!("the payload: {error}"))?;
    let overrides = match &push.overrides {
        Some(json) => serde_json::from_slice(json).map_err(|error| format!("the channel's own fields: {error}"))?,
        None => Map::new(),
    };
    let silent = payload.notification.is_none();
    let mut shown = payload.notification.unwrap_or_default();
    if needs_both_texts(push.channel) {
        // One text said twice is better than a message that the vendor refuses.
        shown.title = shown.title.or_else(|| shown.body.clone());
        shown.body = shown.body.or_else(|| shown.title.clone());
    }
    Ok(Content {
        message_id: message_id(body.message),
        title: shown.title,
        subtitle: None,
        body: shown.body,
        image: shown.image,
        badge: shown.badge,
        sound: shown.sound,
        click: shown.deep_link.map_or(Click::OpenApp, click),
        data: payload.data,
        time_to_live: body.expires_at.since(now),
        priority: body.priority,
        collapse_key: body.collapse_key.clone(),
        category: Category::Service,
        silent,
        live_activity: None,
        overrides,
    })
}

/// The Chinese vendors refuse a notification that has no title, or nothing else (required fields of their messages).
const fn needs_both_texts(channel: Channel) -> bool {
    use Channel::{Honor, Huawei, Meizu, Oppo, Vivo, Xiaomi};
    matches!(channel, Huawei | Honor | Xiaomi | Oppo | Vivo | Meizu)
}

/// 32 hexadecimal digits: the shortest of the vendors' fields takes 50 characters.
pub(super) fn message_id(id: MessageId) -> String {
    format!("{:032x}", u128::from_be_bytes(*id.as_bytes()))
}

fn click(deep_link: String) -> Click {
    let is_web = ["http://", "https://"]
        .iter()
        .any(|scheme| deep_link.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)));
    if is_web { Click::Url(deep_link) } else { Click::Intent(deep_link) }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use homing_domain::{Priority, PushBody};

    use super::*;

    const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

    fn push(payload: &'static str, overrides: Option<&'static str>) -> VendorPush {
        VendorPush {
            app: "demo".parse().unwrap(),
            channel: Channel::Apns,
            body: PushBody {
                message: MessageId::from_bytes([0x0a; 16]),
                accepted_at: NOW.minus(5),
                expires_at: NOW.plus(60_000),
                priority: Priority::High,
                collapse_key: Some("score".into()),
                payload: Bytes::from_static(payload.as_bytes()),
                recalls: None,
            },
            overrides: overrides.map(|json| Bytes::from_static(json.as_bytes())),
            attempt: 0,
            to: Vec::new(),
        }
    }

    #[test]
    fn everything_that_all_vendors_know_gets_its_place() {
        let payload = r#"{"notification":{"title":"T","body":"B","image":"https://a.example/i.png","badge":3,"sound":"ding",
            "deep_link":"shop://orders/7","actions":[{"id":"a","title":"A"}]},"data":{"order":7}}"#;
        let content = of(&push(payload, Some(r#"{"aps":{"category":"x"}}"#)), NOW).unwrap();
        let expected = Content {
            message_id: "0a".repeat(16),
            title: Some("T".into()),
            body: Some("B".into()),
            image: Some("https://a.example/i.png".into()),
            badge: Some(3),
            sound: Some("ding".into()),
            click: Click::Intent("shop://orders/7".into()),
            data: serde_json::from_str(r#"{"order":7}"#).unwrap(),
            time_to_live: 60_000,
            priority: Priority::High,
            collapse_key: Some("score".into()),
            overrides: serde_json::from_str(r#"{"aps":{"category":"x"}}"#).unwrap(),
            ..Content::default()
        };
        assert_eq!(content, expected);
    }

    #[test]
    fn a_web_address_opens_the_web_and_data_alone_is_silent() {
        let click = |link: &str| click(link.to_owned());
        assert_eq!(click("HTTPS://a.example"), Click::Url("HTTPS://a.example".into()));
        assert_eq!(click("https"), Click::Intent("https".into()));
        assert_eq!(click("中文中文"), Click::Intent("中文中文".into()));
        let content = of(&push(r#"{"data":{}}"#, None), NOW.plus(90_000)).unwrap();
        assert_eq!((content.silent, content.click, content.time_to_live), (true, Click::OpenApp, 0));
    }

    #[test]
    fn what_is_no_json_is_told() {
        assert!(of(&push("x", None), NOW).unwrap_err().starts_with("the payload: "));
        assert!(of(&push("{}", Some("[]")), NOW).unwrap_err().starts_with("the channel's own fields: "));
    }

    #[test]
    fn who_needs_title_and_text_gets_the_one_for_the_other() {
        for (channel, payload, texts) in [
            (Channel::Oppo, r#"{"notification":{"body":"B"}}"#, (Some("B"), Some("B"))),
            (Channel::Huawei, r#"{"notification":{"title":"T"}}"#, (Some("T"), Some("T"))),
            (Channel::Apns, r#"{"notification":{"body":"B"}}"#, (None, Some("B"))),
            (Channel::Xiaomi, r#"{"data":{}}"#, (None, None)),
        ] {
            let content = of(&VendorPush { channel, ..push(payload, None) }, NOW).unwrap();
            assert_eq!((content.title.as_deref(), content.body.as_deref()), texts, "{channel}");
        }
    }
}
