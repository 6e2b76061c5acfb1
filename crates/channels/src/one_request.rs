//! A conversation of one request and one answer.

use std::fmt;

use homing_domain::UnixMillis;

use crate::exchange::{Exchange, Next, Request, Response};
use crate::outcome::Answers;

/// What an answer means for these targets.
pub(crate) type Read = fn(&Response, &[String], UnixMillis) -> Answers;

/// The request, and what it is to be judged with.
pub(crate) struct OneRequest {
    /// To be sent.
    pub(crate) request: Request,
    /// Tokens in the order of the targets; empty when none are named.
    pub(crate) targets: Vec<String>,
    /// Reads the answer.
    pub(crate) read: Read,
}

impl fmt::Debug for OneRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneRequest").field("request", &self.request).field("targets", &self.targets.len()).finish()
    }
}

impl Exchange for OneRequest {
    fn request(&self) -> Request {
        self.request.clone()
    }

    fn take(self: Box<Self>, response: &Response, now: UnixMillis) -> Next {
        Next::Done((self.read)(response, &self.targets, now))
    }
}
