//! The language that expectations are written in.

use anyhow::{Context as _, Result, bail};
use regex_lite::Regex;
use serde_json::{Map, Value};

use crate::judge::Judge;
use crate::jwt;
use crate::signs::{Hash, signed_text, text};

/// What a value is compared within.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    /// None where nothing is signed: an outcome.
    pub(crate) judge: Option<Judge<'a>>,
    /// The whole body: signatures are over its fields.
    pub(crate) body: &'a Value,
}

/// Compares and says what differs. `actual` is none where the field is missing.
pub(crate) fn compare(scope: Scope<'_>, at: &str, expected: &Value, actual: Option<&Value>) -> Vec<String> {
    match expected {
        Value::Object(fields) if fields.keys().any(|name| name.starts_with('$')) => {
            match special(scope, at, fields, actual) {
                Ok(misses) => misses,
                Err(error) => vec![format!("{at}: {error:#}")],
            }
        }
        Value::Object(fields) => match actual {
            Some(Value::Object(actual)) => fields
                .iter()
                .flat_map(|(name, expected)| compare(scope, &format!("{at}/{name}"), expected, actual.get(name)))
                .collect(),
            // Nothing is there, and nothing may have to be.
            None if !fields.is_empty() => fields
                .iter()
                .flat_map(|(name, expected)| compare(scope, &format!("{at}/{name}"), expected, None))
                .collect(),
            other => vec![format!("{at}: an object is expected, not {}", shown(other))],
        },
        Value::Array(expected) => match actual {
            Some(Value::Array(actual)) if actual.len() == expected.len() => expected
                .iter()
                .zip(actual)
                .enumerate()
                .flat_map(|(number, (expected, actual))| {
                    compare(scope, &format!("{at}/{number}"), expected, Some(actual))
                })
                .collect(),
            other => vec![format!("{at}: {} values are expected, not {}", expected.len(), shown(other))],
        },
        plain if actual.is_some_and(|actual| equal(plain, actual)) => Vec::new(),
        plain => vec![format!("{at}: {plain} is expected, not {}", shown(actual))],
    }
}

fn special(scope: Scope<'_>, at: &str, fields: &Map<String, Value>, actual: Option<&Value>) -> Result<Vec<String>> {
    let mut matchers: Vec<(&str, &Value)> = fields.iter().map(|(name, value)| (name.as_str(), value)).collect();
    let mut parts = None;
    if let Some(split) = fields.get("$split") {
        let separator = split.as_str().context("$split takes a text")?;
        let joined =
            actual.and_then(Value::as_str).with_context(|| format!("a text is expected, not {}", shown(actual)))?;
        parts = Some(Value::Array(joined.split(separator).map(Value::from).collect()));
        matchers.retain(|(name, _)| *name != "$split");
        if matchers.is_empty() {
            bail!("$split says nothing alone");
        }
    }
    let actual = parts.as_ref().or(actual);
    let mut misses = Vec::new();
    for (name, argument) in matchers {
        misses.extend(one(scope, at, (name, argument), actual)?);
    }
    Ok(misses)
}

