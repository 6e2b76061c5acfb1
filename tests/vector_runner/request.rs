//! Whether a request is the one that a step expects.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use homing_domain::Channel;
use serde_json::{Map, Value};

use crate::actual::Actual;
use crate::file::{Alternative, Body, BodyKind, Request};
use crate::judge::Judge;
use crate::jwt;
use crate::matcher::{Scope, compare};

/// What differs; of the forms that are right, the one that the request is nearest to.
pub(crate) fn compare_request(
    expected: &Request,
    actual: &Actual,
    origins: &BTreeSet<String>,
    judge: Judge<'_>,
) -> Vec<String> {
    let mut misses = line(expected, actual, origins);
    let forms =
        std::iter::once(expected.clone()).chain(expected.alternatives.iter().map(|other| instead(expected, other)));
    let nearest = forms.map(|form| content(&form, actual, judge)).min_by_key(Vec::len);
    misses.extend(nearest.unwrap_or_default());
    misses
}

/// Method, path and server.
fn line(expected: &Request, actual: &Actual, origins: &BTreeSet<String>) -> Vec<String> {
    let mut misses = Vec::new();
    if actual.method != expected.method {
        misses.push(format!("method {} is expected, not {}", expected.method, actual.method));
    }
    let mut paths = std::iter::once(&expected.path).chain(&expected.path_alternatives);
    if !paths.any(|path| *path == actual.path || *path == decoded(&actual.path)) {
        misses.push(format!("path {} is expected, not {}", expected.path, actual.path));
    }
    if !origins.contains(&actual.origin) {
        misses.push(format!("server {origins:?} is expected, not {}", actual.origin));
    }
    misses
}

fn decoded(path: &str) -> String {
    // A plus is itself in a path, so a form's reader must not see it.
    form_urlencoded::parse(path.replace('+', "%2B").as_bytes()).map(|(name, _)| name.into_owned()).collect()
}

fn instead(expected: &Request, other: &Alternative) -> Request {
    let mut form = expected.clone();
    if let Some(Body { r#match: Value::Object(fields), .. }) = &mut form.body {
        // A header that takes the place of a field of its name.
        fields.retain(|name, _| !other.headers.contains_key(name));
        fields.extend(other.body_match.clone());
    }
    form.headers.extend(other.headers.clone());
    form
}

fn content(expected: &Request, actual: &Actual, judge: Judge<'_>) -> Vec<String> {
    let none = Body { kind: BodyKind::Raw, r#match: Value::Null };
    let body = expected.body.as_ref().unwrap_or(&none);
    let read = actual.body(body.kind);
    let shape = read.as_ref().unwrap_or(&Value::Null);
    let scope = Scope { judge: Some(judge), body: shape };
    let lower = |headers: &Map<String, Value>| -> Value {
        headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect::<Map<_, _>>().into()
    };
    let mut misses = compare(scope, "header", &lower(&expected.headers), Some(&actual.headers()));
    misses.extend(signed_access(actual, &judge).err().map(|error| format!("header/authorization: {error:#}")));
    match actual.query() {
        Ok(query) => misses.extend(compare(scope, "query", &expected.query.clone().into(), Some(&query))),
        Err(error) => misses.push(format!("query: {error:#}")),
    }
    match (&read, body.kind) {
        (Err(error), _) => misses.push(format!("{error:#}")),
        (Ok(_), BodyKind::Raw) => {
            misses.extend(raw(scope, &body.r#match, actual).unwrap_or_else(|error| vec![format!("body: {error:#}")]));
        }
        (Ok(shape), _) if !body.r#match.is_null() => misses.extend(compare(scope, "body", &body.r#match, Some(shape))),
        (Ok(_), _) => {}
    }
    misses
}

/// Where every request is signed by the client, the signature is checked whatever the file says of the header.
fn signed_access(actual: &Actual, judge: &Judge<'_>) -> Result<()> {
    let scheme = match judge.channel {
        Channel::Apns => "bearer",
        Channel::WebPush => "vapid t=",
        _ => return Ok(()),
    };
    let header = actual.headers.get(http::header::AUTHORIZATION).context("nothing says who asks")?;
    jwt::of_text(header.to_str()?, Some(scheme), judge).map(drop)
}

/// Bytes, that may be encrypted for a device.
fn raw(scope: Scope<'_>, expected: &Value, actual: &Actual) -> Result<Vec<String>> {
    let mut misses = Vec::new();
    for (name, argument) in expected.as_object().into_iter().flatten() {
        match name.as_str() {
            "$max_bytes" => {
                let most = argument.as_u64().context("$max_bytes takes a number")?;
                if actual.body.len() as u64 > most {
                    misses.push(format!("body: at most {most} bytes are expected, not {}", actual.body.len()));
                }
            }
            "decrypts_to" => {
                let keys = scope
                    .judge
                    .and_then(|judge| judge.device)
                    .context("the private key of the subscription is not known")?;
                let plain = homing_web_push::decrypt(&actual.body, keys).context("it cannot be decrypted")?;
                let plain = Value::from(String::from_utf8(plain).context("what was encrypted is no text")?);
                misses.extend(compare(scope, "decrypted", argument, Some(&plain)));
            }
            other => anyhow::bail!("raw bytes know no {other:?}"),
        }
    }
    Ok(misses)
}
