//! How far a conversation has come.

use std::fmt;

use homing_domain::UnixMillis;
use http::{HeaderValue, Uri};
use serde_json::json;

use super::decode;
use crate::addressing::distinct;
use crate::json_answer::{self, JSON};
use crate::{Exchange, Next, Request, Response};

/// Where a conversation stands.
pub(super) struct Conversation {
    /// What is to be sent.
    pub(super) request: Request,
    /// What its answer is about.
    pub(super) awaiting: Awaiting,
}

/// What an answer is about.
pub(super) enum Awaiting {
    /// One device.
    Single(Vec<String>),
    /// The content was saved; the devices come next.
    Saved {
        /// Where they are named.
        uri: Uri,
        /// What authorises that.
        auth_token: HeaderValue,
        /// Names the list, so that a repeat is dropped.
        request_id: String,
        /// Their registration ids.
        tokens: Vec<String>,
    },
    /// Several, with a content that was saved.
    List {
        /// What the vendor calls the content.
        task_id: String,
        /// Their registration ids.
        tokens: Vec<String>,
    },
}

impl fmt::Debug for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conversation").field("path", &self.request.http.uri().path()).finish_non_exhaustive()
    }
}

impl Exchange for Conversation {
    fn request(&self) -> Request {
        self.request.clone()
    }

    fn take(self: Box<Self>, response: &Response, now: UnixMillis) -> Next {
        match self.awaiting {
            Awaiting::Single(tokens) => Next::Done(decode::single(response, now, &tokens)),
            Awaiting::List { task_id, tokens } => Next::Done(decode::list(response, now, task_id, &tokens)),
            Awaiting::Saved { uri, auth_token, request_id, tokens } => {
                match decode::success(response).and_then(|body| decode::required(&body, "taskId")) {
                    Err(refusal) => Next::Done(refusal.for_all(now, tokens.len())),
                    Ok(task_id) => {
                        let body = json!({
                            "taskId": task_id, "regIds": distinct(&tokens), "requestId": request_id, "pushMode": 0,
                        });
                        let request = post(uri, auth_token, body.to_string());
                        Next::Ask(Box::new(Self { request, awaiting: Awaiting::List { task_id, tokens } }))
                    }
                }
            }
        }
    }
}

/// A request that is authorised.
pub(super) fn post(uri: Uri, auth_token: HeaderValue, body: String) -> Request {
    let mut request = json_answer::post(uri, JSON, body);
    request.http.headers_mut().insert("authtoken", auth_token);
    request
}
