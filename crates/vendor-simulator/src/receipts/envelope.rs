//! Receipts in each vendor's own envelope.

use std::collections::BTreeMap;

use homing_domain::Channel;
use serde_json::{Map, Value, json};

use super::{Kind, Receipt};
use crate::actor::CallbackSetting;
use crate::signature::hmac_sha256_base64;

/// A callback as it is posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Envelope {
    pub(super) content_type: &'static str,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
}

/// Puts receipts of one vendor, URL and kind into its envelope.
pub(super) fn envelope(batch: &[Receipt], setting: &CallbackSetting, now: u64) -> Envelope {
    match batch.first().map(|receipt| receipt.channel) {
        Some(Channel::Huawei) => huawei(batch, setting, now),
        Some(Channel::Honor) => as_json(&honor(batch)),
        Some(Channel::Xiaomi) => as_form(&[("data", &xiaomi(batch).to_string())]),
        Some(Channel::Oppo) => as_json(&oppo(batch)),
        Some(Channel::Vivo) => as_json(&vivo(batch)),
        Some(Channel::Meizu) => as_form(&[("cb", &meizu(batch).to_string()), ("access_token", &setting.access_token)]),
        _ => as_json(&Value::Null),
    }
}

fn as_json(body: &Value) -> Envelope {
    Envelope { content_type: "application/json", headers: Vec::new(), body: body.to_string() }
}

fn as_form(fields: &[(&str, &str)]) -> Envelope {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    Envelope { content_type: "application/x-www-form-urlencoded", headers: Vec::new(), body }
}

/// Tokens of each of the vendor's ids, with one receipt of them.
fn by_vendor_id(batch: &[Receipt]) -> BTreeMap<&str, (&Receipt, Vec<&str>)> {
    let mut grouped: BTreeMap<&str, (&Receipt, Vec<&str>)> = BTreeMap::new();
    for receipt in batch {
        grouped.entry(&receipt.vendor_id).or_insert_with(|| (receipt, Vec::new())).1.push(&receipt.token);
    }
    grouped
}

fn huawei(batch: &[Receipt], setting: &CallbackSetting, now: u64) -> Envelope {
    let status = |receipt: &Receipt| {
        let code = if receipt.kind == Kind::InvalidToken { 5 } else { 0 };
        json!({
            "appid": "simulated", "token": receipt.token, "biTag": receipt.message, "status": code,
            "timestamp": receipt.at, "requestId": receipt.vendor_id,
        })
    };
    let body = json!({ "statuses": batch.iter().map(status).collect::<Vec<_>>() });
    let mut envelope = as_json(&body);
    if let Some(secret) = &setting.secret {
        let nonce = format!("{:032x}", rand::random::<u128>());
        let value = hmac_sha256_base64(secret, &format!("{now}{nonce}{}", setting.user_name));
        envelope.headers.push(("x-huawei-callback-id", format!("timestamp={now}; nonce={nonce}; value={value}")));
    }
    envelope
}

fn honor(batch: &[Receipt]) -> Value {
    let status = |receipt: &Receipt| {
        let code = match receipt.kind {
            Kind::Delivered => 40_000_002,
            Kind::Opened => 40_000_007,
            Kind::InvalidToken => 40_000_004,
        };
        json!({
            "token": receipt.token, "biTag": receipt.message, "status": code, "timestamp": receipt.at,
            "appid": "simulated", "requestId": receipt.vendor_id,
        })
    };
    json!({ "statuses": batch.iter().map(status).collect::<Vec<_>>() })
}

fn xiaomi(batch: &[Receipt]) -> Value {
    let entry = |(id, (receipt, tokens)): (&str, (&Receipt, Vec<&str>))| {
        let kind = match receipt.kind {
            Kind::Delivered => 1,
            Kind::Opened => 2,
            Kind::InvalidToken => 16,
        };
        let value = json!({
            "param": receipt.message, "type": kind, "targets": tokens.join(","), "jobkey": "", "barStatus": "Enable",
            "timestamp": receipt.at,
        });
        (id.to_owned(), value)
    };
    by_vendor_id(batch).into_iter().map(entry).collect::<Map<_, _>>().into()
}

