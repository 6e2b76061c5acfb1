//! Bodies as the vendor's repositories and captures of its traffic show them.

use std::collections::BTreeMap;

use homing_domain::UnixMillis;
use serde_json::{Value, json};

use super::{Meizu, sign};
use crate::scripted::{NOW, Scripted, Sent, events, outcomes, shipped, to_tokens};
use crate::{CallbackError, Class, Click, Content, EncodeError, Operation, Push, Recipients};

const A: &str = "RA50c6348036344485d01776773577c64740465480a6b";
const B: &str = "J0476035d625e6c64567f71487e040e7d017f0558675b";
const C: &str = "S5Q4b726f7b466c797c584d54000503555c427160754b";
const ID: &str = "c2ee5c3bf00448cfbceb7fdf68c3c8eb";

fn meizu() -> Scripted<Meizu> {
    let upload = json!({
        "app_id": "10000", "app_secret": "meizu-app-secret", "callback_access_token": "meizu-callback-token",
    });
    Scripted::new(Meizu, &upload)
}

fn push(content: Content) -> Operation {
    Operation::Push(to_tokens(content, &[A, B, C]))
}

fn answer(code: &str, value: &Value) -> (u16, Value) {
    (200, json!({"code": code, "message": "", "value": value, "redirect": "", "msgId": ID}))
}

fn done() -> (u16, Value) {
    answer("200", &json!({}))
}

/// The form without its signature, which is right.
fn signed(sent: &Sent) -> BTreeMap<String, String> {
    let mut form = sent.form();
    let presented = form.remove("sign").unwrap();
    let fields: String = form.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(presented, sign::sign(&BTreeMap::new(), &format!("{fields}meizu-app-secret")));
    form
}

fn message(sent: &Sent) -> Value {
    serde_json::from_str(&signed(sent)["messageJson"]).unwrap()
}

#[test]
fn a_request_is_signed_as_in_the_vendors_example() {
    let message = r#"{"title":"title","content":"content","pushTimeInfo":{"offLine":1,"validTime":24}}"#;
    let pushed = "RA50c6348036344485d01776773577c64740465480a6b";
    let fields = BTreeMap::from([("appId", "10000"), ("messageJson", message), ("pushIds", pushed)]);
    assert_eq!(sign::sign(&fields, "<APP_SECRET>"), "ac076ff25d9900015a681cb5172aa53b");
}

#[test]
fn devices_are_named_in_one_request() {
    let (sent, answers) = meizu().walk(&push(shipped()), &[done()]);
    assert_eq!(sent[0].path, "/garcia/api/server/push/varnished/pushByPushId");
    let form = signed(&sent[0]);
    assert_eq!((&*form["appId"], &*form["pushIds"]), ("10000", &*[A, B, C].join(",")));
    let message = message(&sent[0]);
    assert_eq!(
        message["noticeBarInfo"],
        json!({"noticeBarType": 0, "title": "订单已发货", "content": "您的包裹已从北京仓出库"})
    );
    let parameters = json!({"orderId": "88017", "scene": "logistics", "homing_id": "m-7f3a9c2e01"});
    assert_eq!(message["clickTypeInfo"], json!({"clickType": 0, "parameters": parameters}));
    assert_eq!(message["pushTimeInfo"], json!({"offLine": 1, "validTime": 24}));
    let extra = json!({
        "callback": "https://push.example/callbacks/meizu", "callback.param": "m-7f3a9c2e01", "callback.type": "3",
    });
    assert_eq!(message["extra"], extra);
    assert_eq!((answers.class, &*answers.vendor_ids), (Class::Accepted, &[ID.to_owned()][..]));
    assert_eq!(outcomes(&answers), [(Class::Accepted, false); 3]);
}

#[test]
fn only_the_refused_stand_in_the_answer() {
    let each = |value: Value| meizu().walk(&push(shipped()), &[answer("200", &value)]).1;
    let answers = each(json!({"110002": [B], "110003": [C]}));
    assert_eq!((answers.class, &*answers.vendor_ids), (Class::Partial, &[ID.to_owned()][..]));
    assert_eq!(
        outcomes(&answers),
        [(Class::Accepted, false), (Class::InvalidToken, true), (Class::InvalidToken, true)]
    );
    let answers = each(json!({"519": [B], "110011": [C]}));
    assert_eq!(outcomes(&answers), [(Class::Accepted, false), (Class::Retry, false), (Class::Quota, false)]);
    for (code, class) in [
        ("201", Class::Retry),
        ("501", Class::Retry),
        ("513", Class::BadRequest),
        ("518", Class::RetryLater),
        ("520", Class::Dropped),
        ("110005", Class::InvalidToken),
        // Here it is the person's switch; of the whole it is the rate.
        ("110010", Class::InvalidToken),
        ("999", Class::BadRequest),
    ] {
        let answers = each(json!({code: [A, B, C, "another"]}));
        assert_eq!((answers.class, outcomes(&answers)), (class, vec![(class, false); 3]), "{code}");
    }
    let answers = each(json!({"110011": [A, B, C]}));
    assert_eq!((answers.class, outcomes(&answers)), (Class::Partial, vec![(Class::Quota, false); 3]));
    for nothing in [json!(""), json!(null), json!([]), json!({"110002": B})] {
        assert_eq!(each(nothing).class, Class::Accepted);
    }
}

