//! vivo Push: signed exchange for a token of a day, JSON, one device or a list.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::actor::{Actor, Books, Task, is_dead};
use crate::asked::{Asked, Said, Taken};
use crate::signature::{is_hex, md5_hex};

/// Devices of one list; the least is two.
const TOKENS_MAX: usize = 1_000;
/// The width of a title: a wide character counts two.
const TITLE_WIDTH: usize = 40;
/// The width of a content.
const CONTENT_WIDTH: usize = 100;
/// Characters of `requestId`.
const REQUEST_ID_CHARS: usize = 64;
/// Characters of `extra.callback`.
const CALLBACK_CHARS: usize = 128;
/// Characters of `extra."callback.param"`.
const PARAM_CHARS: usize = 64;
/// Seconds to live: from a minute to seven days.
const TTL_SECONDS: std::ops::RangeInclusive<u64> = 60..=604_800;
/// A token of access is valid for a day.
const ACCESS_MS: u64 = 86_400_000;
/// How far a client's clock may be off.
const SKEW_MS: u64 = 600_000;

pub(crate) struct Vivo;

impl Actor for Vivo {
    fn is_send(&self, asked: &Asked) -> bool {
        asked.path != "/message/auth"
    }

    fn throttled(&self) -> Said {
        refuse(10_072, "推送速度过快，请稍后再试")
    }

    fn outage(&self) -> Said {
        Said::empty(StatusCode::SERVICE_UNAVAILABLE)
    }

    fn play(&self, books: &mut Books, asked: &Asked) -> Said {
        let Some(body) = asked.json().filter(|_| asked.method == Method::POST) else {
            return refuse(10_045, "请求体不合法");
        };
        if asked.path == "/message/auth" {
            return authorise(books, &body, asked.now);
        }
        if !books.admits(asked.header("authtoken").unwrap_or_default(), asked.now) {
            return refuse(10_000, "权限认证失败");
        }
        match asked.path.as_str() {
            "/message/send" => send(books, &body),
            "/message/saveListPayload" => save(books, &body),
            "/message/pushToList" => push_to_list(books, &body),
            _ => refuse(10_043, "接口不存在"),
        }
    }
}

fn refuse(code: u32, why: &str) -> Said {
    Said::ok(&json!({ "result": code, "desc": why })).refusing(code.to_string())
}

/// A text, or a number as text.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.as_u64().map(|number| number.to_string()).unwrap_or_default(), str::to_owned)
}

fn authorise(books: &mut Books, body: &Value, now: u64) -> Said {
    let (id, key, sign) = (text(&body["appId"]), text(&body["appKey"]), text(&body["sign"]));
    let at = text(&body["timestamp"]);
    if id.is_empty() || key.is_empty() {
        return refuse(10_200, "appId不能为空");
    }
    if !at.parse::<u64>().is_ok_and(|at| at.abs_diff(now) <= SKEW_MS) {
        return refuse(10_204, "timestamp不正确");
    }
    let secret = books.credential(&id).and_then(|credential| credential.secret.as_deref());
    let is_right = secret.is_none_or(|secret| md5_hex(&format!("{id}{key}{at}{secret}")) == sign);
    if !is_right || !is_hex(&sign, 16) {
        return refuse(10_206, "sign 不正确");
    }
    let access = format!("vv-{}", books.next_id());
    books.grant(access.clone(), now + ACCESS_MS);
    Said::ok(&json!({ "result": 0, "desc": "请求成功", "authToken": access })).authorising()
}

/// What receipts need of a message, if it is one.
fn check(body: &Value) -> Result<Task, Said> {
    if !body["notifyType"].as_u64().is_some_and(|kind| (1..=4).contains(&kind)) {
        return Err(refuse(10_054, "notifyType不合法"));
    }
    let (title, content) = (text(&body["title"]), text(&body["content"]));
    if title.is_empty() || width(&title) > TITLE_WIDTH {
        return Err(refuse(10_055, "title不合法"));
    }
    if content.is_empty() || width(&content) > CONTENT_WIDTH {
        return Err(refuse(10_056, "content不合法"));
    }
    if body.get("timeToLive").is_some_and(|ttl| !ttl.as_u64().is_some_and(|ttl| TTL_SECONDS.contains(&ttl))) {
        return Err(refuse(10_057, "timeToLive不合法"));
    }
    if !body["skipType"].as_u64().is_some_and(|kind| (1..=4).contains(&kind)) {
        return Err(refuse(10_058, "skipType不合法"));
    }
    check_request_id(body)?;
    let (callback, param) = (text(&body["extra"]["callback"]), text(&body["extra"]["callback.param"]));
    if callback.chars().count() > CALLBACK_CHARS {
        return Err(refuse(10_304, "callback不合法"));
    }
    if param.chars().count() > PARAM_CHARS {
        return Err(refuse(10_306, "callback.param不合法"));
    }
    Ok(Task { message: param, callback: (!callback.is_empty()).then_some(callback) })
}

