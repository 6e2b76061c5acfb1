//! The server's part in a case: it expects the steps in their order and answers each as the file says.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use homing_domain::{Channel, UnixMillis};
use homing_web_push::DeviceKeys;
use http::StatusCode;
use serde_json::{Value, json};

use crate::actual::{Actual, origin};
use crate::file::{Request, Response, Step, Vectors};
use crate::judge::Judge;
use crate::keys::Keys;
use crate::request::compare_request;

/// What a script is made of beside its steps.
pub(crate) struct Part<'a> {
    pub(crate) file: &'a Vectors,
    pub(crate) keys: &'a Keys,
    pub(crate) now: UnixMillis,
    /// Where targets say that they are: a label of the servers.
    pub(crate) environment: Option<&'a str>,
    /// Where each target's endpoint is, for vendors whose tokens name it.
    pub(crate) endpoints: Vec<String>,
    pub(crate) device: Option<DeviceKeys>,
    /// Whether the client is to ask once more after the last answer, with fresh access.
    pub(crate) is_repeated: bool,
}

/// A case as the server plays it.
pub(crate) struct Script<'a> {
    part: Part<'a>,
    steps: Vec<Step>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    next: usize,
    repeats: usize,
    misses: Vec<String>,
}

impl<'a> Script<'a> {
    pub(crate) fn new(part: Part<'a>, steps: Vec<Step>) -> Self {
        Self { part, steps, state: Mutex::default() }
    }

    /// Judges a request and answers it.
    pub(crate) fn answer(&self, actual: &Actual) -> http::Response<Bytes> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let expected = self.steps.get(state.next);
        if let Some(access) = self.unasked_access(expected, actual) {
            return access;
        }
        let (number, step) = match (expected, self.steps.last()) {
            (Some(step), _) => {
                state.next += 1;
                (state.next, step)
            }
            (None, Some(last)) if self.part.is_repeated && state.repeats == 0 => {
                state.repeats += 1;
                (state.next, last)
            }
            _ => {
                state.misses.push(format!("nobody expects {} {} after the last step", actual.method, actual.path));
                return plain(StatusCode::IM_A_TEAPOT, "the case is over");
            }
        };
        let misses = match self.origins(&step.request) {
            Ok(origins) => compare_request(&step.request, actual, &origins, self.judge()),
            Err(error) => vec![format!("{error:#}")],
        };
        state.misses.extend(misses.into_iter().map(|miss| format!("request {number}: {miss}")));
        respond(&step.response).unwrap_or_else(|error| {
            state.misses.push(format!("the response of step {number}: {error:#}"));
            plain(StatusCode::IM_A_TEAPOT, "the response cannot be written")
        })
    }

    /// What was wrong, now that the client is done.
    pub(crate) fn misses(self) -> Vec<String> {
        let State { next, repeats, mut misses } = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        for (number, step) in self.steps.iter().enumerate().skip(next) {
            misses.push(format!("request {} never came: {} {}", number + 1, step.request.method, step.request.path));
        }
        if self.part.is_repeated && self.steps.len() == 1 && repeats == 0 {
            misses.push("the client did not try again with fresh access".to_owned());
        }
        misses
    }

    fn judge(&self) -> Judge<'_> {
        Judge {
            channel: self.part.file.channel,
            keys: self.part.keys,
            credentials: &self.part.file.credentials,
            now: self.part.now,
            device: self.part.device.as_ref(),
        }
    }

    /// Where a request may go. Without a word about it, to any of the vendor's servers.
    fn origins(&self, request: &Request) -> Result<BTreeSet<String>> {
        let urls = &self.part.file.base_urls;
        let with_label = |label: &str| urls.get(label).with_context(|| format!("no base URL is called {label:?}"));
        if let Some(label) = &request.host {
            return Ok([origin(with_label(label)?)?].into());
        }
        if let Some(port) = &request.port {
            let ports: Vec<&Value> = match port {
                Value::Object(by_environment) => {
                    match self.part.environment.and_then(|label| by_environment.get(label)) {
                        Some(port) => vec![port],
                        None => by_environment.values().collect(),
                    }
                }
                port => vec![port],
            };
            let all = urls.values().map(|url| origin(url)).collect::<Result<BTreeSet<_>>>()?;
            return Ok(all
                .into_iter()
                .filter(|origin| ports.iter().any(|port| origin.ends_with(&format!(":{port}"))))
                .collect());
        }
        if let Some(label) = self.part.environment {
            // An environment may have a second server: production, production_alt.
            let of_it = urls.iter().filter(|(known, _)| {
                *known == label || known.strip_prefix(label).is_some_and(|rest| rest.starts_with('_'))
            });
            return of_it.map(|(_, url)| origin(url)).collect();
        }
        // A text that is no URL says in words that the token names the server.
        let known = urls.values().filter_map(|url| origin(url).ok());
        Ok(known.chain(self.part.endpoints.iter().filter_map(|url| origin(url).ok())).collect())
    }

    /// Access that the client needs and the case does not speak of.
    fn unasked_access(&self, expected: Option<&Step>, actual: &Actual) -> Option<http::Response<Bytes>> {
        let path = access_path(self.part.file)?;
        if actual.path != path || expected.is_some_and(|step| step.request.path == path) {
            return None;
        }
        let token = "access-that-no-step-gave";
        let body = match self.part.file.channel {
            Channel::Oppo => {
                json!({"code": 0, "message": "Success", "data": {"auth_token": token, "create_time": self.part.now.0}})
            }
            Channel::Vivo => json!({"result": 0, "desc": "", "authToken": token}),
            _ => json!({"access_token": token, "expires_in": 3_600, "token_type": "Bearer"}),
        };
        Some(plain(StatusCode::OK, &body.to_string()))
    }
}

/// Where a vendor gives access.
fn access_path(file: &Vectors) -> Option<String> {
    match file.channel {
        Channel::Fcm => {
            let url: http::Uri = file.credentials.get("token_uri")?.as_str()?.parse().ok()?;
            Some(url.path().to_owned())
        }
        Channel::Huawei => Some("/oauth2/v3/token".to_owned()),
        Channel::Honor => Some("/auth/token".to_owned()),
        Channel::Oppo => Some("/server/v1/auth".to_owned()),
        Channel::Vivo => Some("/message/auth".to_owned()),
        _ => None,
    }
}

fn respond(response: &Response) -> Result<http::Response<Bytes>> {
    let mut builder = http::Response::builder().status(response.status);
    for (name, value) in &response.headers {
        builder = builder.header(name, value);
    }
    let body = match &response.body {
        Value::Null => Bytes::new(),
        Value::String(text) => Bytes::from(text.clone()),
        json => Bytes::from(json.to_string()),
    };
    Ok(builder.body(body)?)
}

/// An answer that no file wrote.
pub(crate) fn plain(status: StatusCode, body: &str) -> http::Response<Bytes> {
    let mut response = http::Response::new(Bytes::from(body.to_owned()));
    *response.status_mut() = status;
    response
}
