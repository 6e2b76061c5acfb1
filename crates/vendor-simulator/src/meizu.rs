//! Meizu Flyme Push: every request is signed, at most a hundred devices in one.

use std::collections::BTreeMap;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::actor::{Actor, Books, Task, is_dead_at_once};
use crate::asked::{Asked, Said, Taken};
use crate::signature::{is_hex, md5_hex};

/// Devices of one request.
const TOKENS_MAX: usize = 100;
/// Characters of a title: at least one.
const TITLE_CHARS: usize = 32;
/// Characters of a content: at least one.
const CONTENT_CHARS: usize = 100;
/// Bytes of `extra.callback`.
const CALLBACK_MAX_BYTES: usize = 128;
/// Bytes of `extra."callback.param"`.
const PARAM_MAX_BYTES: usize = 64;
/// Hours to live.
const VALID_HOURS: std::ops::RangeInclusive<u64> = 1..=72;
const PUSHES: &str = "/garcia/api/server/push/";

pub(crate) struct Meizu;

impl Actor for Meizu {
    fn is_send(&self, asked: &Asked) -> bool {
        asked.path.starts_with(PUSHES)
    }

    fn throttled(&self) -> Said {
        refuse("110010", "推送频率过快")
    }

    fn outage(&self) -> Said {
        refuse("1003", "服务器忙")
    }

    fn play(&self, books: &mut Books, asked: &Asked) -> Said {
        let form = asked.form();
        if let Err(said) = authorise(books, &form) {
            return said;
        }
        match asked.path.strip_prefix(PUSHES) {
            _ if asked.method != Method::POST => refuse("1005", "参数错误"),
            Some("varnished/pushByPushId") => send(books, &form, "pushIds"),
            Some("varnished/pushByAlias") => send(books, &form, "alias"),
            Some("pushTask/getTaskId") => save(books, &form),
            Some("task/varnished/pushByPushId") => send_saved(books, &form, "pushIds"),
            Some("task/varnished/pushByAlias") => send_saved(books, &form, "alias"),
            Some("pushTask/pushToApp") => to_everyone(books, &form, "*"),
            Some("pushTask/pushToTag") => {
                let tags = form.get("tagNames").cloned().unwrap_or_default();
                to_everyone(books, &form, &tags)
            }
            _ => refuse("1005", "参数错误"),
        }
    }
}

type Form = BTreeMap<String, String>;

fn refuse(code: &str, message: &str) -> Said {
    Said::ok(&json!({ "code": code, "message": message, "value": "", "redirect": "" })).refusing(code)
}

fn success(value: &Value, id: &str) -> Said {
    Said::json(StatusCode::OK, &json!({ "code": "200", "message": "", "value": value, "redirect": "", "msgId": id }))
}

fn field<'a>(form: &'a Form, name: &str) -> &'a str {
    form.get(name).map(String::as_str).unwrap_or_default()
}

fn authorise(books: &Books, form: &Form) -> Result<(), Said> {
    let (id, sign) = (field(form, "appId"), field(form, "sign"));
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(refuse("110000", "appId不合法"));
    }
    let secret = books.credential(id).and_then(|credential| credential.secret.as_deref());
    let is_right = secret.is_none_or(|secret| {
        let mut signed: String =
            form.iter().filter(|(name, _)| *name != "sign").map(|(name, value)| format!("{name}={value}")).collect();
        signed.push_str(secret);
        md5_hex(&signed) == sign
    });
    if is_right && is_hex(sign, 16) { Ok(()) } else { Err(refuse("1006", "签名认证失败")) }
}

/// What receipts need of a message, if it is one.
fn check(form: &Form) -> Result<Task, Said> {
    let wrong = || refuse("1005", "参数错误，请参考API文档");
    let message: Value = serde_json::from_str(field(form, "messageJson")).map_err(|_| wrong())?;
    let bar = &message["noticeBarInfo"];
    let chars = |value: &Value| value.as_str().unwrap_or_default().chars().count();
    let is_within = |count: usize, max: usize| (1..=max).contains(&count);
    if !is_within(chars(&bar["title"]), TITLE_CHARS) || !is_within(chars(&bar["content"]), CONTENT_CHARS) {
        return Err(wrong());
    }
    let time = &message["pushTimeInfo"];
    let hours = time["validTime"].as_u64();
    if time["offLine"] == 1 && hours.is_some_and(|hours| !VALID_HOURS.contains(&hours)) {
        return Err(wrong());
    }
    let extra = |name: &str| message["extra"][name].as_str().unwrap_or_default().to_owned();
    let (callback, param) = (extra("callback"), extra("callback.param"));
    if callback.len() > CALLBACK_MAX_BYTES || param.len() > PARAM_MAX_BYTES {
        return Err(wrong());
    }
    Ok(Task { message: param, callback: (!callback.is_empty()).then_some(callback) })
}

fn send(books: &mut Books, form: &Form, targets: &str) -> Said {
    match check(form) {
        Err(said) => said,
        Ok(task) => {
            let id = format!("NS{}", books.next_id());
            finish(form, targets, task, &id)
        }
    }
}

fn save(books: &mut Books, form: &Form) -> Said {
    match check(form) {
        Err(said) => said,
        Ok(task) => {
            let id = books.next_id();
            books.tasks.put(id.clone(), task);
            success(&json!({ "taskId": id, "pushType": 0, "appId": field(form, "appId") }), "")
        }
    }
}

fn send_saved(books: &mut Books, form: &Form, targets: &str) -> Said {
    let id = field(form, "taskId").to_owned();
    match books.tasks.find(&id).cloned() {
        None => refuse("110032", "taskId不存在"),
        Some(task) => {
            let id = format!("NS{}", books.next_id());
            finish(form, targets, task, &id)
        }
    }
}

fn finish(form: &Form, targets: &str, task: Task, id: &str) -> Said {
    let targets: Vec<String> =
        field(form, targets).split(',').filter(|target| !target.is_empty()).map(str::to_owned).collect();
    if targets.is_empty() || targets.len() > TOKENS_MAX {
        return refuse("1005", "参数错误，请参考API文档");
    }
    let (dead, alive): (Vec<_>, Vec<_>) = targets.into_iter().partition(|token| is_dead_at_once(token));
    // One that is not registered, and one that is no id at all.
    let (unknown, illegal): (Vec<&String>, Vec<&String>) = dead.iter().partition(|token| token.len().is_multiple_of(2));
    let mut value = json!({});
    for (code, tokens) in [("110002", unknown), ("110003", illegal)] {
        if !tokens.is_empty() {
            value[code] = json!(tokens);
        }
    }
    let (message, callback) = (task.message, task.callback);
    let taken = |token| Taken { token, message: message.clone(), vendor_id: id.to_owned(), callback: callback.clone() };
    let taken = alive.into_iter().map(taken).collect();
    success(&value, id).taking(taken).with_dead(dead.len() as u64)
}

fn to_everyone(books: &mut Books, form: &Form, to: &str) -> Said {
    match check(form) {
        Err(said) => said,
        Ok(task) => {
            let id = format!("NS{}", books.next_id());
            let (message, callback) = (task.message, task.callback);
            let taken = Taken { token: to.to_owned(), message, vendor_id: id.clone(), callback };
            success(&json!({ "taskId": id }), &id).taking(vec![taken])
        }
    }
}
