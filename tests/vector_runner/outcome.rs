//! Whether the client made of the answers what the file says.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use homing_channels::{Access, Answers, Class, Failure};
use homing_domain::{Channel, UnixMillis};
use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use serde_json::Value;

use crate::file::{Expected, Vectors};
use crate::matcher::{self, Scope};

/// Judges the credential exchange.
pub(crate) fn of_access(
    expected: &Expected,
    fetched: Result<Option<Access>, Failure>,
    now: UnixMillis,
) -> Result<Vec<String>> {
    match fetched {
        Ok(Some(access)) => {
            let mut misses = Vec::new();
            differ(&mut misses, "class", &expected.class, Class::Accepted.name());
            let seconds = access.renew_at.0.saturating_sub(now.0) / 1_000;
            matched(&mut misses, "cache_s", expected.cache_s.as_ref(), Some(seconds.into()));
            Ok(misses)
        }
        Ok(None) => Ok(vec!["no access is needed".to_owned()]),
        Err(Failure::NoAccess(answers)) => compare(expected, &answers, &[], now),
        Err(failure) => Ok(vec![failure.to_string()]),
    }
}

/// Judges what a push, or whatever was asked, came to.
pub(crate) fn of_answers(
    file: &Vectors,
    expected: &Expected,
    operated: Result<Answers, Failure>,
    names: &[String],
    now: UnixMillis,
) -> Result<Vec<String>> {
    let mut answers = match operated {
        Ok(answers) => answers,
        Err(Failure::NoAccess(answers)) => *answers,
        Err(failure) => return Ok(vec![failure.to_string()]),
    };
    if file.channel == Channel::Apns {
        // It says the same id in either case of letters.
        let expected = expected.vendor_msg_id.as_ref().and_then(Value::as_str);
        for id in &mut answers.vendor_ids {
            if let Some(expected) = expected.filter(|expected| expected.eq_ignore_ascii_case(id)) {
                expected.clone_into(id);
            }
        }
    }
    if !answers.targets.is_empty() && answers.targets.len() != names.len() {
        return Ok(vec![format!("{} targets have {} outcomes", names.len(), answers.targets.len())]);
    }
    compare(expected, &answers, names, now)
}

fn compare(expected: &Expected, answers: &Answers, names: &[String], now: UnixMillis) -> Result<Vec<String>> {
    let mut misses = Vec::new();
    if answers.class.name() != expected.class {
        misses.push(format!("class {} is expected, not {} ({})", expected.class, answers.class.name(), answers.code));
    }
    targets(&mut misses, expected, answers, names);
    let text = |text: Option<&String>| text.cloned().map(Value::from);
    matched(&mut misses, "vendor_msg_id", expected.vendor_msg_id.as_ref(), text(answers.vendor_ids.first()));
    if let Some(ids) = &expected.vendor_msg_ids {
        let set = |ids: &[String]| ids.iter().cloned().collect::<BTreeSet<_>>();
        differ(&mut misses, "vendor_msg_ids", &set(ids), &set(&answers.vendor_ids));
    }
    matched(&mut misses, "vendor_task_id", expected.vendor_task_id.as_ref(), text(answers.task_id.as_ref()));
    matched(&mut misses, "channel_id", expected.channel_id.as_ref(), text(answers.channel_id.as_ref()));
    let seconds = answers.retry_after.map(|wait| (wait / 1_000).into());
    matched(&mut misses, "retry_after_s", expected.retry_after_s.as_ref(), seconds);
    if let Some(words) = &expected.not_before {
        let moment = words.as_str().map(|words| moment(words, now)).transpose()?;
        differ(&mut misses, "not_before", &moment, &answers.not_before);
    }
    if let Some(refresh) = expected.refresh_auth {
        differ(&mut misses, "refresh_auth", &refresh, &answers.refresh_access);
    }
    if expected.cache_s.is_some() {
        misses.push("cache_s is said of a credential exchange alone".to_owned());
    }
    Ok(misses)
}

fn targets(misses: &mut Vec<String>, expected: &Expected, answers: &Answers, names: &[String]) {
    let each = || names.iter().zip(&answers.targets);
    let mut cleaned: BTreeSet<&str> = each().filter(|(_, target)| target.cleans).map(|(name, _)| &**name).collect();
    if expected.per_alias.is_some() {
        // A name of ours is no token: there is nothing to clean.
        cleaned.clear();
    }
    cleaned.extend(answers.dead_tokens.iter().map(String::as_str));
    let set = |tokens: &'_ Vec<String>| tokens.iter().cloned().collect::<BTreeSet<_>>();
    let cleaned: BTreeSet<String> = cleaned.into_iter().map(str::to_owned).collect();
    match &expected.invalid_tokens {
        Some(tokens) => differ(misses, "invalid_tokens", &set(tokens), &cleaned),
        None if expected.keep_tokens => differ(misses, "keep_tokens: cleaned", &BTreeSet::new(), &cleaned),
        None => {}
    }
    if let Some(tokens) = &expected.retry_tokens {
        let again = each().filter(|(_, target)| matches!(target.class, Class::Retry | Class::RetryLater));
        let again: BTreeSet<String> = again.map(|(name, _)| name.clone()).collect();
        differ(misses, "retry_tokens", &set(tokens), &again);
    }
    let classes: BTreeMap<String, String> =
        each().map(|(name, target)| (name.clone(), target.class.name().to_owned())).collect();
    for (key, expected) in [("per_token", &expected.per_token), ("per_alias", &expected.per_alias)] {
        if let Some(expected) = expected {
            differ(misses, key, expected, &classes);
        }
    }
}

fn differ<T: PartialEq<U> + std::fmt::Debug + ?Sized, U: std::fmt::Debug + ?Sized>(
    misses: &mut Vec<String>,
    key: &str,
    expected: &T,
    actual: &U,
) {
    if expected != actual {
        misses.push(format!("{key} {expected:?} is expected, not {actual:?}"));
    }
}

/// Compares where something is expected; `null` = there must be none.
fn matched(misses: &mut Vec<String>, key: &str, expected: Option<&Value>, actual: Option<Value>) {
    match expected {
        None => {}
        Some(Value::Null) => differ(misses, key, &None::<Value>, &actual),
        Some(expected) => misses.extend(compare_values(key, expected, actual.as_ref())),
    }
}

fn compare_values(key: &str, expected: &Value, actual: Option<&Value>) -> Vec<String> {
    matcher::compare(Scope { judge: None, body: &Value::Null }, key, expected, actual)
}

/// A moment in words: `next midnight, Asia/Shanghai`, or as ISO 8601.
fn moment(words: &str, now: UnixMillis) -> Result<UnixMillis> {
    let at = match words.split_once(',') {
        Some(("next midnight", zone)) => {
            let zone = TimeZone::get(zone.trim()).with_context(|| format!("{words:?}"))?;
            let here = Timestamp::from_millisecond(now.0.try_into()?)?.to_zoned(zone);
            here.date().checked_add(1.day())?.to_zoned(here.time_zone().clone())?.timestamp()
        }
        _ => words.parse().with_context(|| format!("the moment {words:?} is not known"))?,
    };
    Ok(UnixMillis(at.as_millisecond().try_into()?))
}
