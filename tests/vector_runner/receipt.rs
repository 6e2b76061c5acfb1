//! Runs a receipt: a real request to an endpoint that hands headers and body to the vendor's reader.

use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use homing_channels::{Callback, CallbackError, CallbackEvent};
use http::StatusCode;
use serde_json::Value;

use crate::actual::Actual;
use crate::credential;
use crate::file::{self, Event, Raw, Receipt, Vectors};
use crate::keys::Keys;
use crate::script::plain;
use crate::wire::Wire;

/// What is wrong.
pub(crate) async fn run(file: &Vectors, entry: &Value, wire: &Wire, keys: &Keys) -> Result<Vec<String>> {
    let receipt: Receipt = file::entry(entry)?;
    if receipt.reject && !receipt.expected_events.is_empty() {
        bail!("what is rejected has no events");
    }
    let verification = receipt.verification.as_ref();
    let now = file::clock(verification.and_then(|verification| verification.now).or(receipt.now))?;
    let credential = credential::for_receipt(file, verification, keys, now)?;
    let events = Mutex::new(Vec::new());
    let endpoint = |actual: &Actual| {
        let callback = Callback { headers: &actual.headers, body: &actual.body };
        match file.vendor.read_callback(&credential, callback, now) {
            Ok(read) => {
                events.lock().unwrap_or_else(PoisonError::into_inner).push(read);
                plain(StatusCode::OK, file.vendor.callback_reply())
            }
            Err(error) => plain(status(&error), &error.to_string()),
        }
    };
    let mut misses = Vec::new();
    // The second time is a replay: it must say the same, so that it adds nothing.
    for _ in 0..2 {
        let request = request(&receipt.raw, wire)?;
        let answer = wire.played(endpoint, wire.send(request)).await?;
        if let Some(expected) = receipt.expected_status
            && answer.status().as_u16() != expected
        {
            let body = String::from_utf8_lossy(answer.body());
            misses.push(format!("status {expected} is expected, not {} ({body})", answer.status()));
        }
        if let Some(expected) = &receipt.expected_reply {
            let reply: Value = serde_json::from_slice(answer.body()).unwrap_or(Value::Null);
            if reply != *expected {
                misses.push(format!("reply {expected} is expected, not {reply}"));
            }
        }
    }
    let read = events.into_inner().unwrap_or_else(PoisonError::into_inner);
    if receipt.reject && !read.is_empty() {
        misses.push("it was taken, and is to be rejected".to_owned());
    }
    if !receipt.reject && read.is_empty() {
        misses.push("it was not taken".to_owned());
    }
    for events in read {
        misses.extend(compare(&receipt.expected_events, events)?);
    }
    misses.dedup();
    Ok(misses)
}

fn request(raw: &Raw, wire: &Wire) -> Result<http::Request<Bytes>> {
    let body = match (&raw.body, &raw.body_form) {
        (Some(Value::String(text)), None) => text.clone(),
        (Some(body), None) => body.to_string(),
        (None, Some(fields)) => form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish(),
        (None, None) => String::new(),
        (Some(_), Some(_)) => bail!("there is one body"),
    };
    let mut request = http::Request::builder().method(raw.method.as_str()).uri(wire.url(&raw.path));
    for (name, value) in &raw.headers {
        request = request.header(name, value);
    }
    Ok(request.body(body.into())?)
}

fn status(error: &CallbackError) -> StatusCode {
    match error {
        CallbackError::Unauthorized => StatusCode::UNAUTHORIZED,
        CallbackError::Malformed(_) => StatusCode::BAD_REQUEST,
        CallbackError::Unsupported => StatusCode::NOT_FOUND,
    }
}

fn compare(expected: &[Event], read: Vec<CallbackEvent>) -> Result<Vec<String>> {
    let mut actual = read.into_iter().map(event).collect::<Result<Vec<_>>>()?;
    let mut expected = expected.to_vec();
    // A vendor promises no order, and one token may have several events of a kind.
    actual.sort();
    expected.sort();
    let mut misses = Vec::new();
    for event in &expected {
        match actual.iter().position(|other| other == event) {
            Some(found) => drop(actual.remove(found)),
            None => misses.push(format!("event is missing: {event:?}")),
        }
    }
    misses.extend(actual.iter().map(|event| format!("event is not expected: {event:?}")));
    Ok(misses)
}

fn event(event: CallbackEvent) -> Result<Event> {
    let at = event.at.map(|at| jiff::Timestamp::from_millisecond(i64::try_from(at.0)?).context("no moment"));
    Ok(Event {
        token: event.token,
        kind: event.kind.name().to_owned(),
        msg_id: event.message_id,
        vendor_msg_id: event.vendor_id,
        at: at.transpose()?,
        reason: Some(event.reason),
    })
}
