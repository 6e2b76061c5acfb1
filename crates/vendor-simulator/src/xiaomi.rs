//! Xiaomi Mi Push: a static key, forms, batches; the callback's URL comes with each message.

use std::collections::BTreeMap;

use http::{Method, StatusCode};
use serde_json::json;

use crate::actor::{Actor, Books, is_dead};
use crate::asked::{Asked, Said, Taken};

/// Registration ids of one request.
const TOKENS_MAX: usize = 1_000;
/// A title has fewer characters.
const TITLE_CHARS: usize = 50;
/// A description has fewer characters.
const DESCRIPTION_CHARS: usize = 128;
/// Bytes of a payload.
const PAYLOAD_MAX_BYTES: usize = 4_096;
/// All `extra.` fields together have fewer bytes.
const EXTRAS_BYTES: usize = 2_048;
/// Characters of `extra.callback.param`.
const PARAM_MAX: usize = 64;
/// Two weeks, in milliseconds.
const TTL_MAX_MS: u64 = 14 * 86_400_000;
const CALLBACK: &str = "extra.callback";
const CALLBACK_PARAM: &str = "extra.callback.param";

pub(crate) struct Xiaomi;

impl Actor for Xiaomi {
    fn is_send(&self, asked: &Asked) -> bool {
        asked.path.contains("/message/")
    }

    fn throttled(&self) -> Said {
        refuse(200_002, "QPS limit exceeded")
    }

    fn outage(&self) -> Said {
        Said::empty(StatusCode::SERVICE_UNAVAILABLE)
    }

    fn play(&self, books: &mut Books, asked: &Asked) -> Said {
        let key = asked.header("authorization").and_then(|value| value.strip_prefix("key=")).unwrap_or_default();
        // The key is the secret itself and names no app: any is let in until some are registered, then only those.
        if key.is_empty() || !books.admits_secret(key) {
            return refuse(21_301, "auth failed");
        }
        if asked.method != Method::POST {
            return refuse(10_017, "method");
        }
        let form = asked.form();
        match asked.parts()[..] {
            ["v2" | "v3", "message", "regid"] => send(books, &form, "registration_id", Some(",")),
            ["v2" | "v3", "message", "alias"] => send(books, &form, "alias", Some(",")),
            ["v2" | "v3", "message", "user_account"] => send(books, &form, "user_account", Some(",")),
            ["v2" | "v3", "message", "topic"] => send(books, &form, "topic", None),
            ["v2" | "v3", "message", "multi_topic"] => send(books, &form, "topics", Some(";$;")),
            ["v2" | "v3", "message", "all"] => finish(books, &form, vec!["*".to_owned()]),
            ["v2", "topic", "subscribe" | "unsubscribe"] => {
                let is_right = form.contains_key("registration_id") && form.contains_key("topic");
                if is_right { success(books, None) } else { refuse(21_305, "missing parameter") }
            }
            _ => refuse(10_017, "no such interface"),
        }
    }
}

fn refuse(code: u32, reason: &str) -> Said {
    let body =
        json!({ "result": "error", "reason": reason, "trace_id": "Xcm", "code": code, "description": "发送消息失败" });
    Said::ok(&body).refusing(code.to_string())
}

fn success(books: &mut Books, bad: Option<String>) -> Said {
    let id = format!("scm{}", books.next_id());
    said(&id, bad)
}

fn said(id: &str, bad: Option<String>) -> Said {
    let mut data = json!({ "id": id, "day_quota": "2000000", "day_acked": "1024" });
    if let Some(bad) = bad {
        data["bad_regids"] = bad.into();
    }
    Said::ok(&json!({
        "result": "ok", "trace_id": "Xcm", "code": 0, "data": data, "description": "成功", "info": "Received push messages",
    }))
}

type Form = BTreeMap<String, String>;

fn send(books: &mut Books, form: &Form, target: &str, separator: Option<&str>) -> Said {
    let Some(named) = form.get(target).filter(|named| !named.is_empty()) else {
        return refuse(21_305, "missing parameter");
    };
    let tokens: Vec<String> = match separator {
        Some(separator) => named.split(separator).map(str::to_owned).collect(),
        None => vec![named.clone()],
    };
    if tokens.len() > TOKENS_MAX {
        return refuse(10_017, "too many targets");
    }
    finish(books, form, tokens)
}

fn check(form: &Form) -> Result<(), Said> {
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    if field("restricted_package_name").is_empty() {
        return Err(refuse(22_022, "invalid package"));
    }
    let is_pass_through = field("pass_through") == "1";
    let (title, description) = (field("title").chars().count(), field("description").chars().count());
    if !is_pass_through && (title == 0 || description == 0) {
        return Err(refuse(21_305, "missing title or description"));
    }
    if title >= TITLE_CHARS || description >= DESCRIPTION_CHARS {
        return Err(refuse(65_010, "title or description is too long"));
    }
    if field("payload").len() > PAYLOAD_MAX_BYTES {
        return Err(refuse(65_011, "payload is too long"));
    }
    let extras = form.iter().filter(|(name, _)| name.starts_with("extra."));
    if extras.map(|(name, value)| name.len() + value.len()).sum::<usize>() >= EXTRAS_BYTES {
        return Err(refuse(65_015, "extra is too long"));
    }
    if field(CALLBACK_PARAM).chars().count() > PARAM_MAX {
        return Err(refuse(65_037, "callback.param is too long"));
    }
    let ttl = form.get("time_to_live").map(|text| text.parse::<u64>());
    if ttl.is_some_and(|ttl| ttl.is_ok_and(|ttl| ttl > TTL_MAX_MS)) {
        return Err(refuse(65_013, "time_to_live"));
    }
    Ok(())
}

fn finish(books: &mut Books, form: &Form, tokens: Vec<String>) -> Said {
    if let Err(said) = check(form) {
        return said;
    }
    let (dead, alive): (Vec<_>, Vec<_>) = tokens.into_iter().partition(|token| is_dead(token));
    if alive.is_empty() {
        let said = refuse(20_301, "No valid targets!");
        return Said { refused: None, ..said }.with_dead(dead.len() as u64);
    }
    let id = format!("scm{}", books.next_id());
    let (callback, message) = (form.get(CALLBACK).cloned(), form.get(CALLBACK_PARAM).cloned().unwrap_or_default());
    let taken = |token| Taken { token, message: message.clone(), vendor_id: id.clone(), callback: callback.clone() };
    let taken = alive.into_iter().map(taken).collect();
    let bad = (!dead.is_empty()).then(|| dead.join(","));
    said(&id, bad).taking(taken).with_dead(dead.len() as u64)
}
