//! Bodies as the vendor's pages and captures of its traffic show them.

use homing_domain::UnixMillis;
use serde_json::{Value, json};

use super::{Oppo, access};
use crate::scripted::{NOW, Scripted, events, outcomes, shipped, to_tokens};
use crate::{Class, Click, Content, EncodeError, Operation, Push, Recipients};

const A: &str = "CN_b6bbd94b59cdb5df8391642c1509b7fe";
const B: &str = "CN_2617084a1d8acf5800873480b4528a5b";
const C: &str = "OPPO_CN_72b8c9365b8ce837072dddc3dae2a90e";

fn oppo() -> Scripted<Oppo> {
    Scripted::new(Oppo, &json!({"app_key": "oppo-app-key", "master_secret": "oppo-master-secret"}))
}

fn push(tokens: &[&str]) -> Operation {
    Operation::Push(to_tokens(shipped(), tokens))
}

#[test]
fn access_is_asked_for_with_a_signature_and_kept_by_the_tokens_birth() {
    let sign = access::sign("oppo-app-key", "1767225600000", "oppo-master-secret");
    assert_eq!(sign, "8aeb5d524084744dbb9d0940e4a8f63fe68ba105e671241a737311c9e9412626");
    let answer =
        |born: u64| json!({"code": 0, "message": "Success", "data": {"auth_token": "op-at-1", "create_time": born}});
    let (sent, access) = oppo().authorize(&answer(NOW.0));
    let form = sent.form();
    assert_eq!((&*sent.path, &*form["app_key"], &form["sign"]), ("/server/v1/auth", "oppo-app-key", &sign));
    let access = access.unwrap();
    assert_eq!((&**access.token, access.renew_at), ("op-at-1", UnixMillis(NOW.0 + 20 * 3_600_000)));
    let renew_after = |born: u64| oppo().authorize(&answer(born)).1.unwrap().renew_at.0 - NOW.0;
    // The same token as 19 hours ago, and as 23; a clock that is ahead, and one that is a day behind.
    assert_eq!(renew_after(NOW.0 - 19 * 3_600_000), 3_600_000);
    assert_eq!(renew_after(NOW.0 - 23 * 3_600_000), 600_000);
    assert_eq!(renew_after(NOW.0 + 5_000), 20 * 3_600_000);
    assert_eq!(renew_after(NOW.0 - 24 * 3_600_000), 20 * 3_600_000);
    for (answer, class) in [
        (json!({"code": 16, "message": "Invalid Signature"}), Class::AuthError),
        (json!({"code": 11}), Class::AuthError),
        (json!({"code": -1}), Class::Retry),
        (json!({"code": 0, "data": {}}), Class::Retry),
    ] {
        let answers = oppo().authorize(&answer).1.unwrap_err();
        assert_eq!((answers.class, answers.refresh_access), (class, false), "{answer}");
    }
}

#[test]
fn one_device_has_a_unicast() {
    let answer = json!({"code": 0, "message": "Success", "data": {"messageId": "5c89f5d30980ff58c6ff9914"}});
    let (sent, answers) = oppo().walk(&push(&[A]), &[(200, answer)]);
    assert_eq!(sent[0].path, "/server/v1/message/notification/unicast");
    let form = sent[0].form();
    assert_eq!(form["auth_token"], "at-1");
    let message: Value = serde_json::from_str(&form["message"]).unwrap();
    assert_eq!((&message["target_type"], &message["target_value"]), (&json!(2), &json!(A)));
    let notification = &message["notification"];
    assert_eq!(notification["title"], "订单已发货");
    assert_eq!(notification["content"], "您的包裹已从北京仓出库");
    assert_eq!((&notification["off_line"], &notification["off_line_ttl"]), (&json!(true), &json!(86_400)));
    assert_eq!(notification["call_back_url"], "https://push.example/callbacks/oppo");
    assert_eq!(notification["call_back_parameter"], "m-7f3a9c2e01");
    let parameters: Value = serde_json::from_str(notification["action_parameters"].as_str().unwrap()).unwrap();
    assert_eq!(parameters, json!({"orderId": "88017", "scene": "logistics", "homing_id": "m-7f3a9c2e01"}));
    assert_eq!((answers.class, &*answers.vendor_ids), (Class::Accepted, &["5c89f5d30980ff58c6ff9914".to_owned()][..]));
    assert_eq!(outcomes(&answers), [(Class::Accepted, false)]);
}

