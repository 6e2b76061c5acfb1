//! Whom a message is for, what it brings, how, and what devices want to be spared.

use super::{By, Case, at, case, push};

/// A push to everyone with this beside it.
fn with(rest: &str) -> String {
    format!(r#"{{"audience":{{"all":true}},{rest}}}"#)
}

fn to(audience: &str) -> String {
    format!(r#"{{"audience":{audience},"data":{{}}}}"#)
}

pub(super) fn audiences() -> Vec<Case> {
    let expression = |text: &str| to(&format!(r#"{{"expression":"{text}"}}"#));
    let wrong = || at("invalid_expression", "/audience/expression");
    let except = |exclude: &str| to(&format!(r#"{{"all":true,"exclude":{exclude}}}"#));
    vec![
        push(&expression(""), wrong()),
        push(&expression("vip && "), wrong()),
        push(&expression("vip beijing"), wrong()),
        push(&expression("(vip"), wrong()),
        push(&expression("color == red"), wrong()),
        push(&expression("app_version >= new"), wrong()),
        push(&expression(&"(".repeat(33)), wrong()),
        push(&expression(&"a".repeat(1_025)), wrong()),
        push(&to(r#"{"expression":["vip"]}"#), at("invalid_type", "/audience/expression")),
        push(&to(r#"{"expression":"vip","all":true}"#), at("audience_ambiguous", "/audience")),
        push(&to(r#"{"audience_id":"a"}"#), at("invalid_audience", "/audience/audience_id")),
        push(&except("{}"), at("empty", "/audience/exclude")),
        push(&except(r#"{"all":true}"#), at("unknown_field", "/audience/exclude/all")),
        push(&except(r#"{"devices":["x"]}"#), at("invalid_device", "/audience/exclude/devices/0")),
        push(&except(r#"{"users":[]}"#), at("audience_empty", "/audience/exclude/users")),
        push(&except(r#"{"expression":"!"}"#), at("invalid_expression", "/audience/exclude/expression")),
        push(&except(r#"{"audience_id":"a"}"#), at("invalid_audience", "/audience/exclude/audience_id")),
        push(&to(r#"{"exclude":{"users":["u"]}}"#), at("audience_required", "/audience")),
    ]
}

pub(super) fn contents() -> Vec<Case> {
    let localized = |others: &str| with(&format!(r#""notification":{{"title":"t"}},"localizations":{others}"#));
    let through = |channels: &str| with(&format!(r#""notification":{{"title":"t"}},"channels":{channels}"#));
    let long = |count: usize| "x".repeat(count);
    let title = |channel: &str, count: usize| {
        with(&format!(r#""notification":{{"title":"{}"}},"channels":{{"{channel}":{{}}}}"#, "界".repeat(count)))
    };
    vec![
        push(&localized(r#"{"zh_CN":{"title":"x"}}"#), at("invalid_language", "/localizations/zh_CN")),
        push(
            &localized(r#"{"pt-BR":{"title":"x"},"pt-br":{"title":"y"}}"#),
            at("invalid_language", "/localizations/pt-br"),
        ),
        push(&localized(r#"{"de":{}}"#), at("empty", "/localizations/de")),
        push(&localized(r#"{"de":{"title":""}}"#), at("notification_empty", "/localizations/de")),
        push(&localized(r#"{"de":{"titel":"x"}}"#), at("unknown_field", "/localizations/de/titel")),
        push(&localized(r#"{"de":{"sound":""}}"#), at("empty", "/localizations/de/sound")),
        push(&localized(r#"[]"#), at("invalid_type", "/localizations")),
        push(
            &localized(&format!(r#"{{"de":{{"body":"{}"}}}}"#, long(4_096))),
            at("payload_too_large", "/localizations/de"),
        ),
        push(&with(r#""data":{},"localizations":{"de":{"title":"x"}}"#), at("content_required", "/notification")),
        push(&through(r#"{"pigeon":{}}"#), at("unknown_channel", "/channels/pigeon")),
        push(&through(r#"{"own":{}}"#), at("unknown_channel", "/channels/own")),
        push(&through(r#"{"apns":[]}"#), at("invalid_type", "/channels/apns")),
        push(&through(&format!(r#"{{"apns":{{"x":"{}"}}}}"#, long(4_096))), at("payload_too_large", "/channels/apns")),
        push(
            &through(&format!(r#"{{"webpush":{{"x":"{}"}}}}"#, long(3_993))),
            at("payload_too_large", "/channels/webpush"),
        ),
        push(&title("xiaomi", 50), at("too_long", "/notification/title")),
        push(&title("vivo", 21), at("too_long", "/notification/title")),
        push(
            &with(&format!(r#""data":{{"d":"{}"}},"channels":{{"vivo":{{}}}}"#, long(1_024))),
            at("payload_too_large", "/data"),
        ),
    ]
}

pub(super) fn options() -> Vec<Case> {
    let options = |options: &str| with(&format!(r#""data":{{}},"options":{options}"#));
    vec![
        push(&options(r#"{"rate_per_second":0}"#), at("out_of_range", "/options/rate_per_second")),
        push(&options(r#"{"rate_per_second":1000001}"#), at("out_of_range", "/options/rate_per_second")),
        push(&options(r#"{"rate_per_second":"9"}"#), at("invalid_type", "/options/rate_per_second")),
        push(&options(r#"{"topic":""}"#), at("empty", "/options/topic")),
        push(&options(&format!(r#"{{"topic":"{}"}}"#, "t".repeat(65))), at("too_long", "/options/topic")),
        push(&options(r#"{"quiet_hours":"later"}"#), at("invalid_value", "/options/quiet_hours")),
        push(&options(r#"{"sync_read":"yes"}"#), at("invalid_type", "/options/sync_read")),
        push(&options(r#"{"fallback_after_seconds":0}"#), at("out_of_range", "/options/fallback_after_seconds")),
        push(&options(r#"{"fallback_after_seconds":901}"#), at("out_of_range", "/options/fallback_after_seconds")),
        push(
            &options(r#"{"delivery":"own_only","fallback_after_seconds":5}"#),
            at("not_applicable", "/options/fallback_after_seconds"),
        ),
    ]
}

pub(super) fn registrations() -> Vec<Case> {
    let register = |body: &str, refusal| case(By::Client, "POST", "/v1/devices", body, refusal);
    vec![
        register(r#"{"platform":"ios","timezone":"Asia/Peking"}"#, at("unknown_timezone", "/timezone")),
        register(r#"{"platform":"ios","timezone":""}"#, at("empty", "/timezone")),
    ]
}
