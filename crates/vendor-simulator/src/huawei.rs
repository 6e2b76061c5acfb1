//! Huawei Push Kit: v1 and v2 with OAuth, v3 with a JWT; batches; receipts with a signed header.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::actor::{Actor, Books, is_dead};
use crate::asked::{Asked, Said, Taken};
use crate::signature::Jwt;

/// Tokens of one request.
const TOKENS_MAX: usize = 1_000;
/// Bytes of a body without its tokens.
const BODY_MAX_BYTES: usize = 4_096;
/// Characters of `bi_tag`.
const TAG_MAX: usize = 64;
/// Seconds that access is valid.
const ACCESS_SECONDS: u64 = 3_600;
/// Longest life of a JWT of v3.
const JWT_MAX: Duration = Duration::from_secs(24 * 3_600);

pub(crate) struct Huawei;

impl Actor for Huawei {
    fn is_send(&self, asked: &Asked) -> bool {
        asked.path.ends_with("/messages:send")
    }

    fn throttled(&self) -> Said {
        Said::empty(StatusCode::SERVICE_UNAVAILABLE)
    }

    fn outage(&self) -> Said {
        Said::empty(StatusCode::BAD_GATEWAY)
    }

    fn play(&self, books: &mut Books, asked: &Asked) -> Said {
        if asked.method != Method::POST {
            return Said::empty(StatusCode::METHOD_NOT_ALLOWED);
        }
        match asked.parts()[..] {
            ["oauth2", "v3", "token"] => token(books, asked),
            ["v1" | "v2", _, "messages:send"] => {
                authorised(books, asked).map_or_else(|said| said, |books| send(books, asked))
            }
            ["v3", _, "messages:send"] => match authorise_by_jwt(books, asked) {
                Ok(()) => send_v3(books, asked),
                Err(said) => said,
            },
            ["v1", _, "topic:subscribe" | "topic:unsubscribe"] => {
                authorised(books, asked).map_or_else(|said| said, |books| change_topic(books, asked))
            }
            _ => Said::empty(StatusCode::NOT_FOUND).refusing("404"),
        }
    }
}

fn token(books: &mut Books, asked: &Asked) -> Said {
    let form = asked.form();
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let (id, secret) = (field("client_id"), field("client_secret"));
    let is_form = field("grant_type") == "client_credentials" && !id.is_empty() && !secret.is_empty();
    if !is_form || !books.is_secret_of(id, secret) {
        let body = json!({ "error": 1101, "sub_error": 20_044, "error_description": "invalid client_secret" });
        return Said::json(StatusCode::UNAUTHORIZED, &body).refusing("1101");
    }
    // As the vendor's do, it has a slash, which its JSON writes with a backslash.
    let access = format!("hw/{}", books.next_id());
    books.grant(access.clone(), asked.now + ACCESS_SECONDS * 1_000);
    let body = json!({ "access_token": access, "expires_in": ACCESS_SECONDS, "token_type": "Bearer" });
    let mut said = Said::ok(&body).authorising();
    said.body = body.to_string().replace("hw/", "hw\\/").into();
    said
}

fn authorised<'a>(books: &'a mut Books, asked: &Asked) -> Result<&'a mut Books, Said> {
    let access = asked.authorization("bearer").unwrap_or_default();
    if books.admits(access, asked.now) {
        Ok(books)
    } else {
        let code = if access.is_empty() { "80200001" } else { "80200003" };
        Err(business(books, code, "OAuth token expired"))
    }
}

fn authorise_by_jwt(books: &mut Books, asked: &Asked) -> Result<(), Said> {
    let text = asked.authorization("bearer").unwrap_or_default();
    if books.is_expired(text) {
        return Err(business(books, "80200005", "JWT expired"));
    }
    let Some(jwt) = Jwt::read(text).filter(|jwt| jwt.algorithm() == "PS256" && !jwt.key_id().is_empty()) else {
        return Err(business(books, "80200001", "Authentication failed"));
    };
    let lasts = jwt.seconds("exp").zip(jwt.seconds("iat")).and_then(|(end, start)| end.checked_sub(start));
    if lasts.is_none_or(|seconds| seconds > JWT_MAX.as_secs()) {
        return Err(business(books, "80300036", "The JWT is valid for more than a day"));
    }
    if jwt.seconds("exp").is_none_or(|end| end * 1_000 < asked.now) {
        return Err(business(books, "80200005", "JWT expired"));
    }
    let registered = books.credential(jwt.key_id()).and_then(|credential| credential.public_key.as_deref());
    if registered.is_some_and(|key| !jwt.is_signed_by(key)) {
        return Err(business(books, "80200001", "Authentication failed"));
    }
    books.note_access(text, asked.now + JWT_MAX.as_secs() * 1_000);
    Ok(())
}