#[test]
fn codes_of_one_device_mean_what_the_vendor_says() {
    for (code, class, cleans) in [
        (-1, Class::Retry, false),
        (-2, Class::RetryLater, false),
        (13, Class::RetryLater, false),
        (55, Class::RetryLater, false),
        (11, Class::AuthError, false),
        (14, Class::AuthError, false),
        (30, Class::AuthError, false),
        (59, Class::AuthError, false),
        (33, Class::Quota, false),
        (34, Class::Quota, false),
        (42, Class::Quota, false),
        (32, Class::BadRequest, false),
        (41, Class::BadRequest, false),
        (10000, Class::InvalidToken, true),
        (10001, Class::InvalidToken, false),
        (10002, Class::BadRequest, false),
        (10004, Class::Accepted, false),
        (10005, Class::Accepted, false),
        (99999, Class::BadRequest, false),
    ] {
        let (_, answers) = oppo().walk(&push(&[A]), &[(200, json!({"code": code, "message": "…"}))]);
        assert_eq!((answers.class, outcomes(&answers)), (class, vec![(class, cleans)]), "{code}");
        assert_eq!((answers.refresh_access, &*answers.code), (code == 11, &*code.to_string()));
        // Midnight in China is at 16:00.
        let not_before = (class == Class::Quota).then_some(UnixMillis(NOW.0 + 16 * 3_600_000));
        assert_eq!(answers.not_before, not_before, "{code}");
    }
    let (_, answers) = oppo().walk(&push(&[A]), &[(502, json!({}))]);
    assert_eq!(answers.class, Class::Retry);
}

#[test]
fn an_id_of_another_region_is_not_forgotten() {
    let elsewhere = "OPPO_IN_72b8c9365b8ce837";
    let (_, answers) = oppo().walk(&push(&[elsewhere]), &[(200, json!({"code": 10000}))]);
    assert_eq!(outcomes(&answers), [(Class::InvalidToken, false)]);
    let upload = json!({"app_key": "k", "master_secret": "s", "region": "international"});
    let (_, answers) = Scripted::new(Oppo, &upload).walk(&push(&[elsewhere]), &[(200, json!({"code": 10000}))]);
    assert_eq!(outcomes(&answers), [(Class::InvalidToken, true)]);
}

#[test]
fn several_devices_have_a_batch_and_each_its_own_code() {
    let data = json!([
        {"messageId": "1", "registrationId": A},
        {"messageId": "2", "registrationId": B, "errorCode": 10000, "errorMessage": "…"},
        {"messageId": "3", "registrationId": C, "errorCode": "10004"},
    ]);
    let (sent, answers) = oppo().walk(&push(&[A, B, C, "missing"]), &[(200, json!({"code": 0, "data": data}))]);
    assert_eq!(sent[0].path, "/server/v1/message/notification/unicast_batch");
    let messages: Vec<Value> = serde_json::from_str(&sent[0].form()["messages"]).unwrap();
    let ids: std::collections::BTreeSet<_> =
        messages.iter().map(|message| message["notification"]["app_message_id"].as_str().unwrap()).collect();
    assert_eq!((messages.len(), ids.len()), (4, 4), "a repeat is dropped by its id, so each device has its own");
    assert!(ids.iter().all(|id| id.starts_with("r-1-")));
    // The one that is left over is asked alone the next time, and is still known by its id.
    let (alone, _) = oppo().walk(&push(&[B]), &[(200, json!({"code": 0}))]);
    let alone: Value = serde_json::from_str(&alone[0].form()["message"]).unwrap();
    assert_eq!(alone["notification"]["app_message_id"], messages[1]["notification"]["app_message_id"]);
    assert_eq!((answers.class, answers.vendor_ids.len()), (Class::Partial, 1));
    let each = [(Class::Accepted, false), (Class::InvalidToken, true), (Class::Accepted, false), (Class::Retry, false)];
    assert_eq!(outcomes(&answers), each);
    // A code of the whole that is about one id does not say which.
    let (_, answers) = oppo().walk(&push(&[A, B]), &[(200, json!({"code": 10000}))]);
    assert_eq!(outcomes(&answers), [(Class::BadRequest, false); 2]);
}

