//! Timers as items of a queue: a queue of this store delays as long as it is told to.

use homing_contract::queue::encode;
use homing_domain::DueTick;
use homing_ports::{Outgoing, QueueName, Queues, Result, Timers};

use crate::EmbeddedStore;

impl Timers for EmbeddedStore {
    async fn set_timer(&self, tick: DueTick) -> Result<()> {
        let delay = tick.at.since(self.shared.clock.now());
        self.send(QueueName::Due, vec![Outgoing { body: encode(&tick), delay, group: None }]).await
    }
}