fn business(books: &mut Books, code: &str, message: &str) -> Said {
    let said = Said::ok(&json!({ "code": code, "msg": message, "requestId": books.next_id() }));
    if code == "80000000" { said } else { said.refusing(code) }
}

/// The tokens of a request, its content checked for size.
fn tokens(books: &mut Books, body: &Value, tokens: &Value) -> Result<Vec<String>, Said> {
    let Some(tokens) = tokens.as_array() else {
        return Err(business(books, "80100003", "Illegal parameter: token"));
    };
    let tokens: Vec<String> = tokens.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    if tokens.is_empty() || tokens.len() > TOKENS_MAX {
        return Err(business(books, "80300010", "Tokens exceed the default value"));
    }
    let listed: usize = tokens.iter().map(|token| token.len() + 3).sum();
    if body.to_string().len().saturating_sub(listed) > BODY_MAX_BYTES {
        return Err(business(
            books,
            "80300008",
            "The message body size exceeds the default value set by the system (4K)",
        ));
    }
    Ok(tokens)
}

fn send(books: &mut Books, asked: &Asked) -> Said {
    let Some(body) = asked.json() else { return business(books, "80100001", "Illegal JSON") };
    let message = &body["message"];
    let kinds = ["token", "topic", "condition"].iter().filter(|kind| message.get(**kind).is_some()).count();
    if kinds != 1 {
        return business(books, "80100003", "Illegal parameter: one kind of target is expected");
    }
    let tag = message["android"]["bi_tag"].as_str().unwrap_or_default().to_owned();
    if tag.chars().count() > TAG_MAX {
        return business(books, "80100003", "Illegal parameter: bi_tag");
    }
    if message.get("token").is_none() {
        let target = message["topic"].as_str().or_else(|| message["condition"].as_str()).unwrap_or_default().to_owned();
        return finish(books, body["validate_only"] == true, vec![target], &tag, Shape::Flat);
    }
    match tokens(books, &body, &message["token"]) {
        Ok(tokens) => finish(books, body["validate_only"] == true, tokens, &tag, Shape::Flat),
        Err(said) => said,
    }
}

fn send_v3(books: &mut Books, asked: &Asked) -> Said {
    let Some(body) = asked.json() else { return business(books, "80100001", "Illegal JSON") };
    if !["0", "1", "2", "6", "7", "10"].contains(&asked.header("push-type").unwrap_or_default()) {
        return business(books, "80100003", "Illegal parameter: push-type");
    }
    let tag = body["pushOptions"]["biTag"].as_str().unwrap_or_default().to_owned();
    match tokens(books, &body, &body["target"]["token"]) {
        Ok(tokens) => finish(books, false, tokens, &tag, Shape::ByReason),
        Err(said) => said,
    }
}

/// How refused tokens are listed.
#[derive(Clone, Copy)]
enum Shape {
    Flat,
    ByReason,
}

fn finish(books: &mut Books, is_trial: bool, tokens: Vec<String>, tag: &str, shape: Shape) -> Said {
    let (dead, alive): (Vec<_>, Vec<_>) = tokens.into_iter().partition(|token| is_dead(token));
    let listed = |success: usize| match shape {
        Shape::Flat => json!({ "success": success, "failure": dead.len(), "illegal_tokens": dead }),
        Shape::ByReason => {
            json!({ "success": success, "failure": dead.len(), "illegalTokens": { "tokenFormatError": dead } })
        }
    };
    if alive.is_empty() {
        let text = match shape {
            Shape::Flat => "Token invalid error".to_owned(),
            Shape::ByReason => listed(0).to_string(),
        };
        let said = business(books, "80300007", &text);
        return Said { refused: None, ..said }.with_dead(dead.len() as u64);
    }
    let id = books.next_id();
    let body = if dead.is_empty() {
        json!({ "code": "80000000", "msg": "Success", "requestId": id })
    } else {
        json!({ "code": "80100000", "msg": listed(alive.len()).to_string(), "requestId": id })
    };
    let callback = books.callback.url.clone();
    let taken = |token| Taken { token, message: tag.to_owned(), vendor_id: id.clone(), callback: callback.clone() };
    let taken = if is_trial { Vec::new() } else { alive.into_iter().map(taken).collect() };
    Said::ok(&body).taking(taken).with_dead(dead.len() as u64)
}

fn change_topic(books: &mut Books, asked: &Asked) -> Said {
    let body = asked.json().unwrap_or_default();
    let is_right = body["topic"].is_string()
        && body["tokenArray"].as_array().is_some_and(|tokens| !tokens.is_empty() && tokens.len() <= TOKENS_MAX);
    if is_right { business(books, "80000000", "Success") } else { business(books, "80100003", "Illegal parameter") }
}