#[test]
fn one_content_for_many_is_saved_and_then_broadcast() {
    let push = Operation::Push(Push { same_content: true, ..to_tokens(shipped(), &[A, B, C]) });
    let saved = json!({"code": 0, "message": "Success", "data": {"message_id": "bm1"}});
    let data = json!({"message_id": "bm1", "task_id": "bt1", "10000": [B]});
    let (sent, answers) = oppo().walk(&push, &[(200, saved), (200, json!({"code": 0, "data": data}))]);
    assert_eq!(sent[0].path, "/server/v1/message/notification/save_message_content");
    let form = sent[0].form();
    assert_eq!(
        (&*form["title"], &*form["call_back_parameter"], &*form["off_line"]),
        ("订单已发货", "m-7f3a9c2e01", "true")
    );
    assert_eq!(form["auth_token"], "at-1");
    assert_eq!(sent[1].path, "/server/v1/message/notification/broadcast");
    let form = sent[1].form();
    assert_eq!((&*form["message_id"], &*form["target_type"]), ("bm1", "2"));
    assert_eq!((&*form["auth_token"], &*form["target_value"]), ("at-1", &*[A, B, C].join(";")));
    assert_eq!(
        (answers.class, answers.task_id.as_deref(), &*answers.vendor_ids),
        (Class::Partial, Some("bt1"), &["bm1".to_owned()][..])
    );
    assert_eq!(outcomes(&answers), [(Class::Accepted, false), (Class::InvalidToken, true), (Class::Accepted, false)]);
    let (_, answers) = oppo().walk(&push, &[(200, json!({"code": 42}))]);
    assert_eq!(outcomes(&answers), [(Class::Quota, false); 3]);
}

#[test]
fn an_id_with_a_separator_names_nobody_else() {
    let push = Operation::Push(Push { same_content: true, ..to_tokens(shipped(), &[A, "x;CN_1", C]) });
    let saved = json!({"code": 0, "data": {"message_id": "bm1"}});
    let (sent, answers) = oppo().walk(&push, &[(200, saved), (200, json!({"code": 0, "data": {}}))]);
    assert_eq!(sent[1].form()["target_value"], format!("{A};{C}"));
    assert_eq!(outcomes(&answers), [(Class::Accepted, false), (Class::InvalidToken, true), (Class::Accepted, false)]);
}

#[test]
fn a_click_and_what_the_business_wrote_reach_the_vendor() {
    let notification = |content: Content| {
        let (sent, _) = oppo().walk(&Operation::Push(to_tokens(content, &[A])), &[(200, json!({"code": 0}))]);
        serde_json::from_str::<Value>(&sent[0].form()["message"]).unwrap()["notification"].clone()
    };
    let url = notification(Content { click: Click::Url("https://shop.example/sale".into()), ..shipped() });
    assert_eq!((&url["click_action_type"], &url["click_action_url"]), (&json!(2), &json!("https://shop.example/sale")));
    let intent = notification(Content { click: Click::Intent("intent://thread/551#Intent;end".into()), ..shipped() });
    assert_eq!(intent["click_action_type"], 5);
    let overrides = json!({"channel_id": "orders", "title": "别的", "click_action_type": 1});
    let written = notification(Content { overrides: overrides.as_object().unwrap().clone(), ..shipped() });
    assert_eq!(
        (&written["channel_id"], &written["title"], &written["click_action_type"]),
        (&json!("orders"), &json!("别的"), &json!(1))
    );
    let now_or_never = notification(Content { time_to_live: 0, ..shipped() });
    assert_eq!((&now_or_never["off_line"], now_or_never.get("off_line_ttl")), (&json!(false), None));
    let long = notification(Content { time_to_live: u64::MAX, ..shipped() });
    assert_eq!(long["off_line_ttl"], 864_000);
    let of_key = |key: &str| notification(Content { collapse_key: Some(key.into()), ..shipped() })["notify_id"].clone();
    assert_eq!(of_key("thread-551"), of_key("thread-551"));
    assert_ne!(of_key("thread-551"), of_key("thread-552"));
}

