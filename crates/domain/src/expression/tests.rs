mod properties;

use super::*;
use crate::device::{DeviceProfile, Platform};
use crate::id::DeviceId;
use crate::limits::{EXPRESSION_MAX_BYTES, EXPRESSION_MAX_DEPTH};
use crate::preferences::Preferences;

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);
const DAY: u64 = 24 * 3_600_000;

pub(crate) fn device(tags: &[&str]) -> Device {
    Device {
        id: DeviceId::from_bytes([1; 16]),
        app: "demo".parse().unwrap(),
        profile: DeviceProfile {
            platform: Platform::Android,
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
        tags: tags.iter().map(ToString::to_string).collect(),
        epoch: 1,
        key_id: 1,
        credential_generation: 1,
        created_at: UnixMillis(0),
        updated_at: UnixMillis(0),
        seen_at: NOW,
        revision: 1,
        lanes: Vec::new(),
    }
}

fn holds(text: &str, device: &Device) -> bool {
    text.parse::<Expression>().unwrap_or_else(|error| panic!("{text}: {error}")).holds_for(device, NOW)
}

fn refusal(text: &str) -> String {
    text.parse::<Expression>().expect_err(text).to_string()
}

#[test]
fn tags_and_operators() {
    let vip = device(&["beijing", "vip"]);
    for text in [
        "vip",
        "vip && (beijing || shanghai) && !muted",
        " vip&&beijing ",
        "!muted",
        "!!vip",
        // && binds more tightly than ||, and ! than both.
        "vip || muted && muted",
        "!muted || vip && muted",
        "!(vip && muted)",
    ] {
        assert!(holds(text, &vip), "{text}");
    }
    for text in ["muted", "vip && muted", "(vip || muted) && muted", "!vip || muted", "VIP"] {
        assert!(!holds(text, &vip), "{text}");
    }
}

#[test]
fn tags_of_any_script_and_any_text() {
    let tags = device(&["北京", "say \"hi\" \\o/", "a b", "v2.0:beta-1_x", "&&", "город", "हिन्दी"]);
    for text in
        ["北京", r#""北京""#, r#""say \"hi\" \\o/""#, r#""a b" && !"a  b""#, "v2.0:beta-1_x", r#""&&""#, "город"]
    {
        assert!(holds(text, &tags), "{text}");
    }
    assert!(holds(r#""हिन्दी""#, &tags), "signs that are no letters need quotes");
}

#[test]
fn words_are_attributes_only_where_an_operator_follows() {
    let tagged = device(&["has", "last_seen", "platform", "user", "within"]);
    for text in ["platform", "platform && platform == android", "has && user", "last_seen && within", r#""platform""#] {
        assert!(holds(text, &tagged), "{text}");
    }
    assert!(!holds("has user", &tagged));
}

#[test]
fn attributes_are_tested() {
    let mut phone = device(&["vip"]);
    phone.profile.brand = Some("HUAWEI".to_owned());
    phone.profile.model = Some("Mate 60 Pro".to_owned());
    phone.profile.os_version = Some("4.2.0-beta.3".to_owned());
    phone.profile.app_version = Some("2.10".to_owned());
    phone.profile.locale = Some("zh-Hant-TW".to_owned());
    phone.user = Some("anna".parse().unwrap());
    phone.seen_at = NOW.minus(7 * DAY);
    for text in [
        "platform == android",
        "platform != ios",
        "!platform == ios && vip",
        "brand == huawei",
        "brand != Xiaomi",
        r#"model == "Mate 60 Pro""#,
        "os_version < 4.2",
        "os_version >= 4.2.0-beta.2",
        "app_version > 2.9 && app_version <= 2.10.0 && app_version == v2.10",
        "app_version != 2.1",
        "locale ~ zh",
        "locale ~ ZH-hant",
        "locale ~ zh-Hant-TW",
        r#"locale ~ "*""#,
        "locale == zh-hant-tw",
        "last_seen within 7d",
        "last_seen within 1w",
        "last_seen within 168h",
        "has user",
    ] {
        assert!(holds(text, &phone), "{text}");
        assert!(!holds(&format!("!({text})"), &phone), "{text}");
    }
    phone.profile.locale = Some("zh_Hant_TW".to_owned());
    assert!(holds("locale ~ zh && locale ~ zh-hant && locale == zh-Hant-TW && locale == ZH_Hant_TW", &phone));
    for text in [
        "locale ~ zh-Han",
        "locale ~ z",
        "locale ~ zh-Hant-TW-x",
        "locale == zh",
        "last_seen within 6d",
        "os_version == 4.2.0",
    ] {
        assert!(!holds(text, &phone), "{text}");
    }
}

#[test]
fn what_a_device_did_not_say_is_equal_to_nothing() {
    let silent = device(&[]);
    for text in [
        "brand == x",
        "locale ~ zh",
        r#"locale ~ "*""#,
        "locale == zh",
        "has user",
        "app_version < 9",
        "app_version > 0",
        "app_version == 0",
        "app_version <= 9",
        "app_version >= 0",
    ] {
        assert!(!holds(text, &silent), "{text}");
    }
    for text in ["brand != x", "model != x", "locale != zh", "app_version != 1"] {
        assert!(holds(text, &silent), "{text}");
    }
}

#[test]
fn errors_say_what_was_expected_and_where() {
    for (text, expected) in [
        ("", "expected a tag at character 1"),
        ("  ", "expected a tag at character 3"),
        ("vip && ", "expected a tag after && at character 8"),
        ("vip && || a", "expected a tag after && at character 8"),
        ("&& vip", "expected a tag at character 1"),
        ("北京 上海", "expected && or || after 北京 at character 4"),
        ("vip and beijing", "expected && or || after vip at character 5"),
        ("vip & beijing", "expected && instead of & at character 5"),
        ("a | b", "expected || instead of | at character 3"),
        ("platform = ios", "expected == instead of = at character 10"),
        ("(a || b", "expected &&, || or ) (for the ( at character 1) after b at character 8"),
        ("(a b)", "expected &&, || or ) (for the ( at character 1) after a at character 4"),
        ("a)", "expected no ), because no ( is open, at character 2"),
        ("()", "expected a tag after ( at character 2"),
        ("!", "expected a tag after ! at character 2"),
        ("a, b", ", means nothing here (put tags with it in double quotes) at character 2"),
        ("（a）", "（ means nothing here (put tags with it in double quotes) at character 1"),
        ("a && \"b", "expected a second \" for the one at character 6"),
        (r#""a\n""#, "expected \\\" or \\\\ for the \\ at character 3"),
        ("\"a\tb\"", "a text in quotes must not hold control characters at character 3"),
        (r#""""#, "expected a tag of 1 to 64 bytes at character 1"),
        (r#""platform" == ios"#, "expected no comparison, because a text in quotes is a tag, at character 12"),
        (
            "platform == amiga",
            "expected one of the platforms android, ios, harmony, web, tv, car, desktop, other at character 13",
        ),
        ("platform < ios", "expected == or != after platform at character 10"),
        ("brand ~ x", "expected == or != after brand at character 7"),
        ("brand ==", "expected a text after == at character 9"),
        (
            "color == red",
            "expected one of the attributes platform, brand, model, locale, os_version, app_version or last_seen before == \
             at character 1",
        ),
        ("app_version >= new", "expected a version such as 2.10 at character 16"),
        ("app_version ~ 2", "expected ==, !=, <, <=, > or >= after app_version at character 13"),
        ("locale ~ zh_CN", "expected a language such as zh or zh-CN at character 10"),
        ("last_seen > 7d", "expected within after last_seen, as in last_seen within 7d, at character 11"),
        ("last_seen in 7d", "expected within after last_seen at character 11"),
        ("seen within 7d", "expected last_seen before within at character 1"),
        ("last_seen within 7", "expected a time such as 12h, 7d or 4w at character 18"),
        ("last_seen within 0d", "expected a time such as 12h, 7d or 4w at character 18"),
        ("last_seen within 7天", "expected a time such as 12h, 7d or 4w at character 18"),
        ("last_seen within 99999999999d", "expected a time such as 12h, 7d or 4w at character 18"),
        ("last_seen within", "expected a time such as 12h, 7d or 4w at character 17"),
        ("has vendor", "expected user after has at character 5"),
    ] {
        assert_eq!(refusal(text), expected, "{text}");
    }
}

#[test]
fn sizes_are_limited() {
    let tag = "x".repeat(64);
    assert!(holds(&tag, &device(&[&tag])));
    assert_eq!(refusal(&format!("{tag}y")), "expected a tag of 1 to 64 bytes at character 1");

    let longest = format!("a{}", " && a".repeat((EXPRESSION_MAX_BYTES - 1) / 5));
    assert!(holds(&longest, &device(&["a"])));
    let longer = format!("{longest}{}", " ".repeat(EXPRESSION_MAX_BYTES + 1 - longest.len()));
    assert_eq!(refusal(&longer), "an expression must be at most 1024 bytes, which are over at character 1025");

    let nested = |depth: usize| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
    assert!(holds(&nested(EXPRESSION_MAX_DEPTH), &device(&["a"])));
    let message = "expected at most 32 nested ( and !, and this one is more at character 33";
    assert_eq!(refusal(&nested(EXPRESSION_MAX_DEPTH + 1)), message);
    assert_eq!(refusal(&format!("{}a", "!".repeat(33))), message);
    // Depth is what is around a word, not how often it is deep.
    assert!(holds(&["!(!a)"; 20].join(" && "), &device(&["a"])));
}