fn one(scope: Scope<'_>, at: &str, (name, argument): (&str, &Value), actual: Option<&Value>) -> Result<Vec<String>> {
    let miss = |what: String| Ok(vec![format!("{at}: {what}, not {}", shown(actual))]);
    let holds = |holds: bool, what: String| if holds { Ok(Vec::new()) } else { miss(what) };
    match name {
        "$absent" => holds(actual.is_none() == (argument == true), "nothing is expected".to_owned()),
        "$any" => holds(actual.is_some(), "anything is expected".to_owned()),
        "$one_of" => {
            let all = argument.as_array().context("$one_of takes a list")?;
            holds(
                all.iter().any(|one| compare(scope, at, one, actual).is_empty()),
                format!("one of {argument} is expected"),
            )
        }
        "$re" => {
            let pattern = argument.as_str().context("$re takes a text")?;
            let pattern = Regex::new(pattern).with_context(|| format!("$re {pattern:?}"))?;
            let is_match = match actual {
                Some(value @ (Value::String(_) | Value::Number(_))) => pattern.is_match(&text(value)),
                _ => false,
            };
            holds(is_match, format!("{argument} is expected to match"))
        }
        "$between" => {
            let Some([least, most]) = argument.as_array().map(Vec::as_slice) else {
                bail!("$between takes two numbers")
            };
            let (least, most) = least.as_f64().zip(most.as_f64()).context("$between takes two numbers")?;
            let number = actual.and_then(|value| value.as_f64().or_else(|| value.as_str()?.parse().ok()));
            holds(
                number.is_some_and(|number| (least..=most).contains(&number)),
                format!("{least} to {most} is expected"),
            )
        }
        "$set" => {
            let expected = argument.as_array().context("$set takes a list")?;
            let Some(actual) = actual.and_then(Value::as_array) else { return miss("a list is expected".to_owned()) };
            holds(is_same_set(scope, expected, actual), format!("{argument} in any order is expected"))
        }
        "$json" => match actual.and_then(Value::as_str).map(serde_json::from_str::<Value>) {
            Some(Ok(inner)) => Ok(compare(scope, at, argument, Some(&inner))),
            _ => miss("JSON in a text is expected".to_owned()),
        },
        "$max_bytes" => {
            let most = argument.as_u64().context("$max_bytes takes a number")?;
            let length = actual.and_then(Value::as_str).map(|text| text.len() as u64);
            holds(length.is_some_and(|length| length <= most), format!("at most {most} bytes are expected"))
        }
        "$jwt" => token(scope, at, argument, actual),
        "$md5_sign" => signature(scope, Hash::Md5, argument, actual).map(Vec::from_iter),
        "$sha256_sign" => signature(scope, Hash::Sha256, argument, actual).map(Vec::from_iter),
        other => bail!("the matcher {other} is not known"),
    }
}

fn token(scope: Scope<'_>, at: &str, argument: &Value, actual: Option<&Value>) -> Result<Vec<String>> {
    let argument = argument.as_object().context("$jwt takes an object")?;
    if let Some(unknown) = argument.keys().find(|name| !["scheme", "header", "claims"].contains(&name.as_str())) {
        bail!("$jwt knows no {unknown:?}");
    }
    let text = actual.and_then(Value::as_str).with_context(|| format!("a token is expected, not {}", shown(actual)))?;
    let judge = scope.judge.context("nothing is signed here")?;
    let verified = jwt::of_text(text, argument.get("scheme").and_then(Value::as_str), &judge)?;
    let parts = [("header", &verified.header), ("claims", &verified.claims)];
    let compared = parts.iter().filter_map(|(name, part)| {
        argument.get(*name).map(|expected| compare(scope, &format!("{at}/{name}"), expected, Some(part)))
    });
    Ok(compared.flatten().collect())
}

fn signature(scope: Scope<'_>, hash: Hash, argument: &Value, actual: Option<&Value>) -> Result<Option<String>> {
    let of = argument.get("of").context("a signature is of something")?;
    let judge = scope.judge.context("nothing is signed here")?;
    let expected = hash.of(&signed_text(of, scope.body, judge.credentials)?);
    let is_right = actual.and_then(Value::as_str) == Some(&expected);
    Ok((!is_right).then(|| format!("the signature {expected} is expected, not {}", shown(actual))))
}

/// Each expected one finds one of its own.
fn is_same_set(scope: Scope<'_>, expected: &[Value], actual: &[Value]) -> bool {
    let mut left: Vec<&Value> = actual.iter().collect();
    expected.iter().all(|one| {
        let found = left.iter().position(|value| compare(scope, "", one, Some(value)).is_empty());
        found.map(|found| left.swap_remove(found)).is_some()
    }) && left.is_empty()
}

/// Numbers by value: 24 is 24.0.
fn equal(expected: &Value, actual: &Value) -> bool {
    expected == actual || matches!((expected.as_f64(), actual.as_f64()), (Some(one), Some(other)) if one == other)
}

fn shown(actual: Option<&Value>) -> String {
    actual.map_or_else(|| "nothing".to_owned(), ToString::to_string)
}