fn check_request_id(body: &Value) -> Result<String, Said> {
    let id = text(&body["requestId"]);
    if id.is_empty() || id.chars().count() > REQUEST_ID_CHARS {
        return Err(refuse(10_352, "requestId不合法"));
    }
    Ok(id)
}

fn width(text: &str) -> usize {
    text.chars().map(|character| if character.is_ascii() { 1 } else { 2 }).sum()
}

fn send(books: &mut Books, body: &Value) -> Said {
    let task = match check(body) {
        Ok(task) => task,
        Err(said) => return said,
    };
    let token = text(&body["regId"]);
    if token.is_empty() && text(&body["alias"]).is_empty() {
        return refuse(10_302, "regId不合法");
    }
    if is_dead(&token) {
        // One that is unknown is not legal, one that was uninstalled is an invalid user.
        let said = if token.len().is_multiple_of(2) {
            refuse(10_302, "regId不合法")
        } else {
            Said::ok(&json!({
                "result": 0, "desc": "请求成功", "taskId": books.next_id(),
                "invalidUser": { "status": 2, "userid": token },
            }))
        };
        return Said { refused: None, ..said }.with_dead(1);
    }
    let target = if token.is_empty() { text(&body["alias"]) } else { token };
    let key = (text(&body["requestId"]), target.clone());
    let answer = |id: &str| Said::ok(&json!({ "result": 0, "desc": "请求成功", "taskId": id }));
    if let Some(before) = books.repeats.find(&key) {
        return answer(before).dropping_repeats(1);
    }
    let id = books.next_id();
    books.repeats.put(key, id.clone());
    let taken = Taken { token: target, message: task.message, vendor_id: id.clone(), callback: task.callback };
    answer(&id).taking(vec![taken])
}

fn save(books: &mut Books, body: &Value) -> Said {
    match check(body) {
        Err(said) => said,
        Ok(_) if body.get("regId").is_some() => refuse(10_045, "regId"),
        Ok(task) => {
            let id = books.next_id();
            books.tasks.put(id.clone(), task);
            Said::ok(&json!({ "result": 0, "desc": "请求成功", "taskId": id }))
        }
    }
}

fn push_to_list(books: &mut Books, body: &Value) -> Said {
    let request = match check_request_id(body) {
        Ok(request) => request,
        Err(said) => return said,
    };
    let id = text(&body["taskId"]);
    let Some(task) = books.tasks.find(&id).cloned() else { return refuse(10_150, "taskId不存在") };
    let tokens: Vec<String> =
        body["regIds"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    if tokens.len() < 2 || tokens.len() > TOKENS_MAX {
        return refuse(10_151, "regIds个数不合法");
    }
    let (dead, alive): (Vec<_>, Vec<_>) = tokens.into_iter().partition(|token| is_dead(token));
    let invalid = |token: &String| json!({ "status": 1 + token.len() % 2, "userid": token });
    let users: Vec<Value> = dead.iter().map(invalid).collect();
    let mut answer = json!({ "result": 0, "desc": "请求成功", "requestId": request });
    if !users.is_empty() {
        answer["invalidUsers"] = users.into();
    }
    let mut taken = Vec::new();
    let mut repeats = 0;
    for token in alive {
        let key = (request.clone(), token.clone());
        if books.repeats.holds(&key) {
            repeats += 1;
            continue;
        }
        books.repeats.put(key, id.clone());
        let (message, callback) = (task.message.clone(), task.callback.clone());
        taken.push(Taken { token, message, vendor_id: id.clone(), callback });
    }
    Said::ok(&answer).taking(taken).with_dead(dead.len() as u64).dropping_repeats(repeats)
}
