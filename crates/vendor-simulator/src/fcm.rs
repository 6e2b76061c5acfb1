//! Google's FCM, HTTP v1: one token per request, access by a signed assertion.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::actor::{Actor, Books, is_dead_at_once};
use crate::asked::{Asked, Said, Taken};
use crate::identity::message_id;
use crate::signature::Jwt;

/// Bytes of `data` and `notification` together.
const PAYLOAD_MAX_BYTES: usize = 4_096;
/// Of a message to a topic.
const TOPIC_PAYLOAD_MAX_BYTES: usize = 2_048;
/// Seconds that access is valid.
const ACCESS_SECONDS: u64 = 3_599;
/// Longest life of an assertion, in seconds.
const ASSERTION_SECONDS: u64 = 3_600;
/// What `Retry-After` says, in seconds.
const RETRY_AFTER: &str = "1";
/// Tokens of one change of a topic.
const TOPIC_TOKENS_MAX: usize = 1_000;
const SCOPES: [&str; 2] = ["firebase.messaging", "cloud-platform"];
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

pub(crate) struct Fcm;

impl Actor for Fcm {
    fn is_send(&self, asked: &Asked) -> bool {
        asked.path.ends_with("/messages:send")
    }

    fn throttled(&self) -> Said {
        let said = refuse(429, "RESOURCE_EXHAUSTED", Some("QUOTA_EXCEEDED"), "Quota exceeded for quota metric");
        said.with("retry-after", RETRY_AFTER)
    }

    fn outage(&self) -> Said {
        let said = refuse(503, "UNAVAILABLE", Some("UNAVAILABLE"), "The service is currently unavailable.");
        said.with("retry-after", RETRY_AFTER)
    }

    fn play(&self, books: &mut Books, asked: &Asked) -> Said {
        if asked.is(&Method::POST, "/token") {
            return token(books, asked);
        }
        let access = asked.authorization("bearer").unwrap_or_default();
        if !books.admits(access, asked.now) {
            return refuse(401, "UNAUTHENTICATED", None, "Request had invalid authentication credentials.");
        }
        match asked.parts()[..] {
            ["v1", "projects", project, "messages:send"] if asked.method == Method::POST => {
                let project = project.to_owned();
                send(books, asked, &project)
            }
            ["iid", "v1:batchAdd" | "v1:batchRemove"] if asked.method == Method::POST => change_topic(asked),
            _ => refuse(404, "NOT_FOUND", None, "Not Found"),
        }
    }
}

fn refuse(status: u16, name: &str, code: Option<&str>, message: &str) -> Said {
    let mut error = json!({ "code": status, "message": message, "status": name });
    if let Some(code) = code {
        let kind = "type.googleapis.com/google.firebase.fcm.v1.FcmError";
        error["details"] = json!([{ "@type": kind, "errorCode": code }]);
    }
    answer(status, &error, code.unwrap_or(name))
}

fn wrong_field(field: &str, description: &str) -> Said {
    let details = json!([
        { "@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": "INVALID_ARGUMENT" },
        {
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            "fieldViolations": [{ "field": field, "description": description }],
        },
    ]);
    let error = json!({ "code": 400, "message": description, "status": "INVALID_ARGUMENT", "details": details });
    answer(400, &error, "INVALID_ARGUMENT")
}

fn answer(status: u16, error: &Value, code: &str) -> Said {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Said::json(status, &json!({ "error": error })).refusing(code)
}

fn token(books: &mut Books, asked: &Asked) -> Said {
    let form = asked.form();
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let refused = |why: &str| {
        let body = json!({ "error": "invalid_grant", "error_description": why });
        Said::json(StatusCode::BAD_REQUEST, &body).refusing("invalid_grant")
    };
    let Some(jwt) = Jwt::read(field("assertion")).filter(|_| field("grant_type") == GRANT) else {
        return refused("Bad Request");
    };
    let lasts = jwt.seconds("exp").zip(jwt.seconds("iat")).and_then(|(end, start)| end.checked_sub(start));
    let is_well_formed = jwt.algorithm() == "RS256"
        && jwt.text("iss").contains('@')
        && jwt.text("aud").ends_with("/token")
        && SCOPES.iter().any(|scope| jwt.text("scope").contains(scope));
    if !is_well_formed {
        return refused("Invalid JWT: Failed audience or scope check.");
    }
    if lasts.is_none_or(|seconds| seconds > ASSERTION_SECONDS) || !jwt.is_fresh(asked.now, ASSERTION_SECONDS) {
        return refused("Invalid JWT: Token must be a short-lived token and in a reasonable timeframe.");
    }
    let registered = books.credential(jwt.text("iss")).and_then(|credential| credential.public_key.as_deref());
    if registered.is_some_and(|key| !jwt.is_signed_by(key)) {
        return refused("Invalid JWT Signature.");
    }
    let access = format!("ya29.{}", books.next_id());
    books.grant(access.clone(), asked.now + ACCESS_SECONDS * 1_000);
    let body = json!({ "access_token": access, "expires_in": ACCESS_SECONDS, "token_type": "Bearer" });
    Said::ok(&body).authorising()
}

fn send(books: &mut Books, asked: &Asked, project: &str) -> Said {
    let Some(body) = asked.json() else { return wrong_field("", "Invalid JSON payload received.") };
    let message = &body["message"];
    let targets = ["token", "topic", "condition", "fid"];
    let named: Vec<_> = targets.iter().filter_map(|target| message[*target].as_str()).collect();
    let [target] = named[..] else { return wrong_field("message", "Exactly one recipient is expected.") };
    if let Some(data) = message.get("data") {
        let is_right = data.as_object().is_some_and(|data| data.values().all(Value::is_string));
        if !is_right {
            return wrong_field("message.data", "Values of data must be strings.");
        }
    }
    let bytes: usize = ["data", "notification"].iter().filter_map(|part| message.get(*part)).map(length).sum();
    let max = if message["topic"].is_string() { TOPIC_PAYLOAD_MAX_BYTES } else { PAYLOAD_MAX_BYTES };
    if bytes > max {
        return wrong_field("message", "Message too big.");
    }
    if is_dead_at_once(target) {
        let said = refuse(404, "NOT_FOUND", Some("UNREGISTERED"), "Requested entity was not found.");
        return Said { refused: None, ..said }.with_dead(1);
    }
    let id = format!("projects/{project}/messages/{}", books.next_id());
    let said = Said::ok(&json!({ "name": id }));
    if body["validate_only"] == true {
        return said;
    }
    let message = message_id(&message["data"]);
    said.taking(vec![Taken { token: target.to_owned(), message, vendor_id: id, callback: None }])
}

fn length(value: &Value) -> usize {
    value.to_string().len()
}

fn change_topic(asked: &Asked) -> Said {
    let body = asked.json().unwrap_or_default();
    let is_topic = body["to"].as_str().is_some_and(|to| to.starts_with("/topics/"));
    match body["registration_tokens"].as_array() {
        Some(tokens) if is_topic && !tokens.is_empty() && tokens.len() <= TOPIC_TOKENS_MAX => {
            let result = |token: &Value| {
                if token.as_str().is_some_and(is_dead_at_once) { json!({ "error": "NOT_FOUND" }) } else { json!({}) }
            };
            Said::ok(&json!({ "results": tokens.iter().map(result).collect::<Vec<_>>() }))
        }
        _ => wrong_field("registration_tokens", "Invalid topic or tokens."),
    }
}