#[test]
fn what_the_vendor_would_refuse_is_not_sent() {
    let refuses = |content: Content| oppo().refuses(&Operation::Push(to_tokens(content, &[A])));
    let fits = Content { title: Some("长".repeat(50)), body: Some("长".repeat(200)), ..shipped() };
    oppo().walk(&Operation::Push(to_tokens(fits, &[A])), &[(200, json!({"code": 0}))]);
    for content in [
        Content { title: Some("长".repeat(51)), ..shipped() },
        Content { body: Some("长".repeat(201)), ..shipped() },
        Content { title: None, ..shipped() },
        Content { body: Some(String::new()), ..shipped() },
        Content { click: Click::Url(format!("https://a.example/{}", "x".repeat(2_000))), ..shipped() },
        Content { data: json!({"x": "y".repeat(4_096)}).as_object().unwrap().clone(), ..shipped() },
    ] {
        assert!(matches!(refuses(content), EncodeError::Refused(_)));
    }
    assert_eq!(refuses(Content { silent: true, ..shipped() }), EncodeError::Unsupported("silent messages"));
    let everyone = Push { to: Recipients::Everyone, ..to_tokens(shipped(), &[]) };
    assert!(matches!(oppo().refuses(&Operation::Push(everyone)), EncodeError::Unsupported(_)));
    // A URL that is too long costs the receipts, not the message.
    let long = Scripted { callback_url: format!("https://push.example/{}", "x".repeat(200)), ..oppo() };
    let (sent, _) = long.walk(&push(&[A]), &[(200, json!({"code": 0}))]);
    assert!(!sent[0].form()["message"].contains("call_back"));
}

#[test]
fn dead_ids_are_pulled() {
    let answer = json!({"code": 0, "message": "Success", "data": {"registration_ids": [B], "totalCount": 1}});
    let (sent, answers) = oppo().walk(&Operation::FetchDeadTokens, &[(200, answer)]);
    assert_eq!(sent[0].path, "/server/v1/feedback/fetch_invalid_regidList?auth_token=at-1");
    assert_eq!((answers.class, &*answers.dead_tokens), (Class::Accepted, &[B.to_owned()][..]));
    let (_, answers) = oppo().walk(&Operation::FetchDeadTokens, &[(200, json!({"code": 11}))]);
    assert_eq!((answers.class, answers.refresh_access), (Class::AuthError, true));
}

#[test]
fn receipts_name_devices_and_what_happened() {
    let arrived = json!([{
        "messageId": "bm1", "appId": "3000604", "taskId": "bt1", "registrationIds": format!("{A},{C}"),
        "eventTime": "1767225600500", "param": "m-7f3a9c2e01", "eventType": "push_arrive",
    }]);
    let old = json!([{"registrationIds": A, "messageId": "5c89", "taskId": "0000", "eventType": "push_arrive", "appId": "1"}]);
    let other = |id: &str, event: &str| json!({"messageId": "a", "registrationIds": id, "eventTime": 1_767_225_600_500_u64, "param": "m", "eventType": event});
    let read = |body: &Value| events(oppo().callback(body.to_string().as_bytes()).unwrap());
    let at = Some(1_767_225_600_500);
    let (id, vendor_id, reason) = (Some("m-7f3a9c2e01".to_owned()), Some("bm1".to_owned()), "push_arrive".to_owned());
    assert_eq!(
        read(&arrived),
        [
            (id.clone(), vendor_id.clone(), A.to_owned(), "delivered", at, reason.clone()),
            (id, vendor_id, C.to_owned(), "delivered", at, reason.clone()),
        ]
    );
    assert_eq!(read(&old), [(None, Some("5c89".to_owned()), A.to_owned(), "delivered", None, reason)]);
    let kinds: Vec<_> = read(&json!([
        other("a", "regid_invalid"),
        other("b", "user_daily_limit"),
        other("c", "message_night_control"),
        other("d", "something_new"),
    ]))
    .into_iter()
    .map(|event| (event.3, event.5))
    .collect();
    let expected = [
        ("invalid_token", "regid_invalid"),
        ("dropped", "user_daily_limit"),
        ("dropped", "message_night_control"),
        ("dropped", "something_new"),
    ];
    assert_eq!(kinds, expected.map(|(kind, reason)| (kind, reason.to_owned())));
    assert!(oppo().callback(b"{}").is_err());
    assert_eq!(oppo().callback(b"[1, {}, null]").unwrap(), []);
}

#[test]
fn an_upload_is_checked_and_its_secret_never_shown() {
    let credential = oppo().credential;
    assert!(!format!("{credential:?}").contains("master-secret"));
    assert_eq!(credential.summary().kind, "app_secret");
    let public = [("app_key", "oppo-app-key".to_owned()), ("region", "china".to_owned())];
    assert_eq!(credential.summary().public, public);
    let read = |upload: Value| super::Credential::read(&upload).unwrap_err();
    assert_eq!(read(json!({"app_key": "k"})).field, "/master_secret");
    assert_eq!(read(json!({"app_key": "k", "master_secret": "s", "region": "mars"})).field, "/region");
}
