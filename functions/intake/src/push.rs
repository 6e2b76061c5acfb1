//! What happens to a push, whichever way it came: it is checked, and accepted unless it was only to be checked.

use homing_contract::http::Violations;
use homing_contract::http::v1::{PushRequest, PushValidated};
use homing_credentials::{message_id, sha256};
use homing_domain::{App, MessageId, Stage, UnixMillis};
use homing_endpoint::{ApiJson, Edge, Problem};
use homing_ports::Messages;

use crate::accept::{AcceptError, Acceptance, accept};
use crate::lists::check_lists;
use crate::queue::Ports;

/// A push of an authenticated business system.
#[derive(Debug)]
pub(crate) struct Push<'a> {
    pub(crate) app: &'a App,
    pub(crate) json: ApiJson<PushRequest>,
    pub(crate) idempotency_key: Option<&'a str>,
    /// When its sender sent it.
    pub(crate) sent_at: UnixMillis,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It was only to be checked, and is good.
    Valid(PushValidated),
    /// It is durable, as this message; `accepted`, or `scheduled` when it has a time.
    Accepted(MessageId, Stage),
}

/// Why it is not taken.
#[derive(Debug)]
pub(crate) enum PushError {
    /// Rules are broken.
    Invalid(Violations),
    /// It is good, and not accepted.
    Accept(AcceptError),
}

impl Push<'_> {
    /// Checks it as of when it was sent, and accepts it.
    pub(crate) async fn take<P: Ports>(self, edge: &Edge<P>) -> Result<Taken, PushError> {
        let Self { app, json: ApiJson { body, bytes }, idempotency_key, sent_at } = self;
        let (body_sha256, has_time) = (sha256(&bytes), body.schedule.is_some());
        let mut names_list = false;
        let checked = match body.check(sent_at, &|token: &str| edge.keys().verify_push_token(&app.id, token)) {
            Ok(push) => {
                let (named, wanted_at) = ((&push.audience, &push.exclude), push.release_at.unwrap_or(sent_at));
                let wrong = check_lists(edge.ports(), &app.id, named, wanted_at).await.map_err(AcceptError::Port)?;
                names_list = !wrong.is_empty();
                wrong.or(push)
            }
            Err(violations) => Err(violations),
        };
        let push = match checked {
            Ok(push) => push,
            Err(violations) => {
                // Times pass and lists are deleted.
                let earlier = match idempotency_key.filter(|_| has_time || names_list) {
                    Some(key) => accepted_before(edge.ports(), message_id(&app.id, key), body_sha256).await?,
                    None => None,
                };
                return earlier.ok_or(PushError::Invalid(violations));
            }
        };
        if push.validate_only {
            return Ok(Taken::Valid(PushValidated::from(&push)));
        }
        let stage = first_stage(push.release_at);
        let acceptance = Acceptance { app: &app.id, push, body_sha256, idempotency_key, sent_at };
        let id = accept(edge.ports(), edge.entropy(), edge.now(), acceptance).await?;
        Ok(Taken::Accepted(id, stage))
    }
}

/// A repeat that is answered only after its time, or after its list is gone, still gets the answer of the first: it was good then.
async fn accepted_before<P: Messages>(
    ports: &P,
    id: MessageId,
    body_sha256: [u8; 32],
) -> Result<Option<Taken>, AcceptError> {
    let stored = ports.message(id).await?.filter(|stored| stored.body_sha256 == body_sha256);
    Ok(stored.map(|stored| Taken::Accepted(id, first_stage(stored.release_at))))
}

/// What the sender is told about a message, however far it has come in the meantime.
const fn first_stage(release_at: Option<UnixMillis>) -> Stage {
    match release_at {
        Some(_) => Stage::Scheduled,
        None => Stage::Accepted,
    }
}

impl From<AcceptError> for PushError {
    fn from(error: AcceptError) -> Self {
        Self::Accept(error)
    }
}

impl From<PushError> for Problem {
    fn from(error: PushError) -> Self {
        match error {
            PushError::Invalid(violations) => violations.into(),
            PushError::Accept(error @ AcceptError::KeyReused) => {
                Self::conflict("idempotency_key_reused", error.to_string())
            }
            PushError::Accept(AcceptError::Port(error)) => error.into(),
        }
    }
}
