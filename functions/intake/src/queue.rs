//! Pushes by the queue that business systems write to: the body is the JSON of `POST /v1/messages`, who sends it stands in
//! the item's attributes.
//!
//! Nobody waits for an answer, so what HTTP would refuse ends among the dead letters, with the reason in the same words.

use homing_domain::Millis;
use homing_domain::limits::QUEUE_DELAY_MAX;
use homing_endpoint::{ApiJson, Business, Edge, Problem, check_idempotency_key};
use homing_ports::{Apps, Audiences, Entropy, Error, Fault, Messages, QueueName, Queues, Received, StageError, Timers};

use crate::accept::AcceptError;
use crate::push::{Push, PushError};

/// Names of an item's attributes.
pub mod attribute {
    /// The app's id. Its key names it too; both must agree.
    pub const APP: &str = "app";
    /// A server key of the app.
    pub const KEY: &str = "key";
    /// The sender's Idempotency-Key. Without it an item counts by its [`MESSAGE_ID`].
    pub const IDEMPOTENCY_KEY: &str = "idempotency_key";
    /// The queue's own id of the item, the same at each receive. The host adds it.
    pub const MESSAGE_ID: &str = "message_id";
}

/// First spread of items over their app's quota; it doubles with each receive, so that all of a burst come through in about
/// the time that the quota allows, instead of meeting it again together.
const QUOTA_SPREAD: Millis = 2_000;

/// What taking pushes needs from the world.
pub trait Ports: Apps + Audiences + Messages + Queues + Timers {}

impl<P: Apps + Audiences + Messages + Queues + Timers> Ports for P {}

/// Does the work of one item of [`QueueName::Intake`], checking its sender as `edge` does. An item that is received again is
/// the same message.
///
/// # Errors
/// [`StageError`]: what to do with the item instead of deleting it. A reason names the code and the pointer of each rule that
/// is broken, and never the key.
pub async fn consume<P: Ports>(edge: &Edge<P>, item: &Received) -> Result<(), StageError> {
    let business = match sender(edge, item).await {
        Ok(business) => business,
        Err(problem) => return Err(refuse(&problem, item, edge.entropy())),
    };
    let idempotency_key = idempotency_key(item).map_err(|problem| poison(&problem))?;
    let json = ApiJson::from_bytes(item.body.clone()).map_err(|problem| poison(&problem))?;
    let push = Push { app: &business.app, json, idempotency_key: Some(&idempotency_key), sent_at: item.sent_at };
    match push.take(edge).await {
        Ok(_) => Ok(()),
        Err(PushError::Accept(AcceptError::Port(error))) => Err(error.into()),
        Err(error) => Err(poison(&error.into())),
    }
}

async fn sender<P: Ports>(edge: &Edge<P>, item: &Received) -> Result<Business, Problem> {
    let required = |name| item.attribute(name).ok_or_else(|| missing(name));
    let (app, key) = (required(attribute::APP)?, required(attribute::KEY)?);
    let business = edge.business(key).await?;
    if business.app.id.as_str() != app {
        return Err(Problem::forbidden("the key is another app's"));
    }
    Ok(business)
}

/// What becomes of an item whose sender may not send it, or not now.
fn refuse(problem: &Problem, item: &Received, entropy: &dyn Entropy) -> StageError {
    match problem.status().as_u16() {
        429 => over_quota(problem, item, entropy),
        500.. => Error::new(Fault::Retry, "check a server key").into(),
        _ => poison(problem),
    }
}

/// Lets it wait, each time longer. Not for ever: it cannot be sent anew, for that would lose its attributes, and an app that
/// is over its quota for hours is a matter for a person.
fn over_quota(problem: &Problem, item: &Received, entropy: &dyn Entropy) -> StageError {
    if item.receives >= QueueName::Intake.max_receives() {
        return poison(problem);
    }
    let spread = QUOTA_SPREAD.saturating_mul(1 << item.receives.saturating_sub(1).min(16)).min(QUEUE_DELAY_MAX);
    let [a, b, c, d, ..] = entropy.random_16();
    let random = Millis::from(u32::from_be_bytes([a, b, c, d]));
    let least = problem.retry_after_seconds().unwrap_or(0) * 1_000;
    StageError::Later { delay: (least + random % spread).min(QUEUE_DELAY_MAX) }
}

/// The sender's key, or one made of the queue's own id of the item. Apart from the keys of senders by its beginning, which is
/// no printable character.
fn idempotency_key(item: &Received) -> Result<String, Problem> {
    match (item.attribute(attribute::IDEMPOTENCY_KEY), item.attribute(attribute::MESSAGE_ID)) {
        (Some(key), _) => check_idempotency_key(key.as_bytes()).map(str::to_owned),
        (None, Some(id)) => Ok(format!("\u{1}queue {id}")),
        (None, None) => Err(missing(attribute::IDEMPOTENCY_KEY)),
    }
}

fn missing(attribute: &str) -> Problem {
    Problem::bad_request("attribute_missing", format!("the item has no attribute {attribute:?}"))
}

fn poison(problem: &Problem) -> StageError {
    StageError::poison(problem.in_words())
}