#[test]
fn codes_of_the_whole_mean_what_the_vendor_says() {
    for (code, class) in [
        ("500", Class::Retry),
        ("1001", Class::Retry),
        ("1003", Class::Retry),
        ("1005", Class::BadRequest),
        ("1006", Class::AuthError),
        ("110000", Class::AuthError),
        ("110001", Class::AuthError),
        ("110009", Class::AuthError),
        ("110004", Class::BadRequest),
        ("110032", Class::BadRequest),
        ("110010", Class::RetryLater),
        ("110019", Class::Quota),
        ("110053", Class::Quota),
        ("999999", Class::BadRequest),
    ] {
        let (_, answers) = meizu().walk(&push(shipped()), &[answer(code, &json!(""))]);
        assert_eq!((answers.class, outcomes(&answers)), (class, vec![(class, false); 3]), "{code}");
        assert!(!answers.refresh_access);
        // Midnight in China is at 16:00.
        let not_before = (class == Class::Quota).then_some(UnixMillis(NOW.0 + 16 * 3_600_000));
        assert_eq!(answers.not_before, not_before, "{code}");
    }
    let (_, answers) = meizu().walk(&push(shipped()), &[(200, json!({"code": 1006}))]);
    assert_eq!(answers.class, Class::AuthError);
}

#[test]
fn aliases_are_names_and_not_tokens() {
    let to = Recipients::Aliases(vec!["u1".into(), "u2".into()]);
    let operation = Operation::Push(Push { to, ..to_tokens(shipped(), &[]) });
    let (sent, answers) = meizu().walk(&operation, &[answer("200", &json!({"110005": ["u2"]}))]);
    assert_eq!(sent[0].path, "/garcia/api/server/push/varnished/pushByAlias");
    assert_eq!(signed(&sent[0])["alias"], "u1,u2");
    assert_eq!(outcomes(&answers), [(Class::Accepted, false), (Class::InvalidToken, false)]);
}

#[test]
fn one_content_for_many_is_saved_and_then_pushed() {
    let operation = Operation::Push(Push { same_content: true, ..to_tokens(shipped(), &[A, B, C]) });
    let saved = answer("200", &json!({"taskId": 20457, "pushType": 0, "appId": 10000}));
    let (sent, answers) = meizu().walk(&operation, &[saved, done()]);
    assert_eq!(sent[0].path, "/garcia/api/server/push/pushTask/getTaskId");
    let form = signed(&sent[0]);
    assert_eq!((&*form["pushType"], form.contains_key("messageJson")), ("0", true));
    assert_eq!(sent[1].path, "/garcia/api/server/push/task/varnished/pushByPushId");
    let form = signed(&sent[1]);
    assert_eq!((&*form["taskId"], &*form["appId"], &*form["pushIds"]), ("20457", "10000", &*[A, B, C].join(",")));
    assert_eq!((answers.class, answers.task_id.as_deref()), (Class::Accepted, Some("20457")));
    assert_eq!(&*answers.vendor_ids, [ID.to_owned()]);
    let (_, answers) = meizu().walk(&operation, &[answer("110010", &json!(""))]);
    assert_eq!(outcomes(&answers), [(Class::RetryLater, false); 3]);
}

#[test]
fn silent_messages_go_the_other_way() {
    let (sent, answers) = meizu().walk(&push(Content { silent: true, ..shipped() }), &[answer("110053", &json!(""))]);
    assert_eq!(sent[0].path, "/garcia/api/server/push/unvarnished/pushByPushId");
    let content: Value = serde_json::from_str(message(&sent[0])["content"].as_str().unwrap()).unwrap();
    assert_eq!(content, json!({"orderId": "88017", "scene": "logistics", "homing_id": "m-7f3a9c2e01"}));
    assert_eq!(answers.class, Class::Quota);
}

#[test]
fn an_id_with_a_separator_names_nobody_else() {
    let (sent, answers) = meizu().walk(&Operation::Push(to_tokens(shipped(), &[A, "x,y", A])), &[done()]);
    assert_eq!(signed(&sent[0])["pushIds"], A);
    assert_eq!(outcomes(&answers), [(Class::Accepted, false), (Class::InvalidToken, true), (Class::Accepted, false)]);
    assert!(matches!(meizu().refuses(&Operation::Push(to_tokens(shipped(), &["x,y"]))), EncodeError::Refused(_)));
}