fn oppo(batch: &[Receipt]) -> Value {
    let entry = |(id, (receipt, tokens)): (&str, (&Receipt, Vec<&str>))| {
        let kind = if receipt.kind == Kind::InvalidToken { "regid_invalid" } else { "push_arrive" };
        json!({
            "messageId": id, "appId": "simulated", "taskId": "0000", "registrationIds": tokens.join(","),
            "eventTime": receipt.at.to_string(), "param": receipt.message, "eventType": kind,
        })
    };
    by_vendor_id(batch).into_iter().map(entry).collect::<Vec<_>>().into()
}

fn vivo(batch: &[Receipt]) -> Value {
    let entry = |(id, (receipt, tokens)): (&str, (&Receipt, Vec<&str>))| {
        let mut value = json!({
            "param": receipt.message, "targets": tokens.join(","), "ackTime": receipt.at, "ackType": "0",
        });
        if receipt.kind == Kind::InvalidToken {
            value["ackType"] = "102".into();
            value["subAckType"] = "20001".into();
        }
        (id.to_owned(), value)
    };
    by_vendor_id(batch).into_iter().map(entry).collect::<Map<_, _>>().into()
}

fn meizu(batch: &[Receipt]) -> Value {
    let entry = |(id, (receipt, tokens)): (&str, (&Receipt, Vec<&str>))| {
        let kind = if receipt.kind == Kind::Opened { 2 } else { 1 };
        (format!("{id}-{kind}"), json!({ "param": receipt.message, "type": kind, "targets": tokens }))
    };
    by_vendor_id(batch).into_iter().map(entry).collect::<Map<_, _>>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(channel: Channel, kind: Kind) -> Vec<Receipt> {
        let receipt = |vendor_id: &str, token: &str| Receipt {
            channel,
            url: "http://here".into(),
            vendor_id: vendor_id.into(),
            message: "m1".into(),
            token: token.into(),
            kind,
            at: 7,
        };
        vec![receipt("v1", "a"), receipt("v1", "b"), receipt("v2", "c")]
    }

    fn body(channel: Channel, kind: Kind) -> Value {
        serde_json::from_str(&envelope(&batch(channel, kind), &CallbackSetting::default(), 9).body).unwrap()
    }

    fn field(channel: Channel, kind: Kind, name: &str) -> Value {
        let envelope = envelope(&batch(channel, kind), &CallbackSetting::default(), 9);
        let (_, value) = form_urlencoded::parse(envelope.body.as_bytes()).find(|(key, _)| key == name).unwrap();
        serde_json::from_str(&value).unwrap()
    }

    #[test]
    fn each_vendor_has_its_own_words() {
        assert_eq!(field(Channel::Xiaomi, Kind::InvalidToken, "data")["v1"]["targets"], "a,b");
        assert_eq!(field(Channel::Xiaomi, Kind::InvalidToken, "data")["v2"]["type"], 16);
        assert_eq!(field(Channel::Meizu, Kind::Opened, "cb")["v1-2"]["targets"], json!(["a", "b"]));
        assert_eq!(body(Channel::Oppo, Kind::InvalidToken)[0]["eventType"], "regid_invalid");
        assert_eq!(body(Channel::Vivo, Kind::InvalidToken)["v2"]["subAckType"], "20001");
        assert_eq!(body(Channel::Honor, Kind::Opened)["statuses"][2]["status"], 40_000_007);
        assert_eq!(body(Channel::Huawei, Kind::Delivered)["statuses"][0]["biTag"], "m1");
    }

    /// The signed example of the documents: timestamp, nonce and user name are signed, the body is not.
    #[test]
    fn huaweis_header_is_signed_over_time_nonce_and_user() {
        let setting = CallbackSetting { user_name: "cbuser".into(), secret: Some("s".into()), ..Default::default() };
        let envelope = envelope(&batch(Channel::Huawei, Kind::Delivered), &setting, 9);
        let [(name, value)] = &envelope.headers[..] else { panic!("one header") };
        let nonce = value.strip_prefix("timestamp=9; nonce=").unwrap().split(';').next().unwrap();
        assert_eq!(*name, "x-huawei-callback-id");
        assert!(value.ends_with(&hmac_sha256_base64("s", &format!("9{nonce}cbuser"))));
    }
}
