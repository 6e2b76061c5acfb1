//! What is done from time to time rather than on an event.

use std::future::Future;
use std::time::Duration;

use homing_ports::{QueueName, Queues};
use homing_telemetry::QueueDepth;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// Overdue messages are looked for this often: a job or a timer that was lost, a message to be closed.
pub(super) const OVERDUE_SWEEP_EVERY: Duration = Duration::from_secs(15);
/// Rows past their retention are deleted this often, a bounded page at a time.
pub(super) const RETENTION_SWEEP_EVERY: Duration = Duration::from_secs(600);
/// Gauges of the queues' depths are set this often: half a usual scrape interval.
pub(super) const DEPTH_EVERY: Duration = Duration::from_secs(5);

/// Does something in every `period` until `stop`; the first time at once.
pub(super) async fn every<F, D>(period: Duration, stop: CancellationToken, mut task: F)
where
    F: FnMut() -> D,
    D: Future<Output = ()>,
{
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        task().await;
    }
}

/// Sets the gauges of the queues.
pub(super) async fn report_depths(queues: &impl Queues) {
    for queue in QueueName::ALL {
        if let Ok(items) = queues.depth(queue).await {
            QueueDepth { queue: queue.name(), items }.emit();
        }
    }
}
