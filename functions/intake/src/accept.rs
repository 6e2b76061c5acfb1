//! Makes a checked push durable, and sends its job or sets its timer.

use homing_contract::http::v1::{ValidPush, lives_from};
use homing_contract::queue::encode;
use homing_credentials::message_id;
use homing_domain::{AppId, AudienceJob, Control, Cursor, DueTick, Message, MessageId, Stage, UnixMillis};
use homing_ports::{Accepted, Entropy, Error, Messages, Outgoing, QueueName, Queues, Timers};
use homing_telemetry::MessageAccepted;
use uuid::Builder;

/// A checked push and where it came from.
#[derive(Clone, Debug)]
pub struct Acceptance<'a> {
    /// Whose it is.
    pub app: &'a AppId,
    /// What is to be sent.
    pub push: ValidPush,
    /// SHA-256 of the request's body.
    pub body_sha256: [u8; 32],
    /// The sender's Idempotency-Key.
    pub idempotency_key: Option<&'a str>,
    /// When the sender sent it. Its time to live counts from here (or from its release), not from when it was looked at: what
    /// waited in a queue is not fresh.
    pub sent_at: UnixMillis,
}

/// A push is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// The key was used with another body: the sender's mistake.
    #[error("this Idempotency-Key was used with another body")]
    KeyReused,
    /// It may or may not be accepted. With an Idempotency-Key the sender may repeat it safely.
    #[error(transparent)]
    Port(#[from] Error),
}

/// Accepts a push, which is then `accepted` or, with a time, `scheduled`. A repeat with the same key and body answers the
/// same id and, while its job or its timer may be lost, sends or sets it again.
///
/// # Errors
/// [`AcceptError`]
pub async fn accept<P: Messages + Queues + Timers>(
    ports: &P,
    entropy: &dyn Entropy,
    now: UnixMillis,
    acceptance: Acceptance<'_>,
) -> Result<MessageId, AcceptError> {
    let (app, body_sha256) = (acceptance.app, acceptance.body_sha256);
    let id = acceptance.idempotency_key.map_or_else(|| new_id(entropy, now), |key| message_id(app, key));
    let message = new_message(id, now, acceptance);
    let payload_bytes = message.payload.len();
    let (is_new, message) = match ports.accept(message.clone()).await? {
        Accepted::New => (true, message),
        Accepted::Existing(stored) if stored.body_sha256 != body_sha256 => return Err(AcceptError::KeyReused),
        Accepted::Existing(stored) => (false, *stored),
    };
    match (message.stage, message.release_at) {
        (Stage::Accepted, _) => send_job(ports, &message).await?,
        (Stage::Scheduled, Some(at)) => ports.set_timer(DueTick { message: id, at }).await?,
        // It is on its way.
        _ => return Ok(id),
    }
    MessageAccepted { message: id, app, is_new, payload_bytes }.emit();
    Ok(id)
}

fn new_message(id: MessageId, now: UnixMillis, acceptance: Acceptance<'_>) -> Message {
    let Acceptance { app, push, body_sha256, sent_at, .. } = acceptance;
    // A time that lies a little back means at once: its time to live must not begin before the request.
    let release_at = push.release_at.map(|at| at.max(sent_at));
    Message {
        id,
        app: app.clone(),
        audience: push.audience,
        payload: push.payload,
        expires_at: lives_from(&push.schedule, release_at, sent_at).plus(u64::from(push.options.ttl_seconds) * 1_000),
        options: push.options,
        body_sha256,
        accepted_at: now,
        release_at,
        stage: if release_at.is_some() { Stage::Scheduled } else { Stage::Accepted },
        releasing_at: None,
        released_at: None,
        exclude: push.exclude,
        localizations: push.localizations,
        overrides: push.overrides,
        recalls: None,
        schedule: push.schedule,
        series: None,
        control: Control::default(),
        holds: Vec::new(),
        feed_after: None,
        segments_done: 0,
    }
}

/// Queues the job that enumerates a message's audience.
pub(crate) async fn send_job<P: Queues>(ports: &P, message: &Message) -> Result<(), Error> {
    let job = AudienceJob { message: message.id, segment: None, cursor: Cursor::Start };
    let item = Outgoing { body: encode(&job), delay: 0, group: Some(message.queue_group()) };
    ports.send(QueueName::Audience, vec![item]).await
}

/// A time-ordered id (UUIDv7).
fn new_id(entropy: &dyn Entropy, now: UnixMillis) -> MessageId {
    let mut random = [0; 10];
    random.copy_from_slice(&entropy.random_16()[..10]);
    Builder::from_unix_timestamp_millis(now.0, &random).into_uuid().into()
}

#[cfg(test)]
mod tests {
    use homing_domain::AppId;

    use super::*;

    struct Fixed;

    impl Entropy for Fixed {
        fn random_16(&self) -> [u8; 16] {
            [0xff; 16]
        }
    }

    #[test]
    fn new_ids_are_ordered_by_time_and_derived_ones_are_none_of_them() {
        let ids = [1, 2, 1_800_000_000_000].map(|at| new_id(&Fixed, UnixMillis(at)));
        assert!(ids.is_sorted());
        let version = |id: MessageId| id.as_bytes()[6] >> 4;
        assert_eq!(ids.map(version), [7; 3]);
        let app: AppId = "demo".parse().unwrap();
        assert_eq!(version(message_id(&app, "order-7")), 8);
    }
}
