//! A batch of queue items that Lambda pushes in: each goes through the stage, and each is settled on its own.

use std::future::Future;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use homing_domain::Millis;
use homing_ports::{Clock, Outgoing, QueueName, Queues, Received, Settlement, StageError, settle};
use homing_store_aws::with_trace;
use homing_telemetry::{DeadLettered, ItemDone, WorkerFailed};

use crate::sqs_event::{BatchItemFailure, BatchResponse, SqsEvent, SqsRecord};

/// Items of one batch in work at the same time: a batch holds 10 unless the template says otherwise, and waiting for the
/// network is most of the work.
const AT_ONCE: usize = 10;
/// Work ends so long before the invocation's deadline: time to settle and to answer, in milliseconds.
const ANSWER_MARGIN: Millis = 1_000;

/// Works on a batch until `remaining` is nearly over. What is not done by then comes again.
pub(crate) async fn work<P, W>(
    ports: &P,
    queue: QueueName,
    event: SqsEvent,
    remaining: Millis,
    trace: Option<&str>,
    stage: impl Fn(Received) -> W,
) -> BatchResponse
where
    P: Queues + Clock,
    W: Future<Output = Result<(), StageError>>,
{
    let stage = &stage;
    let limit = Duration::from_millis(remaining.saturating_sub(ANSWER_MARGIN));
    let one = |record: SqsRecord| async move {
        let id = record.message_id.clone();
        let trace = record.trace_header().or(trace).map(str::to_owned);
        let work = work_on(ports, queue, record.into_received(), limit, stage);
        let is_done = match trace {
            Some(header) => with_trace(header, work).await,
            None => work.await,
        };
        (!is_done).then_some(BatchItemFailure { item_identifier: id })
    };
    let failures = stream::iter(event.records).map(one).buffer_unordered(AT_ONCE);
    BatchResponse { batch_item_failures: failures.filter_map(std::future::ready).collect().await }
}

/// Whether the event source may delete the item.
async fn work_on<P, W>(
    ports: &P,
    queue: QueueName,
    item: Received,
    limit: Duration,
    stage: &impl Fn(Received) -> W,
) -> bool
where
    P: Queues + Clock,
    W: Future<Output = Result<(), StageError>>,
{
    let began = ports.now();
    let Ok(done) = tokio::time::timeout(limit, stage(item.clone())).await else {
        tracing::warn!(queue = queue.name(), "an item was not done before the invocation's deadline");
        return false;
    };
    let settlement = settle(queue, item.receives, done.as_ref().copied());
    match &done {
        Ok(()) => {
            let (took, waited) = (ports.now().since(began), began.since(item.sent_at));
            ItemDone { queue: queue.name(), took, waited }.emit();
        }
        Err(error) => report_failure(queue, item.receives, error, &settlement),
    }
    perform(ports, queue, item, settlement).await
}

fn report_failure(queue: QueueName, receives: u32, error: &StageError, settlement: &Settlement) {
    let queue = queue.name();
    match settlement {
        Settlement::GiveUp { reason } => DeadLettered { queue, receives, reason }.emit(),
        _ if matches!(error, StageError::Later { .. }) => {}
        _ => WorkerFailed { queue, receives, error }.emit(),
    }
}

/// Settles the item; what cannot be settled comes again.
async fn perform(ports: &impl Queues, queue: QueueName, item: Received, settlement: Settlement) -> bool {
    let settled = match settlement {
        Settlement::Delete => return true,
        Settlement::Retry { delay, reason } => {
            // Reported as failed even when the delay could not be set: then it comes after the queue's own.
            if let Err(error) = ports.retry(queue, item.handle, delay, &reason).await {
                tracing::warn!(queue = queue.name(), %error, "the delay of an item could not be set");
            }
            return false;
        }
        Settlement::SendAnew { delay } => {
            ports.send(queue, vec![Outgoing { body: item.body, delay, group: None }]).await
        }
        Settlement::GiveUp { reason } => ports.give_up(queue, item, &reason).await,
    };
    if let Err(error) = &settled {
        tracing::warn!(queue = queue.name(), %error, "an item could not be settled, it comes again");
    }
    settled.is_ok()
}

#[cfg(test)]
mod tests;
