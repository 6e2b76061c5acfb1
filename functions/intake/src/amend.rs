//! What a sender changes about a message before its release.
//!
//! The order is as with a new one: the row first, then its timer or its job, then the answer. A repeat finds the row changed,
//! and sets or sends them again.

use homing_domain::{Amendment, AppId, DueTick, Message, MessageChange, MessageId, Stage};
use homing_ports::{Messages, Queues, Timers};

use crate::accept::send_job;
use crate::control::{ControlError, change};

/// Replaces parts of a message that waits for its time.
///
/// # Errors
/// [`ControlError`]
pub async fn amend<P: Messages + Queues + Timers>(
    ports: &P,
    app: &AppId,
    id: MessageId,
    amendment: Amendment,
) -> Result<Message, ControlError> {
    let message = change(ports, app, id, MessageChange::Amend(Box::new(amendment))).await?;
    match (message.stage, message.release_at) {
        (Stage::Accepted, _) => send_job(ports, &message).await?,
        (Stage::Scheduled, Some(at)) => ports.set_timer(DueTick { message: id, at }).await?,
        _ => {}
    }
    Ok(message)
}
