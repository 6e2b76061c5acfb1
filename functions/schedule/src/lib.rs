//! Schedule: what is due is moved on.
//!
//! Two ways lead here. A timer puts a [`DueTick`] into [`QueueName::Due`]; at its time, and not before, the message's
//! audience job goes to fanout, or the next occurrence of a recurring message is made (`series`), or the parts of a message
//! that were held back until then go on. And from time to time [`sweep`] looks for messages that nothing moved although it
//! was time: their job or their timer is lost, or they are over and must be closed. Both may repeat themselves, and each
//! other: fanout and closing do the same work twice to the same result.
//!
//! Beside, once a day, [`check_certificates`] tells apps' owners of certificates that are about to expire.
//!
//! **Must not know**: audiences, mailboxes, gateways, payloads, an async runtime, how a timer is kept.

mod certificates;
mod series;
mod sweep;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use homing_contract::queue;
use homing_domain::limits::QUEUE_DELAY_MAX;
use homing_domain::{AudienceJob, Cursor, DueTick, HeldJob, Message, Recurrence, Stage, UnixMillis};
use homing_ports::{Clock, Messages, Outgoing, QueueName, Queues, StageError, Timers};
use homing_telemetry::MessageDue;

pub use certificates::{CertificatePorts, CertificatesChecked, Ways, check_certificates};
pub use sweep::{Swept, sweep};

/// What the stage needs from the world.
pub trait Ports: Messages + Queues + Timers + Clock {}

impl<P: Messages + Queues + Timers + Clock> Ports for P {}

/// The stage.
#[derive(Debug)]
pub struct Schedule<P> {
    ports: Arc<P>,
}

impl<P> Clone for Schedule<P> {
    fn clone(&self) -> Self {
        Self { ports: Arc::clone(&self.ports) }
    }
}

/// What a tick is for, as its message stands now.
enum Due<'a> {
    /// The message's time has come.
    Release,
    /// The next occurrence of a recurring message is to be made.
    Occurrence(&'a Recurrence),
    /// The series has not come so far: whoever set the timer is about to say that it has.
    Ahead,
    /// Parts that wait for this moment go on.
    Held,
    /// Nothing any more.
    Void,
}

impl<P: Ports> Schedule<P> {
    /// A stage over these ports.
    #[must_use]
    pub const fn new(ports: Arc<P>) -> Self {
        Self { ports }
    }

    /// Does the work of one queue item.
    ///
    /// # Errors
    /// [`StageError`]: what to do with the item instead of deleting it.
    pub async fn consume(&self, body: &Bytes) -> Result<(), StageError> {
        let tick = queue::decode::<DueTick>(body).map_err(StageError::poison)?;
        self.handle(tick).await
    }

    /// Waits out a tick that is early, and does what one that is due is for. A tick of a message that is on its way already,
    /// or that has another time by now, is void.
    ///
    /// # Errors
    /// [`StageError`]: what to do with the tick instead of deleting it.
    pub async fn handle(&self, tick: DueTick) -> Result<(), StageError> {
        let Some(message) = self.ports.message(tick.message).await? else {
            return Err(StageError::poison("there is no such message"));
        };
        let due = what_is_due(&message, tick.at);
        if matches!(due, Due::Void) {
            return Ok(());
        }
        let now = self.ports.now();
        if now < tick.at {
            return Err(StageError::Later { delay: tick.at.since(now).min(QUEUE_DELAY_MAX) });
        }
        match due {
            Due::Release => self.ports.send(QueueName::Audience, vec![audience_job(&message)]).await?,
            Due::Occurrence(recurrence) => series::occur(&*self.ports, &message, recurrence, tick.at, now).await?,
            Due::Ahead => return Err(StageError::Later { delay: series::AHEAD_RETRY }),
            Due::Held => self.ports.send(QueueName::Audience, vec![held_job(&message, tick.at)]).await?,
            Due::Void => {}
        }
        MessageDue { message: message.id, late: now.since(tick.at) }.emit();
        Ok(())
    }
}

fn what_is_due(message: &Message, at: UnixMillis) -> Due<'_> {
    use homing_domain::Schedule::Recurring;

    match (message.stage, &message.schedule) {
        (Stage::Scheduled, _) if message.release_at.is_none_or(|next| next > at) => Due::Void,
        (Stage::Scheduled, Recurring(recurrence)) if message.release_at == Some(at) => Due::Occurrence(recurrence),
        (Stage::Scheduled, Recurring(_)) => Due::Ahead,
        (Stage::Scheduled, _) if message.release_at == Some(at) => Due::Release,
        (Stage::Releasing | Stage::Released, _) if message.holds.contains(&at) => Due::Held,
        _ => Due::Void,
    }
}

/// The job that begins a message's release.
fn audience_job(message: &Message) -> Outgoing {
    let job = AudienceJob { message: message.id, segment: None, cursor: Cursor::Start };
    Outgoing { body: queue::encode(&job), delay: 0, group: Some(message.queue_group()) }
}

/// The job of what a message holds back until a moment.
fn held_job(message: &Message, at: UnixMillis) -> Outgoing {
    let job = HeldJob { message: message.id, at, after: None };
    Outgoing { body: queue::encode(&job), delay: 0, group: Some(message.queue_group()) }
}
