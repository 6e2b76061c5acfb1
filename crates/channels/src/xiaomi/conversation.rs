//! A push to registration ids: usually one request.
//!
//! 66007 says that one of the ids is none, and not which. Ids come from devices, and one that lies must not keep a message from
//! a thousand others: the request is halved until the liar is alone.

use std::ops::Range;

use homing_domain::UnixMillis;

use super::decode::{self, NO_ID};
use super::encode::Pushing;
use crate::{Answers, EncodeError, Exchange, Next, Outcome, Request, Response};

/// Requests of one conversation: enough to find two liars among a thousand. Who is not asked for by then gets nothing of this
/// message by this way.
const REQUESTS_MAX: usize = 40;

/// A push as far as it has come.
#[derive(Debug)]
pub(super) struct Conversation {
    pushing: Pushing,
    request: Request,
    targets: Vec<String>,
    /// Whom the request is for.
    asked: Range<usize>,
    /// Whom the next ones are for.
    waiting: Vec<Range<usize>>,
    requests: usize,
    outcomes: Vec<Option<Outcome>>,
    /// Of the answers so far: what holds for all of them.
    heard: Option<Answers>,
}

impl Conversation {
    /// All targets in one request.
    pub(super) fn begin(pushing: Pushing, targets: Vec<String>) -> Result<Self, EncodeError> {
        let asked = 0..targets.len();
        Ok(Self {
            request: pushing.request(&targets)?,
            pushing,
            asked,
            waiting: Vec::new(),
            requests: 1,
            outcomes: vec![None; targets.len()],
            targets,
            heard: None,
        })
    }
}

impl Exchange for Conversation {
    fn request(&self) -> Request {
        self.request.clone()
    }

    fn take(mut self: Box<Self>, response: &Response, now: UnixMillis) -> Next {
        let answers = decode::read(response, &self.targets[self.asked.clone()], now);
        if answers.code == NO_ID && self.asked.len() > 1 && self.requests + self.waiting.len() + 2 <= REQUESTS_MAX {
            let middle = self.asked.start + self.asked.len() / 2;
            self.waiting.push(middle..self.asked.end);
            self.waiting.push(self.asked.start..middle);
        } else if self.heard.is_none() && self.waiting.is_empty() {
            return Next::Done(answers);
        } else {
            for (slot, outcome) in self.outcomes[self.asked.clone()].iter_mut().zip(&answers.targets) {
                *slot = Some(outcome.clone());
            }
            let mut heard = self.heard.take().unwrap_or_else(|| Answers { vendor_ids: Vec::new(), ..answers.clone() });
            heard.vendor_ids.extend(answers.vendor_ids);
            heard.retry_after = heard.retry_after.max(answers.retry_after);
            heard.not_before = heard.not_before.max(answers.not_before);
            self.heard = Some(heard);
        }
        while let Some(next) = self.waiting.pop() {
            // One that cannot even be asked for is none.
            let Ok(request) = self.pushing.request(&self.targets[next.clone()]) else {
                self.outcomes[next].fill(Some(Outcome::dead(NO_ID)));
                continue;
            };
            self.request = request;
            self.asked = next;
            self.requests += 1;
            return Next::Ask(self);
        }
        let outcomes = self.outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(|| Outcome::dead(NO_ID)));
        let all = Answers::each(outcomes.collect(), NO_ID);
        Next::Done(match self.heard {
            Some(heard) => Answers { class: all.class, targets: all.targets, code: all.code, ..heard },
            None => all,
        })
    }
}
