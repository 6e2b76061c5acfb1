//! An answer becomes outcomes. All come with status 200 and a text in `code`. The same number means one thing there, and
//! another as a key of `value`, where the refused targets stand.

use std::collections::HashMap;

use homing_domain::UnixMillis;
use serde_json::{Map, Value};

use crate::addressing::distinct;
use crate::china_clock::next_hour_in_china;
use crate::json_answer::{UNREADABLE, object, text};
use crate::{Answers, Class, Outcome, Response};

/// Success.
const OK: &str = "200";

/// What the targets are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TargetKind {
    /// The vendor's ids of devices.
    PushId,
    /// Names of ours.
    Alias,
}

/// Whom an answer is about.
#[derive(Debug)]
pub(super) struct Targets {
    /// What they are.
    pub(super) kind: TargetKind,
    /// In the order of the targets.
    pub(super) names: Vec<String>,
}

impl Targets {
    /// As they stand in a request. A separator in one would name another device: such is left out.
    pub(super) fn listed(&self) -> String {
        let listed: Vec<_> = distinct(&self.names).into_iter().filter(|name| can_be_listed(name)).collect();
        listed.join(",")
    }

    fn all(&self, outcome: &Outcome) -> Answers {
        Answers::all(outcome, self.names.len())
    }

    /// What a code means for one target.
    fn refused(&self, code: &str) -> Outcome {
        let class = match code {
            "110002" | "110003" if self.kind == TargetKind::PushId => return Outcome::dead(code),
            // An alias is no token: nothing is to be forgotten. 110010 = its owner switched notifications off.
            "110002" | "110003" | "110005" | "110010" => Class::InvalidToken,
            // 201 = not sent, 501 = failed, 519 = too much at once.
            "201" | "501" | "519" => Class::Retry,
            "518" => Class::RetryLater,
            // Five in a minute to one device: folded.
            "520" => Class::Dropped,
            "110011" => Class::Quota,
            _ => Class::BadRequest,
        };
        Outcome::of(class, code)
    }
}

fn can_be_listed(name: &str) -> bool {
    !name.is_empty() && !name.contains(',')
}

/// What a code of the whole means that is no success. `MEIZUPUSH/PushAPI`, return codes.
fn class(code: &str) -> Class {
    match code {
        "500" | "1001" | "1003" => Class::Retry,
        "1006" | "110000" | "110001" | "110009" => Class::AuthError,
        "110010" => Class::RetryLater,
        "110019" | "110053" => Class::Quota,
        _ => Class::BadRequest,
    }
}

/// The body of a success; else what the code means for all targets.
fn success(response: &Response, now: UnixMillis, targets: &Targets) -> Result<Map<String, Value>, Box<Answers>> {
    let body = object(response).map_err(|(class, code)| Box::new(targets.all(&Outcome::of(class, code))))?;
    match text(body.get("code")) {
        None => Err(Box::new(targets.all(&Outcome::of(Class::Retry, UNREADABLE)))),
        Some(code) if code == OK => Ok(body),
        Some(code) => {
            let class = class(&code);
            let not_before = (class == Class::Quota).then(|| next_hour_in_china(now, 0));
            Err(Box::new(Answers { not_before, ..targets.all(&Outcome::of(class, code)) }))
        }
    }
}

/// What the vendor calls the content that was saved.
pub(super) fn saved(response: &Response, now: UnixMillis, targets: &Targets) -> Result<String, Box<Answers>> {
    let body = success(response, now, targets)?;
    let task_id = text(body.get("value").and_then(|value| value.get("taskId")));
    task_id.ok_or_else(|| Box::new(targets.all(&Outcome::of(Class::Retry, UNREADABLE))))
}

/// The answer about the targets: only the refused ones are named, under their code.
pub(super) fn pushed(response: &Response, now: UnixMillis, targets: &Targets, task_id: Option<String>) -> Answers {
    let body = match success(response, now, targets) {
        Ok(body) => body,
        Err(answers) => return Answers { task_id, ..*answers },
    };
    let refused: HashMap<&str, &str> = body
        .get("value")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(code, names)| Some((code.as_str(), names.as_array()?)))
        .flat_map(|(code, names)| names.iter().filter_map(move |name| Some((name.as_str()?, code))))
        .collect();
    let outcomes = targets.names.iter().map(|name| match refused.get(name.as_str()) {
        _ if !can_be_listed(name) => targets.refused("110003"),
        Some(code) => targets.refused(code),
        None => Outcome::of(Class::Accepted, OK),
    });
    let answers = Answers::each(outcomes.collect(), OK);
    // Devices that have had enough for today, even if it is each of them, do not use up what the app has.
    let class = if answers.class == Class::Quota { Class::Partial } else { answers.class };
    Answers { class, vendor_ids: text(body.get("msgId")).into_iter().collect(), task_id, ..answers }
}
