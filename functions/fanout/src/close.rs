//! The close job: an item that waits until its message is over.

use homing_contract::queue::v1;
use homing_domain::limits::{CLOSE_AFTER_EXPIRY, QUEUE_DELAY_MAX};
use homing_domain::{CloseJob, Message};
use homing_ports::{Outgoing, QueueName, StageError};

use crate::{Fanout, Ports};

impl<P: Ports> Fanout<P> {
    /// Sends the message's close job with the longest delay a queue allows; closing delays it further until it is due.
    pub(crate) async fn send_close_job(&self, message: &Message) -> Result<(), StageError> {
        let job = CloseJob { message: message.id, at: message.expires_at.plus(CLOSE_AFTER_EXPIRY), after: None };
        let delay = job.at.since(self.ports.now()).min(QUEUE_DELAY_MAX);
        let item = Outgoing { body: v1::encode(&job), delay, group: Some(message.app.as_str().into()) };
        Ok(self.ports.send(QueueName::Close, vec![item]).await?)
    }
}
