//! OPPO PUSH: signed exchange for a token of a day, forms that hold JSON, unicast, batches and broadcasts to lists.

use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use crate::actor::{Actor, Books, Task, is_dead, is_dead_later};
use crate::asked::{Asked, Said, Taken};
use crate::signature::{is_hex, sha256_hex};

/// Messages of one batch, and ids of one broadcast.
const TOKENS_MAX: usize = 1_000;
/// Characters of a title.
const TITLE_CHARS: usize = 50;
/// Characters of a standard content.
const CONTENT_CHARS: usize = 200;
/// Characters of `call_back_parameter`.
const PARAMETER_CHARS: usize = 50;
/// Characters of `call_back_url`.
const URL_CHARS: usize = 200;
/// Ten days, in seconds.
const TTL_MAX_SECONDS: u64 = 864_000;
/// A token of access is valid for a day.
const ACCESS_MS: u64 = 86_400_000;
/// How far a client's clock may be off.
const SKEW_MS: u64 = 600_000;
/// The kind of target that is a registration id.
const TO_TOKEN: u64 = 2;
/// Dead ids that one question gives.
const FOUND_DEAD_MAX: usize = 1_000;
const SENDS: &str = "/server/v1/message/notification/";

pub(crate) struct Oppo;

impl Actor for Oppo {
    fn is_send(&self, asked: &Asked) -> bool {
        asked.path.starts_with(SENDS)
    }

    fn throttled(&self) -> Said {
        refuse(13, "App Call Limited")
    }

    fn outage(&self) -> Said {
        refuse(-1, "Service Currently Unavailable")
    }

    fn play(&self, books: &mut Books, asked: &Asked) -> Said {
        if asked.is(&Method::POST, "/server/v1/auth") {
            return authorise(books, asked);
        }
        let form = asked.form();
        let access = form.get("auth_token").cloned().or_else(|| asked.query_field("auth_token"));
        let access = access.or_else(|| asked.header("auth_token").map(str::to_owned)).unwrap_or_default();
        if access.is_empty() {
            return refuse(29, "Missing Auth Token");
        }
        if !books.admits(&access, asked.now) {
            return refuse(11, "Invalid AuthToken");
        }
        if asked.is(&Method::GET, "/server/v1/feedback/fetch_invalid_regidList") {
            let count = books.found_dead.len().min(FOUND_DEAD_MAX);
            let dead: Vec<String> = books.found_dead.drain(..count).collect();
            return success(&json!({ "registration_ids": dead }));
        }
        let field = |name: &str| form.get(name).and_then(|text| serde_json::from_str::<Value>(text).ok());
        match asked.path.strip_prefix(SENDS) {
            _ if asked.method != Method::POST => refuse(12, "HTTP Method Not Allowed"),
            Some("unicast") => field("message").map_or_else(missing, |message| unicast(books, &message)),
            Some("unicast_batch") => match field("messages") {
                Some(Value::Array(messages)) => batch(books, &messages),
                _ => missing(),
            },
            Some("save_message_content") => save(books, &form.into_iter().map(|(k, v)| (k, v.into())).collect()),
            Some("broadcast") => broadcast(books, &form.into_iter().map(|(k, v)| (k, v.into())).collect()),
            _ => refuse(20, "Missing Method"),
        }
    }
}

fn refuse(code: i32, message: &str) -> Said {
    let said = Said::json(StatusCode::OK, &json!({ "code": code, "message": message }));
    said.refusing(code.to_string())
}

fn missing() -> Said {
    refuse(40, "Missing Required Arguments")
}

fn success(data: &Value) -> Said {
    Said::ok(&json!({ "code": 0, "message": "Success", "data": data }))
}

