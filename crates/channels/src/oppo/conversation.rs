//! How far a conversation has come.

use std::fmt;

use homing_domain::UnixMillis;
use http::Uri;
use zeroize::Zeroizing;

use super::decode::{self, Targets};
use crate::addressing::distinct;
use crate::json_answer::{self, FORM};
use crate::{Exchange, Next, Request, Response};

/// Where a conversation stands.
pub(super) struct Conversation {
    /// What is to be sent. It holds the token that authorises.
    pub(super) request: Request,
    /// What its answer is about.
    pub(super) awaiting: Awaiting,
}

/// What an answer is about.
pub(super) enum Awaiting {
    /// One device.
    Unicast(Targets),
    /// Several, each with a message of its own.
    Batch(Targets),
    /// The content was saved; the devices come next.
    Saved {
        /// Where they are named.
        uri: Uri,
        /// What authorises that.
        auth_token: Zeroizing<String>,
        /// Who they are.
        targets: Targets,
    },
    /// Several, with a content that was saved.
    Broadcast(Targets),
    /// Which ids died.
    DeadTokens,
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
            Awaiting::Unicast(targets) => Next::Done(decode::unicast(response, now, &targets)),
            Awaiting::Batch(targets) => Next::Done(decode::batch(response, now, &targets)),
            Awaiting::Broadcast(targets) => Next::Done(decode::broadcast(response, now, &targets)),
            Awaiting::DeadTokens => Next::Done(decode::dead_tokens(response, now)),
            Awaiting::Saved { uri, auth_token, targets } => {
                let message_id = decode::data(response).and_then(|data| decode::required(&data, "message_id"));
                match message_id {
                    Err(refusal) => Next::Done(refusal.for_all(now, targets.tokens.len())),
                    Ok(message_id) => {
                        let request = broadcast(uri, &auth_token, &message_id, &targets.tokens);
                        Next::Ask(Box::new(Self { request, awaiting: Awaiting::Broadcast(targets) }))
                    }
                }
            }
        }
    }
}

/// `POST …/broadcast`: target type 2 = registration ids.
fn broadcast(uri: Uri, auth_token: &str, message_id: &str, tokens: &[String]) -> Request {
    let sent: Vec<_> = distinct(tokens).into_iter().filter(|token| decode::can_be_listed(token)).collect();
    let target_value = sent.join(";");
    let fields = [
        ("auth_token", auth_token),
        ("message_id", message_id),
        ("target_type", "2"),
        ("target_value", target_value.as_str()),
    ];
    json_answer::post(uri, FORM, json_answer::form(fields))
}
