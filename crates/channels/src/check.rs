//! Tries a credential out at its vendor before anybody depends on it, with nobody to hear it.

use homing_domain::{Priority, UnixMillis};

use crate::access::{Access, Authorization};
use crate::content::Content;
use crate::exchange::{Operation, Push, Recipients, Surroundings, Token};
use crate::operate::{Accesses, Carrier, Failure, fetch_access, operate};
use crate::outcome::{Answers, Class, Outcome};
use crate::vendor::Vendor;

/// Stands for our id and for a request's in what nobody gets.
const NO_MESSAGE: &str = "homing-check";
/// What is said to nobody: the vendors refuse a notification without a text before they look at anything else.
const TEXT: &str = "Homing";

/// How far a credential was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// It was read: this vendor cannot be asked about it.
    Parsed,
    /// The vendor gave access for it.
    Access,
    /// The vendor took it with a message for a token that no device can have, and refused no more than the token.
    Answer,
}

/// A credential that is not known to be good.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// The vendor refuses it, in its own code.
    #[error("the vendor refuses it: {0}")]
    Refused(String),
    /// The vendor does not say: it was not reached, or is out of order.
    #[error("the vendor does not say: {0}")]
    Unanswered(String),
}

/// Asks the vendor whether it takes a credential. Nothing is brought to anybody.
///
/// # Errors
/// [`CheckError`].
pub async fn check(
    vendor: &dyn Vendor,
    around: &Surroundings<'_>,
    carrier: &impl Carrier,
    now: impl Fn() -> UnixMillis + Send + Sync,
) -> Result<Checked, CheckError> {
    let gives_access = matches!(vendor.authorize(around).map_err(of_failure)?, Authorization::Ask(_));
    let access = fetch_access(vendor, around, carrier, &now).await.map_err(of_failure)?;
    let so_far = if gives_access { Checked::Access } else { Checked::Parsed };
    let Some(token) = vendor.token_of_nobody() else { return Ok(so_far) };
    let asked = operate(vendor, around, &to_nobody(token), carrier, &Given(access), &now).await;
    match asked.map_err(of_failure).and_then(|answers| judged(&answers)) {
        // Access is a good sign, and a fault that passes no bad one.
        Err(CheckError::Unanswered(_)) if gives_access => Ok(so_far),
        judged => judged,
    }
}

/// What was had a moment ago: one that is refused already is not asked for again.
struct Given(Option<Access>);

impl Accesses for Given {
    async fn access(&self, _: Option<&Access>) -> Result<Option<Access>, Failure> {
        Ok(self.0.clone())
    }
}

fn to_nobody(token: &str) -> Operation {
    let content = Content {
        message_id: NO_MESSAGE.to_owned(),
        title: Some(TEXT.to_owned()),
        body: Some(TEXT.to_owned()),
        time_to_live: 0,
        priority: Priority::Low,
        ..Content::default()
    };
    Operation::Push(Push {
        content,
        to: Recipients::Tokens(vec![Token { text: token.to_owned(), since: None }]),
        same_content: false,
        request_id: NO_MESSAGE.to_owned(),
        receipts: Vec::new(),
    })
}

fn judged(answers: &Answers) -> Result<Checked, CheckError> {
    let whole = Outcome::of(answers.class, answers.code.clone());
    let outcome = answers.targets.first().unwrap_or(&whole);
    match outcome.class {
        Class::AuthError => Err(CheckError::Refused(shown(&outcome.code))),
        Class::Retry | Class::RetryLater => Err(CheckError::Unanswered(shown(&outcome.code))),
        _ if outcome.needs_operator => Err(CheckError::Refused(shown(&outcome.code))),
        // Mostly that there is no such token: the vendor looked for it in the app's name.
        Class::InvalidToken | Class::BadRequest | Class::Dropped | Class::Accepted | Class::Partial | Class::Quota => {
            Ok(Checked::Answer)
        }
    }
}

fn of_failure(failure: impl Into<Failure>) -> CheckError {
    match failure.into() {
        Failure::Encode(error) => CheckError::Refused(error.to_string()),
        Failure::Carry(error) => CheckError::Unanswered(error.to_string()),
        Failure::NoAccess(answers) if answers.class.is_passing() => CheckError::Unanswered(shown(&answers.code)),
        Failure::NoAccess(answers) => CheckError::Refused(shown(&answers.code)),
    }
}

/// A vendor's code in one line.
fn shown(code: &str) -> String {
    code.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

#[cfg(test)]
mod tests;
