//! An answer becomes an outcome: by its reason, and by its status where the reason is one that nobody has written down.

use homing_domain::UnixMillis;
use serde::Deserialize;

use crate::retry_after::retry_after;
use crate::{Answers, Class, Exchange, Next, Outcome, Request, Response};

/// What was asked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asked {
    /// A message for a device whose token is known since then.
    Device { since: Option<UnixMillis> },
    /// A message for a broadcast channel.
    Broadcast,
    /// A broadcast channel.
    NewChannel,
}

/// One request and its answer.
#[derive(Debug)]
pub(super) struct SingleExchange {
    pub(super) request: Request,
    pub(super) asked: Asked,
}

#[derive(Default, Deserialize)]
struct Failure {
    #[serde(default)]
    reason: String,
    /// Milliseconds since 1970: since when the token is dead. With 410 only.
    timestamp: Option<u64>,
}

impl Exchange for SingleExchange {
    fn request(&self) -> Request {
        self.request.clone()
    }

    fn take(self: Box<Self>, response: &Response, now: UnixMillis) -> Next {
        let header = |name| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
        let targets = usize::from(matches!(self.asked, Asked::Device { .. }));
        // 200 for messages; for channels Apple's page says 201, and clients take 204 too.
        if response.status().is_success() {
            let mut answers = Answers::all(&Outcome::of(Class::Accepted, response.status().as_str()), targets);
            match self.asked {
                Asked::Device { .. } => answers.vendor_ids.extend(header("apns-id")),
                Asked::Broadcast => answers.vendor_ids.extend(header("apns-request-id")),
                Asked::NewChannel => answers.channel_id = header("apns-channel-id"),
            }
            return Next::Done(answers);
        }
        let failure: Failure = serde_json::from_slice(response.body()).unwrap_or_default();
        let outcome = outcome(response.status().as_u16(), &failure, self.asked);
        let mut answers = Answers::all(&outcome, targets);
        answers.refresh_access = failure.reason == "ExpiredProviderToken";
        if outcome.class.is_passing() {
            answers.retry_after = retry_after(response, now);
        }
        Next::Done(answers)
    }
}

fn outcome(status: u16, failure: &Failure, asked: Asked) -> Outcome {
    let class = class(status, &failure.reason);
    let code = if failure.reason.is_empty() { status.to_string() } else { failure.reason.clone() };
    let Asked::Device { since } = asked else { return Outcome::of(class, code) };
    if class != Class::InvalidToken {
        return Outcome { needs_operator: is_misconfigured(&failure.reason), ..Outcome::of(class, code) };
    }
    let as_of = failure.timestamp.map(UnixMillis);
    // The device registered again after Apple found the token dead: it is alive.
    let newer = as_of.is_some_and(|dead_since| since.is_some_and(|since| since > dead_since));
    // What a token of Xcode's builds gets in production too, and the other way round.
    let may_be_ours = failure.reason == "BadDeviceToken";
    Outcome { cleans: !newer, as_of, may_be_ours, ..Outcome::of(class, code) }
}

/// The bundle id is another app's, or the certificate does not hold it: the credential itself is good.
fn is_misconfigured(reason: &str) -> bool {
    matches!(reason, "DeviceTokenNotForTopic" | "TopicDisallowed" | "BadTopic")
}

fn class(status: u16, reason: &str) -> Class {
    match reason {
        "BadDeviceToken" | "Unregistered" | "ExpiredToken" => Class::InvalidToken,
        "IdleTimeout" | "InternalServerError" | "ServiceUnavailable" | "Shutdown" => Class::Retry,
        "TooManyRequests" | "TooManyProviderTokenUpdates" => Class::RetryLater,
        "ExpiredProviderToken"
        | "InvalidProviderToken"
        | "MissingProviderToken"
        | "BadCertificate"
        | "BadCertificateEnvironment"
        | "Forbidden"
        | "UnrelatedKeyIdInToken"
        | "BadEnvironmentKeyIdInToken" => Class::AuthError,
        // The token is good, for another topic: an app of ours was mixed up with another.
        "DeviceTokenNotForTopic" => Class::BadRequest,
        _ => match status {
            403 => Class::AuthError,
            408 | 500..=599 => Class::Retry,
            429 => Class::RetryLater,
            // A 410 that names another reason than Apple's two, or none, is no reason to forget a token.
            400..=499 => Class::BadRequest,
            // No answer of APNs: something stands between.
            _ => Class::Retry,
        },
    }
}
