//! What a vendor's answer means.

use homing_domain::{Millis, UnixMillis};

/// What is to be done about an answer. One vocabulary for all vendors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// The vendor has it. Whether it arrives is another question.
    Accepted,
    /// Some of it: see the targets.
    Partial,
    /// Asked too often: back off.
    RetryLater,
    /// A passing fault: soon again.
    Retry,
    /// The device does not have this token any more.
    InvalidToken,
    /// The credential or a right is wrong: somebody must look at it.
    AuthError,
    /// This message will never be taken.
    BadRequest,
    /// Nothing more until the vendor's window turns.
    Quota,
    /// The vendor will not show it on this device now; the token is good.
    Dropped,
}

impl Class {
    /// The stable name in logs, metrics and test vectors.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Partial => "partial",
            Self::RetryLater => "retry_later",
            Self::Retry => "retry",
            Self::InvalidToken => "invalid_token",
            Self::AuthError => "auth_error",
            Self::BadRequest => "bad_request",
            Self::Quota => "quota",
            Self::Dropped => "dropped",
        }
    }

    /// Whether the same request may be taken another time.
    #[must_use]
    pub const fn is_passing(self) -> bool {
        matches!(self, Self::RetryLater | Self::Retry | Self::Quota)
    }
}

/// What is kept of a vendor's code. Codes have some ten characters; an answer that has a book for one must not become a book
/// for each target.
pub const CODE_MAX_CHARS: usize = 64;

/// What became of one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What is to be done.
    pub class: Class,
    /// Whether the token is to be forgotten. Not every invalid token is: see [`Self::as_of`], and a vendor's switch that is
    /// off leaves the token good.
    pub cleans: bool,
    /// As of when the vendor knows that the token is dead. A token registered later stays. `None` = as of the answer.
    pub as_of: Option<UnixMillis>,
    /// Whether settings of the app may be to blame as well as the token: a token of Apple's other environment, of another
    /// project of Google's. Such a token is forgotten only where the same credential is known to reach other devices.
    pub may_be_ours: bool,
    /// Whether somebody has to look at the app's settings before such messages are taken, although the credential is good.
    pub needs_operator: bool,
    /// The vendor's own code, for people.
    pub code: String,
}

impl Outcome {
    /// An outcome that leaves the token alone.
    #[must_use]
    pub fn of(class: Class, code: impl Into<String>) -> Self {
        let mut code = code.into();
        if let Some((end, _)) = code.char_indices().nth(CODE_MAX_CHARS) {
            code.truncate(end);
        }
        Self { class, cleans: false, as_of: None, may_be_ours: false, needs_operator: false, code }
    }

    /// The token is dead.
    #[must_use]
    pub fn dead(code: impl Into<String>) -> Self {
        Self { cleans: true, ..Self::of(Class::InvalidToken, code) }
    }

    /// The message is refused for a setting of the app at the vendor.
    #[must_use]
    pub fn misconfigured(code: impl Into<String>) -> Self {
        Self { needs_operator: true, ..Self::of(Class::BadRequest, code) }
    }
}

/// What a vendor's answer means for the whole and for each target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers {
    /// The whole.
    pub class: Class,
    /// In the order of the targets; empty when the operation names none (a topic, everyone).
    pub targets: Vec<Outcome>,
    /// What the vendor calls the message; several for some.
    pub vendor_ids: Vec<String>,
    /// What the vendor calls the task, where it has tasks beside messages.
    pub task_id: Option<String>,
    /// A broadcast channel that was made.
    pub channel_id: Option<String>,
    /// Dead tokens that were asked for, not pushed to.
    pub dead_tokens: Vec<String>,
    /// Whether fresh access may help, once.
    pub refresh_access: bool,
    /// What the vendor says how long to wait.
    pub retry_after: Option<Millis>,
    /// When its window turns.
    pub not_before: Option<UnixMillis>,
    /// The vendor's own code for the whole, for people.
    pub code: String,
}

impl Answers {
    /// The same for each of so many targets.
    #[must_use]
    pub fn all(outcome: &Outcome, targets: usize) -> Self {
        Self {
            class: outcome.class,
            targets: vec![outcome.clone(); targets],
            vendor_ids: Vec::new(),
            task_id: None,
            channel_id: None,
            dead_tokens: Vec::new(),
            refresh_access: false,
            retry_after: None,
            not_before: None,
            code: outcome.code.clone(),
        }
    }

    /// Each its own. The whole is what all have in common, or partial.
    #[must_use]
    pub fn each(targets: Vec<Outcome>, code: impl Into<String>) -> Self {
        let class = match targets.first() {
            None => Class::Accepted,
            Some(first) if targets.iter().all(|target| target.class == first.class) => first.class,
            Some(_) => Class::Partial,
        };
        Self { targets, ..Self::all(&Outcome::of(class, code), 0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_book_is_no_code() {
        let outcome = Outcome::dead("长".repeat(CODE_MAX_CHARS + 1));
        assert_eq!(outcome.code, "长".repeat(CODE_MAX_CHARS));
        assert_eq!(Outcome::of(Class::Retry, "-1").code, "-1");
    }
}
