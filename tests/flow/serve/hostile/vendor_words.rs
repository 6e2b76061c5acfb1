//! Receipts as each vendor writes them, from its documents.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};

/// Vendors that send receipts.
pub(super) const TELLING: [&str; 6] = ["huawei", "honor", "xiaomi", "oppo", "vivo", "meizu"];

const CALLBACK_USER: &str = "the-user";
const CALLBACK_SECRET: &str = "the-callback-secret";
const CALLBACK_TOKEN: &str = "the-callback-token";

/// What an operator uploads.
pub(super) fn upload(channel: &str) -> Value {
    match channel {
        "huawei" => json!({
            "app_id": "101300999", "client_id": "101300999", "client_secret": "hw-secret", "api": "v1",
            "callback_user": CALLBACK_USER, "callback_secret": CALLBACK_SECRET,
        }),
        "honor" => json!({ "app_id": "104436234", "client_id": "honor-client", "client_secret": "honor-secret" }),
        "xiaomi" => json!({ "app_secret": "xmsecret", "package": "com.example.demo" }),
        "oppo" => json!({ "app_key": "oppo-app-key", "master_secret": "oppo-master-secret" }),
        "vivo" => json!({ "app_id": "10004", "app_key": "vivo-app-key", "app_secret": "vivo-app-secret" }),
        "meizu" => {
            json!({ "app_id": "10000", "app_secret": "meizu-app-secret", "callback_access_token": CALLBACK_TOKEN })
        }
        other => panic!("{other} sends no receipts"),
    }
}

/// A receipt as it goes over the wire.
#[derive(Clone, Debug)]
pub(super) struct Receipt {
    /// With `\r\n` after each.
    pub(super) headers: String,
    pub(super) body: String,
}

/// The vendor brought this message to this token. `message` = its id without hyphens.
pub(super) fn delivered(channel: &str, message: &str, token: &str) -> Receipt {
    let at = Timestamp::now().as_millisecond();
    let body = match channel {
        "huawei" => json!({ "statuses": [{
            "biTag": message, "token": token, "deliveryStatus": { "result": 0, "timestamp": at }, "requestId": "r1",
        }]})
        .to_string(),
        "honor" => json!({ "statuses": [{
            "biTag": message, "token": token, "status": "40000002", "timestamp": at, "requestId": "r1",
        }]})
        .to_string(),
        "xiaomi" => form("data", &json!({ "v1": { "param": message, "type": 1, "targets": token, "timestamp": at } })),
        "oppo" => json!([{
            "messageId": "m1", "taskId": "", "registrationIds": token, "eventTime": at.to_string(), "param": message,
            "eventType": "push_arrive",
        }])
        .to_string(),
        "vivo" => json!({ "t1": { "param": message, "targets": token, "ackTime": at.to_string(), "ackType": "0" } })
            .to_string(),
        "meizu" => of_meizu(&json!({ "m1-1": { "param": message, "type": "1", "targets": [token] } })),
        other => panic!("{other} sends no receipts"),
    };
    Receipt { headers: signature(channel, CALLBACK_SECRET, at), body }
}

/// A person opened it, as Xiaomi tells.
pub(super) fn opened_at_xiaomi(message: &str, token: &str) -> Receipt {
    let body = form("data", &json!({ "v1": { "param": message, "type": 2, "targets": token } }));
    Receipt { headers: String::new(), body }
}

/// The same receipt by somebody who does not have the secret; none where this vendor signs nothing.
pub(super) fn forged(channel: &str, receipt: &Receipt) -> Vec<Receipt> {
    let now = Timestamp::now().as_millisecond();
    let with = |headers: String| Receipt { headers, ..receipt.clone() };
    match channel {
        // Unsigned, signed with another secret, and with the right one a day ago.
        "huawei" => vec![
            with(String::new()),
            with(signature(channel, "another-secret", now)),
            with(signature(channel, CALLBACK_SECRET, now - 86_400_000)),
        ],
        "meizu" => ["", "&access_token=another"]
            .map(|token| {
                let unsigned = receipt.body.split("&access_token").next().unwrap();
                Receipt { body: format!("{unsigned}{token}"), ..receipt.clone() }
            })
            .into(),
        _ => Vec::new(),
    }
}

/// What this vendor would never send; each with whatever proves the sender.
pub(super) fn malformed(channel: &str) -> Vec<Receipt> {
    let deep_json = [("[", "]"), ("{\"a\":", "}")].map(|(open, close)| {
        // Three bytes for most characters in a form, and a megabyte is the most.
        let depth = 20_000;
        format!("{}1{}", open.repeat(depth), close.repeat(depth))
    });
    let texts = [String::new(), "{".to_owned(), "\0\u{7f}".to_owned(), "7".to_owned()].into_iter().chain(deep_json);
    let headers = signature(channel, CALLBACK_SECRET, Timestamp::now().as_millisecond());
    let body = |text: String| match channel {
        "xiaomi" => form_of_text("data", &text),
        "meizu" => format!("{}&access_token={CALLBACK_TOKEN}", form_of_text("cb", &text)),
        _ => text,
    };
    texts.map(|text| Receipt { headers: headers.clone(), body: body(text) }).collect()
}

/// Huawei's signature covers the moment and not the body; Meizu's token stands in the body, and the others prove nothing.
fn signature(channel: &str, secret: &str, at: i64) -> String {
    if channel != "huawei" {
        return String::new();
    }
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, format!("{at}nonce{CALLBACK_USER}").as_bytes());
    format!("x-huawei-callback-id: timestamp={at}; nonce=nonce; value={}\r\n", STANDARD.encode(tag))
}

fn of_meizu(messages: &Value) -> String {
    format!("{}&access_token={CALLBACK_TOKEN}", form("cb", messages))
}

fn form(name: &str, value: &Value) -> String {
    form_of_text(name, &value.to_string())
}

fn form_of_text(name: &str, text: &str) -> String {
    form_urlencoded::Serializer::new(String::new()).append_pair(name, text).finish()
}
