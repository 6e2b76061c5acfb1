//! Honor Push: OAuth, batches, receipts to one URL.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::actor::{Actor, Books, is_dead};
use crate::asked::{Asked, Said, Taken};

/// Tokens of one request.
const TOKENS_MAX: usize = 1_000;
/// Bytes of a body without its tokens.
const BODY_MAX_BYTES: usize = 4_096;
/// Seconds that access is valid.
const ACCESS_SECONDS: u64 = 3_600;
/// How far the `timestamp` header may be from the present, in milliseconds.
const SKEW_MS: u64 = 600_000;

pub(crate) struct Honor;

impl Actor for Honor {
    fn is_send(&self, asked: &Asked) -> bool {
        asked.path.ends_with("/sendMessage")
    }

    fn throttled(&self) -> Said {
        Said::json(StatusCode::SERVICE_UNAVAILABLE, &json!({ "code": 503, "message": "flow control" }))
    }

    fn outage(&self) -> Said {
        Said::json(StatusCode::BAD_GATEWAY, &json!({ "code": 502, "message": "bad gateway" }))
    }

    fn play(&self, books: &mut Books, asked: &Asked) -> Said {
        match asked.parts()[..] {
            ["auth", "token"] if asked.method == Method::POST => token(books, asked),
            ["api", "v1", _, "sendMessage"] if asked.method == Method::POST => send(books, asked),
            _ => Said::json(StatusCode::NOT_FOUND, &json!({ "code": 404, "message": "not found" })).refusing("404"),
        }
    }
}

fn token(books: &mut Books, asked: &Asked) -> Said {
    let form = asked.form();
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let (id, secret) = (field("client_id"), field("client_secret"));
    let is_form = field("grant_type") == "client_credentials" && !id.is_empty() && !secret.is_empty();
    if !is_form || !books.is_secret_of(id, secret) {
        let why = "Invalid client or Invalid client credentials";
        let body = json!({ "error": "unauthorized_client", "error_description": why });
        return Said::json(StatusCode::UNAUTHORIZED, &body).refusing("unauthorized_client");
    }
    let access = format!("hn-{}", books.next_id());
    books.grant(access.clone(), asked.now + ACCESS_SECONDS * 1_000);
    let body = json!({ "access_token": access, "expires_in": ACCESS_SECONDS, "token_type": "Bearer" });
    Said::ok(&body).authorising()
}

fn refuse(code: u32, message: &str) -> Said {
    Said::ok(&json!({ "code": code, "message": message })).refusing(code.to_string())
}

fn send(books: &mut Books, asked: &Asked) -> Said {
    let access = asked.authorization("bearer").unwrap_or_default();
    if !books.admits(access, asked.now) {
        let body = json!({ "code": 403, "message": "access token is invalid" });
        return Said::json(StatusCode::FORBIDDEN, &body).refusing("403");
    }
    let at: Option<u64> = asked.header("timestamp").and_then(|text| text.parse().ok());
    let Some(at) = at else { return refuse(10_001, "timestamp missing") };
    if at.abs_diff(asked.now) > SKEW_MS {
        return refuse(10_207, "timestamp invalid");
    }
    let Some(body) = asked.json() else { return refuse(400, "bad request") };
    let tokens: Vec<String> =
        body["token"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    if tokens.is_empty() {
        return refuse(10_300, "token empty");
    }
    if tokens.len() > TOKENS_MAX {
        return refuse(80_300_010, "too many tokens");
    }
    let unique: std::collections::BTreeSet<&String> = tokens.iter().collect();
    if unique.len() < tokens.len() {
        return refuse(80_300_006, "duplicate token");
    }
    let listed: usize = tokens.iter().map(|token| token.len() + 3).sum();
    if body.to_string().len().saturating_sub(listed) > BODY_MAX_BYTES {
        return refuse(80_300_008, "body too large");
    }
    let tag = body["android"]["biTag"].as_str().unwrap_or_default();
    finish(books, tokens, tag)
}

fn finish(books: &mut Books, tokens: Vec<String>, tag: &str) -> Said {
    let id = books.next_id();
    let (dead, alive): (Vec<_>, Vec<_>) = tokens.into_iter().partition(|token| is_dead(token));
    let (code, message) = match (alive.is_empty(), dead.is_empty()) {
        (true, _) => (80_300_007, "All tokens are invalid"),
        (false, true) => (200, "success"),
        (false, false) => (80_100_000, "Some tokens failed"),
    };
    // Which of both lists a dead token comes in is not documented where it could be read: some in each.
    let (fail, expire): (Vec<&String>, Vec<&String>) = dead.iter().partition(|token| token.len().is_multiple_of(2));
    let data = json!({
        "sendResult": !alive.is_empty(), "requestId": id, "failTokens": fail, "expireTokens": expire,
    });
    let body = json!({ "code": code, "message": message, "data": data });
    let callback = books.callback.url.clone();
    let taken = |token| Taken { token, message: tag.to_owned(), vendor_id: id.clone(), callback: callback.clone() };
    let taken = alive.into_iter().map(taken).collect();
    Said::ok(&body).taking(taken).with_dead(dead.len() as u64)
}
