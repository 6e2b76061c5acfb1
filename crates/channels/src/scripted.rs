//! A vendor that answers what a test says.

use std::collections::BTreeMap;

use bytes::Bytes;
use homing_domain::UnixMillis;
use serde_json::Value;

use crate::{
    Access, Answers, Authorization, Callback, CallbackError, CallbackEvent, Class, Content, Credential, EncodeError,
    Next, Operation, Origins, Push, Recipients, Request, Response, Surroundings, Token, Vendor,
};

/// 2026-01-01T00:00:00Z.
pub(crate) const NOW: UnixMillis = UnixMillis(1_767_225_600_000);

/// A request that was made.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) path: String,
    pub(crate) http: http::Request<Bytes>,
}

impl Sent {
    pub(crate) fn of(request: Request) -> Self {
        let uri = request.http.uri();
        let path = uri.to_string().strip_prefix("http://vendor.test").map(str::to_owned);
        Self { path: path.unwrap_or_else(|| uri.to_string()), http: request.http }
    }

    /// Its form.
    pub(crate) fn form(&self) -> BTreeMap<String, String> {
        form_urlencoded::parse(self.http.body()).into_owned().collect()
    }

    /// Its JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(self.http.body()).unwrap()
    }
}

/// A vendor, an app's credential at it, and the answers that it gives.
#[derive(Debug)]
pub(crate) struct Scripted<V> {
    pub(crate) vendor: V,
    pub(crate) credential: Credential,
    pub(crate) callback_url: String,
    pub(crate) access: Access,
    pub(crate) origins: Origins,
}

impl<V: Vendor> Scripted<V> {
    pub(crate) fn new(vendor: V, upload: &Value) -> Self {
        let name = vendor.channel().name();
        Self {
            credential: vendor.read_credential(upload, NOW).unwrap(),
            callback_url: format!("https://push.example/callbacks/{name}"),
            access: Access { token: String::from("at-1").into(), since: NOW, renew_at: NOW },
            origins: Origins::production().with(vendor.channel(), "http://vendor.test"),
            vendor,
        }
    }

    fn around(&self) -> Surroundings<'_> {
        Surroundings {
            credential: &self.credential,
            access: Some(&self.access),
            origins: &self.origins,
            now: NOW,
            callback_url: Some(&self.callback_url),
            random: [7; 64],
        }
    }

    /// The request for access, and what its answer brings.
    pub(crate) fn authorize(&self, answer: &Value) -> (Sent, Result<Access, Box<Answers>>) {
        let Authorization::Ask(request) = self.vendor.authorize(&self.around()).unwrap() else {
            panic!("access is asked for");
        };
        (Sent::of(request), self.vendor.read_access(&response(200, answer), NOW))
    }

    /// An operation, with as many requests as there are answers.
    pub(crate) fn walk(&self, operation: &Operation, answers: &[(u16, Value)]) -> (Vec<Sent>, Answers) {
        let mut exchange = self.vendor.begin(&self.around(), operation).unwrap();
        let mut sent = Vec::new();
        for (index, (status, answer)) in answers.iter().enumerate() {
            sent.push(Sent::of(exchange.request()));
            assert!(!format!("{exchange:?}").contains("at-1"), "{exchange:?}");
            match exchange.take(&response(*status, answer), NOW) {
                Next::Ask(next) => exchange = next,
                Next::Done(answers_read) => {
                    assert_eq!(index + 1, answers.len(), "it ended before the script");
                    return (sent, answers_read);
                }
            }
        }
        panic!("it goes on behind the script: {:?}", exchange.request());
    }

    /// Why nothing is sent.
    pub(crate) fn refuses(&self, operation: &Operation) -> EncodeError {
        self.vendor.begin(&self.around(), operation).unwrap_err()
    }

    /// What a callback says.
    pub(crate) fn callback(&self, body: &[u8]) -> Result<Vec<CallbackEvent>, CallbackError> {
        self.vendor.read_callback(&self.credential, Callback { headers: &http::HeaderMap::new(), body }, NOW)
    }
}

fn response(status: u16, body: &Value) -> Response {
    http::Response::builder().status(status).body(Bytes::from(body.to_string())).unwrap()
}

/// The order that was shipped.
pub(crate) fn shipped() -> Content {
    let Value::Object(data) = serde_json::json!({"orderId": "88017", "scene": "logistics"}) else {
        panic!("an object");
    };
    Content {
        message_id: "m-7f3a9c2e01".into(),
        title: Some("订单已发货".into()),
        body: Some("您的包裹已从北京仓出库".into()),
        data,
        time_to_live: 86_400_000,
        priority: homing_domain::Priority::High,
        ..Content::default()
    }
}

/// A push to some tokens.
pub(crate) fn to_tokens(content: Content, tokens: &[&str]) -> Push {
    let tokens = tokens.iter().map(|text| Token { text: (*text).to_owned(), since: None }).collect();
    Push {
        content,
        to: Recipients::Tokens(tokens),
        same_content: false,
        request_id: "r-1".into(),
        receipts: Vec::new(),
    }
}

/// What became of each target: its class, and whether the token is forgotten.
pub(crate) fn outcomes(answers: &Answers) -> Vec<(Class, bool)> {
    answers.targets.iter().map(|outcome| (outcome.class, outcome.cleans)).collect()
}

/// An event: our id, the vendor's, the token, what happened, when, the vendor's code.
pub(crate) type Flat = (Option<String>, Option<String>, String, &'static str, Option<u64>, String);

/// The events, in an order that can be compared.
pub(crate) fn events(mut events: Vec<CallbackEvent>) -> Vec<Flat> {
    events.sort_by(|left, right| {
        (&left.token, left.kind, &left.vendor_id).cmp(&(&right.token, right.kind, &right.vendor_id))
    });
    let flat = |event: CallbackEvent| {
        let at = event.at.map(|at| at.0);
        (event.message_id, event.vendor_id, event.token, event.kind.name(), at, event.reason)
    };
    events.into_iter().map(flat).collect()
}