#[test]
fn a_click_and_what_the_business_wrote_reach_the_vendor() {
    let message = |content: Content| message(&meizu().walk(&push(content), &[done()]).0[0]);
    let url = message(Content { click: Click::Url("https://shop.example/sale".into()), ..shipped() });
    assert_eq!(
        (&url["clickTypeInfo"]["clickType"], &url["clickTypeInfo"]["url"]),
        (&json!(2), &json!("https://shop.example/sale"))
    );
    let overrides = json!({"advanceInfo": {"fixSpeed": 1}, "noticeExpandInfo": {"noticeExpandType": 1}});
    let written = message(Content { overrides: overrides.as_object().unwrap().clone(), ..shipped() });
    assert_eq!(
        (&written["advanceInfo"]["fixSpeed"], &written["advanceInfo"]["clearNoticeBar"]),
        (&json!(1), &json!(true))
    );
    assert_eq!(written["noticeExpandInfo"]["noticeExpandType"], 1);
    let time = |time_to_live: u64| message(Content { time_to_live, ..shipped() })["pushTimeInfo"].clone();
    assert_eq!(time(0), json!({"offLine": 0, "validTime": 1}));
    assert_eq!(time(3_600_001), json!({"offLine": 1, "validTime": 2}));
    assert_eq!(time(u64::MAX), json!({"offLine": 1, "validTime": 72}));
    let key = |key: &str| {
        message(Content { collapse_key: Some(key.into()), ..shipped() })["advanceInfo"]["notifyKey"].clone()
    };
    assert_eq!(key("sale"), "sale");
    assert_eq!((key("thread-551"), key("thread-551").as_str().unwrap().len()), (key("thread-551"), 8));
    assert_ne!(key("thread-551"), key("thread-552"));
}

#[test]
fn what_the_vendor_would_refuse_is_not_sent() {
    let fits = Content { title: Some("长".repeat(32)), body: Some("长".repeat(100)), ..shipped() };
    meizu().walk(&push(fits), &[done()]);
    for content in [
        Content { title: Some("长".repeat(33)), ..shipped() },
        Content { body: Some("长".repeat(101)), ..shipped() },
        Content { title: None, ..shipped() },
    ] {
        assert!(matches!(meizu().refuses(&push(content)), EncodeError::Refused(_)));
    }
    let many = vec![A; 101];
    assert!(matches!(meizu().refuses(&Operation::Push(to_tokens(shipped(), &many))), EncodeError::Misused(_)));
}

#[test]
fn receipts_name_devices_and_what_happened() {
    let callback = |cb: &str, token: &str| {
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("cb", cb), ("access_token", token)])
            .finish();
        meizu().callback(form.as_bytes())
    };
    let id = "NS20190313171303747_0_11579902_1_3";
    let cb = json!({
        format!("{id}-1"): {"param": "m-7f3a9c2e01", "type": 1, "targets": [A, C]},
        format!("{id}-2"): {"param": "m-7f3a9c2e01", "type": 2, "targets": [A]},
        format!("{id}-9"): {"param": "m-7f3a9c2e01", "type": 9, "targets": [A]},
    });
    let event = |token: &str, kind, reason: &str| {
        (Some("m-7f3a9c2e01".to_owned()), Some(id.to_owned()), token.to_owned(), kind, None, reason.to_owned())
    };
    let read = events(callback(&cb.to_string(), "meizu-callback-token").unwrap());
    assert_eq!(read, [event(A, "delivered", "1"), event(A, "opened", "2"), event(C, "delivered", "1")]);
    let empty = json!({format!("{id}-1"): {"param": "", "type": 1, "targets": [C]}}).to_string();
    let read = events(callback(&empty, "meizu-callback-token").unwrap());
    assert_eq!((read.len(), &read[0].0, &read[0].1), (1, &None, &Some(id.to_owned())));
    for wrong in ["", "meizu-callback-toke", "meizu-callback-token2"] {
        assert_eq!(callback(&empty, wrong), Err(CallbackError::Unauthorized));
    }
    assert_eq!(meizu().callback(b"cb={}"), Err(CallbackError::Unauthorized));
    assert!(matches!(callback("[]", "meizu-callback-token"), Err(CallbackError::Malformed(_))));
    let open = Scripted::new(Meizu, &json!({"app_id": 10000, "app_secret": "s"}));
    assert_eq!(open.callback(b"cb={}"), Ok(Vec::new()));
}

#[test]
fn a_secret_is_never_shown() {
    let credential = meizu().credential;
    let shown = format!("{credential:?}");
    assert!(!shown.contains("meizu-app-secret") && !shown.contains("meizu-callback-token"), "{shown}");
    assert_eq!(credential.summary().public, [("app_id", "10000".to_owned())]);
}