fn authorise(books: &mut Books, asked: &Asked) -> Said {
    let form = asked.form();
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let (key, at, sign) = (field("app_key"), field("timestamp"), field("sign"));
    if key.is_empty() {
        return refuse(14, "Missing App Key");
    }
    if !at.parse::<u64>().is_ok_and(|at| at.abs_diff(asked.now) <= SKEW_MS) {
        return refuse(19, "Invalid Timestamp");
    }
    let secret = books.credential(key).and_then(|credential| credential.secret.as_deref());
    let is_right = secret.is_none_or(|secret| sha256_hex(&format!("{key}{at}{secret}")) == sign);
    if !is_right || !is_hex(sign, 32) {
        return refuse(17, "Invalid Signature");
    }
    let access = format!("op-{}", books.next_id());
    books.grant(access.clone(), asked.now + ACCESS_MS);
    success(&json!({ "auth_token": access, "create_time": asked.now })).authorising()
}

/// A field by its name, or by the name that the documents' example has.
fn named<'a>(map: &'a Map<String, Value>, snake: &str, camel: &str) -> Option<&'a Value> {
    map.get(snake).or_else(|| map.get(camel))
}

fn text<'a>(map: &'a Map<String, Value>, snake: &str, camel: &str) -> &'a str {
    named(map, snake, camel).and_then(Value::as_str).unwrap_or_default()
}

/// A number, that a form gives as a text.
fn number(value: Option<&Value>) -> Option<u64> {
    value.and_then(|value| value.as_u64().or_else(|| value.as_str()?.parse().ok()))
}

/// What receipts need of a notification, if it is one.
fn check(notification: &Map<String, Value>) -> Result<Task, (i32, &'static str)> {
    let (title, content) = (text(notification, "title", "title"), text(notification, "content", "content"));
    let style = number(notification.get("style")).unwrap_or(1);
    if title.is_empty() || content.is_empty() {
        return Err((40, "Missing Required Arguments"));
    }
    let parameter = text(notification, "call_back_parameter", "callBackParameter");
    let url = text(notification, "call_back_url", "callBackUrl");
    let is_short = title.chars().count() <= TITLE_CHARS
        && (style != 1 || content.chars().count() <= CONTENT_CHARS)
        && parameter.chars().count() <= PARAMETER_CHARS
        && url.chars().count() <= URL_CHARS;
    let ttl = number(named(notification, "off_line_ttl", "offLineTtl"));
    if !is_short || ttl.is_some_and(|ttl| ttl > TTL_MAX_SECONDS) {
        return Err((41, "Invalid Arguments"));
    }
    Ok(Task { message: parameter.to_owned(), callback: (!url.is_empty()).then(|| url.to_owned()) })
}

