//! Schedule: what is due is moved on.
//!
//! Two ways lead here. A timer puts a [`DueTick`] into [`QueueName::Due`]; at its time, and not before, the message's
//! audience job goes to fanout. And from time to time [`sweep`] looks for messages that nothing moved although it was time:
//! their job or their timer is lost, or they are over and must be closed. Both may repeat themselves, and each other:
//! fanout and closing do the same work twice to the same result.
//!
//! **Must not know**: audiences, mailboxes, gateways, payloads, an async runtime, how a timer is kept.

mod sweep;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use homing_contract::queue;
use homing_domain::limits::QUEUE_DELAY_MAX;
use homing_domain::{AudienceJob, Cursor, DueTick, Message, Stage};
use homing_ports::{Clock, Messages, Outgoing, QueueName, Queues, StageError};
use homing_telemetry::MessageDue;

pub use sweep::{Swept, sweep};

/// What the stage needs from the world.
pub trait Ports: Messages + Queues + Clock {}

impl<P: Messages + Queues + Clock> Ports for P {}

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

    /// Waits out a tick that is early, and releases the message of one that is due. A tick of a message that is on its way
    /// already, or that has another time by now, is void.
    ///
    /// # Errors
    /// [`StageError`]: what to do with the tick instead of deleting it.
    pub async fn handle(&self, tick: DueTick) -> Result<(), StageError> {
        let Some(message) = self.ports.message(tick.message).await? else {
            return Err(StageError::poison("there is no such message"));
        };
        if message.stage != Stage::Scheduled || message.release_at != Some(tick.at) {
            return Ok(());
        }
        let now = self.ports.now();
        if now < tick.at {
            return Err(StageError::Later { delay: tick.at.since(now).min(QUEUE_DELAY_MAX) });
        }
        self.ports.send(QueueName::Audience, vec![audience_job(&message)]).await?;
        MessageDue { message: message.id, late: now.since(tick.at) }.emit();
        Ok(())
    }
}

/// The job that begins a message's release.
fn audience_job(message: &Message) -> Outgoing {
    let job = AudienceJob { message: message.id, segment: None, cursor: Cursor::Start };
    Outgoing { body: queue::encode(&job), delay: 0, group: Some(message.app.as_str().into()) }
}
