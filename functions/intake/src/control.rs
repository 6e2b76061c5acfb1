//! Control over a message that is on its way: pause, resume, abort, another rate, and taking it back.
//!
//! Each is one change of the message's row ([`homing_domain::Message::apply`]); the stages behind read the row. All of it
//! may be repeated: a caller that got no answer asks again.

use bytes::Bytes;
use homing_contract::queue::encode;
use homing_credentials::{derive_id, sha256};
use homing_domain::limits::{RECALL_GRACE, TTL_DEFAULT_SECONDS, TTL_MAX_SECONDS};
use homing_domain::{
    AppId, Audience, AudienceJob, ChangeRefused, Control, Cursor, Exclusion, FeedAction, FeedJob, HeldJob, Message,
    MessageChange, MessageId, Options, Priority, QuietHoursPolicy, Schedule, Stage, UnixMillis,
};
use homing_endpoint::Problem;
use homing_ports::{Accepted, Error, Messages, Outgoing, QueueName, Queues};
use homing_telemetry::MessageControlled;

/// A message is not changed.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The app has no such message.
    #[error("there is no such message")]
    Unknown,
    /// The message itself takes another one back.
    #[error("the message takes another one back, which cannot be undone")]
    IsRecall,
    /// Its stage does not allow it.
    #[error(transparent)]
    Refused(#[from] ChangeRefused),
    /// It may or may not be changed.
    #[error(transparent)]
    Port(#[from] Error),
}

/// Changes a message of an app; answers it as it stands then.
///
/// # Errors
/// [`ControlError`]
pub async fn change<P: Messages + Queues>(
    ports: &P,
    app: &AppId,
    id: MessageId,
    change: MessageChange,
) -> Result<Message, ControlError> {
    owned(ports, app, id).await?;
    let name = change.name();
    let message = ports.change(id, change).await?.ok_or(ControlError::Unknown)??;
    MessageControlled { message: id, app, change: name }.emit();
    if message.control.flow.is_stopped() {
        stop_in_feed(ports, &message).await?;
        end_held(ports, &message).await?;
    }
    Ok(message)
}

/// Gateways that are bringing a stopped message by the feed of its app are told to stop by that feed. Whoever asks again
/// has them told again: dispatch puts it there once.
async fn stop_in_feed<P: Queues>(ports: &P, stopped: &Message) -> Result<(), Error> {
    if stopped.feed_after.is_none() {
        return Ok(());
    }
    let job = FeedJob { message: stopped.id, action: FeedAction::Stop };
    let item = Outgoing { body: encode(&job), delay: 0, group: Some(stopped.queue_group()) };
    ports.send(QueueName::Dispatch, vec![item]).await
}

/// Parts of a stopped message that wait for a moment need not wait for it to end.
async fn end_held<P: Queues>(ports: &P, stopped: &Message) -> Result<(), Error> {
    let job = |at: &UnixMillis| {
        let job = HeldJob { message: stopped.id, at: *at, after: None };
        Outgoing { body: encode(&job), delay: 0, group: Some(stopped.queue_group()) }
    };
    let jobs: Vec<_> = stopped.holds.iter().map(job).collect();
    if jobs.is_empty() { Ok(()) } else { ports.send(QueueName::Audience, jobs).await }
}

/// Stops a message and takes it back from every device that it was for. Answers the id of the recall, which is a message
/// of its own.
///
/// # Errors
/// [`ControlError`]
pub async fn recall<P: Messages + Queues>(
    ports: &P,
    app: &AppId,
    id: MessageId,
    now: UnixMillis,
) -> Result<MessageId, ControlError> {
    if owned(ports, app, id).await?.recalls.is_some() {
        return Err(ControlError::IsRecall);
    }
    // Stopped first: what is enumerated after that is not dispatched, so the recall need not know of it.
    let stopped = change(ports, app, id, MessageChange::Recall).await?;
    let recall = recall_of(&stopped, now);
    let (recall_id, group) = (recall.id, recall.queue_group());
    let stage = match ports.accept(recall).await? {
        Accepted::New => Stage::Accepted,
        Accepted::Existing(stored) => stored.stage,
    };
    if stage == Stage::Accepted {
        let job = AudienceJob { message: recall_id, segment: None, cursor: Cursor::Start };
        let item = Outgoing { body: encode(&job), delay: RECALL_GRACE, group: Some(group) };
        ports.send(QueueName::Audience, vec![item]).await?;
    }
    Ok(recall_id)
}

/// A message of this app; another app's is not there.
async fn owned<P: Messages>(ports: &P, app: &AppId, id: MessageId) -> Result<Message, ControlError> {
    let message = ports.message(id).await?.filter(|message| message.app == *app && message.has_sender());
    message.ok_or(ControlError::Unknown)
}

/// The message that takes another one back. It is worth delivering as long as that one was, and for the usual time at
/// least: a device may be away that shows it still.
fn recall_of(recalled: &Message, now: UnixMillis) -> Message {
    let id = MessageId::from_bytes(derive_id("homing/1 recall", &[recalled.id.as_bytes()]));
    let left = recalled.expires_at.since(now) / 1_000;
    let ttl_seconds = u32::try_from(left).unwrap_or(TTL_MAX_SECONDS).clamp(TTL_DEFAULT_SECONDS, TTL_MAX_SECONDS);
    Message {
        id,
        app: recalled.app.clone(),
        audience: Audience::RecipientsOf(recalled.id),
        exclude: Exclusion::default(),
        payload: Bytes::from_static(b"{}"),
        localizations: Vec::new(),
        overrides: Vec::new(),
        recalls: Some(recalled.id),
        options: Options {
            ttl_seconds,
            priority: Priority::High,
            quiet_hours: QuietHoursPolicy::Ignore,
            silent: true,
            ..Options::default()
        },
        body_sha256: sha256(recalled.id.as_bytes()),
        accepted_at: now,
        schedule: Schedule::Now,
        release_at: None,
        series: None,
        expires_at: now.plus(u64::from(ttl_seconds) * 1_000),
        stage: Stage::Accepted,
        releasing_at: None,
        released_at: None,
        segments_done: 0,
        control: Control::default(),
        holds: Vec::new(),
        feed_after: None,
    }
}

impl From<ControlError> for Problem {
    fn from(error: ControlError) -> Self {
        match error {
            ControlError::Unknown => Self::not_found("message"),
            ControlError::IsRecall => Self::conflict("is_a_recall", error.to_string()),
            ControlError::Refused(refused) => conflict(refused),
            ControlError::Port(error) => error.into(),
        }
    }
}

/// Says what can be done instead.
pub(crate) fn conflict(refused: ChangeRefused) -> Problem {
    let (code, instead) = match refused {
        ChangeRefused::TooLate(Stage::Accepted) => ("too_late", "to stop it, cancel it"),
        ChangeRefused::TooLate(Stage::Cancelled) => ("too_late", "send a new message"),
        ChangeRefused::TooLate(_) => ("too_late", "abort it to reach nobody else, or recall it"),
        ChangeRefused::NotRunning(Stage::Accepted | Stage::Scheduled) => ("not_running", "cancel it instead"),
        ChangeRefused::NotRunning(Stage::Cancelled) => ("not_running", "it reaches nobody"),
        ChangeRefused::NotRunning(_) => ("not_running", "recall it to take it back from whoever has it"),
        ChangeRefused::Stopped(_) => ("stopped", "that is for ever; send a new message"),
        ChangeRefused::TooManyHolds => ("too_many_holds", "name fewer different moments"),
    };
    Problem::conflict(code, format!("{refused}; {instead}"))
}
