//! Hand-offs that found no link, on their way back to dispatch.

use std::sync::Arc;
use std::time::Duration;

use homing_contract::queue::v1;
use homing_domain::Undelivered;
use homing_ports::{Outgoing, QueueName, Queues};
use tokio::sync::mpsc;
use tracing::warn;

/// Items that wait. Beyond it whoever has one waits too.
const WAITING_MAX: usize = 1_024;
/// Items of one send.
const BATCH_MAX: usize = 64;
/// A send that failed is tried again after this.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// Where they are put.
#[derive(Clone, Debug)]
pub(crate) struct Returns(mpsc::Sender<Undelivered>);

impl Returns {
    /// Puts one in, waiting while it is full.
    pub(crate) async fn put(&self, item: Undelivered) {
        if self.0.send(item).await.is_err() {
            warn!(message = %item.message, device = %item.device, "a hand-off came back after the gateway's end");
        }
    }
}

/// The way back and the task that serves it, which ends when every [`Returns`] is gone.
pub(crate) fn returns<P: Queues>(ports: Arc<P>) -> (Returns, impl Future<Output = ()>) {
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    (Returns(sender), run(ports, receiver))
}

async fn run<P: Queues>(ports: Arc<P>, mut waiting: mpsc::Receiver<Undelivered>) {
    let mut batch = Vec::new();
    while waiting.recv_many(&mut batch, BATCH_MAX).await > 0 {
        let items: Vec<_> = batch.drain(..).map(|item| Outgoing::now(v1::encode(&item))).collect();
        while let Err(error) = ports.send(QueueName::Dispatch, items.clone()).await {
            warn!(%error, "undelivered hand-offs wait for their queue");
            tokio::time::sleep(RETRY_AFTER).await;
        }
    }
}