/// One message of one target.
enum Single {
    Taken(Taken),
    /// It came before, and was taken then.
    Repeat(String),
    Dead,
    Refused(i32, &'static str),
}

fn single(books: &mut Books, message: &Value) -> (String, String, Single) {
    let id = books.next_id();
    let field = |name: &str, camel: &str| message.get(name).or_else(|| message.get(camel));
    let target = field("target_value", "targetValue").and_then(Value::as_str).unwrap_or_default().to_owned();
    let kind = number(field("target_type", "targetType"));
    let refused = |code, why| Single::Refused(code, why);
    let result = match message.get("notification").and_then(Value::as_object) {
        _ if target.is_empty() || target.contains(';') => refused(40, "Missing Required Arguments"),
        None => refused(40, "Missing Required Arguments"),
        Some(notification) => match check(notification) {
            Err((code, why)) => refused(code, why),
            Ok(_) if kind == Some(TO_TOKEN) && is_dead(&target) => Single::Dead,
            Ok(task) => {
                let request = text(notification, "app_message_id", "appMessageId").to_owned();
                let key = (request, target.clone());
                match books.repeats.find(&key).filter(|_| !key.0.is_empty()) {
                    Some(before) => Single::Repeat(before.clone()),
                    None => {
                        note(books, key, &id);
                        let (message, callback) = (task.message, task.callback);
                        Single::Taken(Taken { token: target.clone(), message, vendor_id: id.clone(), callback })
                    }
                }
            }
        },
    };
    (id, target, result)
}

/// Remembers what was taken, and tokens that will turn out dead.
fn note(books: &mut Books, (request, token): (String, String), id: &str) {
    if is_dead_later(&token) && books.found_dead.len() < FOUND_DEAD_MAX {
        books.found_dead.push(token.clone());
    }
    if !request.is_empty() {
        books.repeats.put((request, token), id.to_owned());
    }
}

fn unicast(books: &mut Books, message: &Value) -> Said {
    let (id, _, result) = single(books, message);
    match result {
        Single::Taken(taken) => success(&json!({ "messageId": id })).taking(vec![taken]),
        Single::Repeat(before) => success(&json!({ "messageId": before })).dropping_repeats(1),
        Single::Dead => {
            let said = refuse(10_000, "registration_id格式不正确");
            Said { refused: None, ..said }.with_dead(1)
        }
        Single::Refused(code, why) => refuse(code, why),
    }
}

fn batch(books: &mut Books, messages: &[Value]) -> Said {
    if messages.is_empty() || messages.len() > TOKENS_MAX {
        return refuse(41, "Invalid Arguments");
    }
    let (mut data, mut taken, mut dead, mut repeats) = (Vec::new(), Vec::new(), 0, 0);
    for message in messages {
        let (id, target, result) = single(books, message);
        let failed = |code: i32, why: &str| {
            let mut element = json!({ "messageId": id, "registrationId": target });
            (element["errorCode"], element["errorMessage"]) = (code.into(), why.into());
            element
        };
        data.push(match result {
            Single::Taken(one) => {
                taken.push(one);
                json!({ "messageId": id, "registrationId": target })
            }
            Single::Repeat(before) => {
                repeats += 1;
                json!({ "messageId": before, "registrationId": target })
            }
            Single::Dead => {
                dead += 1;
                failed(10_000, "registration_id格式不正确")
            }
            Single::Refused(code, why) => failed(code, why),
        });
    }
    success(&data.into()).taking(taken).with_dead(dead).dropping_repeats(repeats)
}

fn save(books: &mut Books, content: &Map<String, Value>) -> Said {
    match check(content) {
        Err((code, why)) => refuse(code, why),
        Ok(task) => {
            let id = books.next_id();
            books.tasks.put(id.clone(), task);
            success(&json!({ "message_id": id }))
        }
    }
}

fn broadcast(books: &mut Books, form: &Map<String, Value>) -> Said {
    let id = text(form, "message_id", "messageId").to_owned();
    let Some(task) = books.tasks.find(&id).cloned() else { return refuse(31, "Data Not Exist") };
    let targets: Vec<String> =
        text(form, "target_value", "targetValue").split(';').filter(|id| !id.is_empty()).map(str::to_owned).collect();
    let is_to_tokens = number(named(form, "target_type", "targetType")) == Some(TO_TOKEN);
    if is_to_tokens && (targets.is_empty() || targets.len() > TOKENS_MAX) {
        return refuse(41, "Invalid Arguments");
    }
    let task_id = books.next_id();
    let mut data = json!({ "message_id": id, "task_id": task_id, "status": "success" });
    let (dead, alive): (Vec<_>, Vec<_>) = targets.into_iter().partition(|token| is_to_tokens && is_dead(token));
    if !dead.is_empty() {
        data["10000"] = json!(dead);
    }
    // A saved content goes to each id once, however often it is asked for.
    let mut taken = Vec::new();
    let mut repeats = 0;
    for token in alive {
        let key = (format!("saved {id}"), token.clone());
        if books.repeats.holds(&key) {
            repeats += 1;
            continue;
        }
        note(books, key, &id);
        let (message, callback) = (task.message.clone(), task.callback.clone());
        taken.push(Taken { token, message, vendor_id: id.clone(), callback });
    }
    success(&data).taking(taken).with_dead(dead.len() as u64).dropping_repeats(repeats)
}
