//! A credential at vendors that take it, refuse it, or are out of order.

use std::future::Future;
use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use homing_domain::Channel;
use serde_json::{Value, json};

use super::*;
use crate::operate::CarryError;
use crate::scripted::NOW;
use crate::throwaway_keys::{p256, rsa};
use crate::{Credential, Origins, Request, Response, vendor};

/// Gives these answers, one after the other, and keeps what was asked.
struct Answering {
    answers: Mutex<Vec<Option<(u16, Value)>>>,
    asked: Mutex<Vec<Request>>,
}

impl Carrier for Answering {
    async fn carry(&self, request: Request) -> Result<Response, CarryError> {
        self.asked.lock().unwrap().push(request);
        match self.answers.lock().unwrap().remove(0) {
            Some((status, body)) => {
                Ok(http::Response::builder().status(status).body(Bytes::from(body.to_string())).unwrap())
            }
            None => Err(CarryError::Unknown("it hangs".into())),
        }
    }
}

/// Nothing here waits.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits"),
    }
}

/// What the check says, and the bodies of what was asked.
fn checked(channel: Channel, answers: Vec<Option<(u16, Value)>>) -> (Result<Checked, CheckError>, Vec<String>) {
    let vendor = vendor(channel).unwrap();
    let credential = vendor.read_credential(&upload(channel), NOW).unwrap();
    let result = of(&credential, answers);
    (result.0, result.1)
}

fn of(credential: &Credential, answers: Vec<Option<(u16, Value)>>) -> (Result<Checked, CheckError>, Vec<String>) {
    let origins = Origins::production();
    let around =
        Surroundings { credential, access: None, origins: &origins, now: NOW, callback_url: None, random: [7; 64] };
    let carrier = Answering { answers: Mutex::new(answers), asked: Mutex::default() };
    let result = at_once(check(vendor(credential.channel()).unwrap(), &around, &carrier, || NOW));
    assert!(carrier.answers.lock().unwrap().is_empty(), "{result:?}: something was not asked");
    let asked = carrier.asked.into_inner().unwrap();
    let body = |request: Request| format!("{} {}", request.http.uri(), String::from_utf8_lossy(request.http.body()));
    (result, asked.into_iter().map(body).collect())
}

fn upload(channel: Channel) -> Value {
    match channel {
        Channel::Apns => json!({
            "team_id": "TEAM123456", "key_id": "KEY1234567", "bundle_id": "com.example", "key": p256().0,
            "environment": "production",
        }),
        Channel::Huawei => json!({
            "project_id": "p1", "service_account": {"key_id": "k", "sub_account": "s", "private_key": rsa().0},
        }),
        Channel::Honor => json!({"app_id": "1", "client_id": "2", "client_secret": "hunter2"}),
        Channel::Xiaomi => json!({"app_secret": "hunter2", "package": "com.example"}),
        Channel::Meizu => json!({"app_id": "1", "app_secret": "hunter2"}),
        other => panic!("no test has one of {other}"),
    }
}

fn refused(code: &str) -> Result<Checked, CheckError> {
    Err(CheckError::Refused(code.to_owned()))
}

#[test]
fn a_vendor_that_gives_access_is_asked_for_it() {
    let token = json!({"access_token": "t", "expires_in": 3600});
    let (result, asked) = checked(Channel::Honor, vec![Some((200, token))]);
    assert_eq!((result, asked.len()), (Ok(Checked::Access), 1));
    let (result, _) = checked(Channel::Honor, vec![Some((401, json!({"error": "invalid_client"})))]);
    assert_eq!(result, refused("invalid_client"));
    for answer in [None, Some((503, json!({})))] {
        let (result, _) = checked(Channel::Honor, vec![answer]);
        assert!(matches!(result, Err(CheckError::Unanswered(_))), "{result:?}");
    }
}

#[test]
fn a_vendor_that_gives_none_is_asked_to_bring_something_to_nobody() {
    for (channel, status, body, expected) in [
        (Channel::Apns, 400, json!({"reason": "BadDeviceToken"}), Ok(Checked::Answer)),
        (Channel::Apns, 403, json!({"reason": "InvalidProviderToken"}), refused("InvalidProviderToken")),
        (Channel::Apns, 400, json!({"reason": "TopicDisallowed"}), refused("TopicDisallowed")),
        (Channel::Huawei, 200, json!({"code": "80300007", "msg": "{}"}), Ok(Checked::Answer)),
        (Channel::Huawei, 404, json!({}), refused("404")),
        (Channel::Xiaomi, 200, json!({"code": 66007}), Ok(Checked::Answer)),
        (Channel::Xiaomi, 200, json!({"code": 200_001}), Ok(Checked::Answer)),
        (Channel::Xiaomi, 200, json!({"code": 21301}), refused("21301")),
        (Channel::Xiaomi, 200, json!({"code": 27001}), refused("27001")),
        (Channel::Meizu, 200, json!({"code": "200", "value": {"110003": ["nobody"]}}), Ok(Checked::Answer)),
        (Channel::Meizu, 200, json!({"code": "1006"}), refused("1006")),
    ] {
        let (result, asked) = checked(channel, vec![Some((status, body.clone()))]);
        assert_eq!(result, expected, "{channel} {body}");
        assert_eq!(asked.len(), 1, "{channel} {body}");
        let said = &asked[0];
        assert!(said.contains("nobody") || said.starts_with("https://api.push.apple.com:443/3/device/0 "), "{said}");
    }
    for (channel, answer) in [(Channel::Apns, Some((503, json!({})))), (Channel::Xiaomi, None)] {
        let (result, _) = checked(channel, vec![answer]);
        assert!(matches!(result, Err(CheckError::Unanswered(_))), "{channel} {result:?}");
    }
}

#[test]
fn what_access_does_not_say_the_app_at_the_vendor_does() {
    let upload = json!({"app_id": "1", "client_id": "2", "client_secret": "hunter2"});
    let credential = vendor(Channel::Huawei).unwrap().read_credential(&upload, NOW).unwrap();
    let token = || Some((200, json!({"access_token": "t", "expires_in": 3600})));
    let (result, asked) = of(&credential, vec![token(), Some((200, json!({"code": "80300002", "msg": "no right"})))]);
    assert_eq!((result, asked.len()), (refused("80300002"), 2));
    // Access was given, and that is known even if the rest cannot be.
    for answer in [None, Some((503, json!({})))] {
        assert_eq!(of(&credential, vec![token(), answer]).0, Ok(Checked::Access));
    }
}

#[test]
fn where_nobody_can_be_asked_nobody_is() {
    let upload = json!({"subject": "mailto:ops@shop.example", "private_key": p256().0});
    let credential = vendor(Channel::WebPush).unwrap().read_credential(&upload, NOW).unwrap();
    assert_eq!(of(&credential, Vec::new()), (Ok(Checked::Parsed), Vec::new()));
}

#[test]
fn a_code_is_one_line() {
    assert_eq!(shown("a\r\nb"), "a  b");
}
