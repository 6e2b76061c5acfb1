use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use homing_domain::UnixMillis;
use homing_ports::{DeadLetter, Error, ReceiptHandle, Result};
use tokio::sync::Notify;

use super::*;

/// A queue of one item that notes what is done with it.
#[derive(Clone, Default)]
struct OneItem {
    receives: u32,
    taken: Arc<AtomicU32>,
    calls: Arc<Mutex<Vec<String>>>,
    settled: Arc<Notify>,
}

impl OneItem {
    fn note(&self, call: String) {
        self.calls.lock().unwrap().push(call);
        self.settled.notify_one();
    }
}

impl Clock for OneItem {
    fn now(&self) -> UnixMillis {
        UnixMillis(1_000)
    }
}

impl Queues for OneItem {
    async fn send(&self, _: QueueName, items: Vec<Outgoing>) -> Result<()> {
        self.note(format!("send after {}", items[0].delay));
        Ok(())
    }

    async fn receive(&self, _: QueueName, _: usize, _: Millis) -> Result<Vec<Received>> {
        if self.taken.fetch_add(1, Ordering::SeqCst) > 0 {
            std::future::pending::<()>().await;
        }
        let handle = ReceiptHandle(Bytes::from_static(b"h"));
        Ok(vec![Received { handle, body: Bytes::from_static(b"b"), receives: self.receives, sent_at: UnixMillis(0) }])
    }

    async fn delete(&self, _: QueueName, _: Vec<ReceiptHandle>) -> Result<()> {
        self.note("delete".to_owned());
        Ok(())
    }

    async fn retry(&self, _: QueueName, _: ReceiptHandle, delay: Millis, reason: &str) -> Result<()> {
        self.note(format!("retry after {delay}: {reason}"));
        Ok(())
    }

    async fn dead_letters(&self, _: QueueName, _: usize) -> Result<Vec<DeadLetter>> {
        Ok(Vec::new())
    }

    async fn redrive(&self, _: QueueName, _: Bytes) -> Result<()> {
        Ok(())
    }

    async fn depth(&self, _: QueueName) -> Result<u64> {
        Ok(0)
    }
}

struct Answer(fn() -> std::result::Result<(), StageError>);

impl Consume for Answer {
    async fn consume(&self, _: &Bytes) -> std::result::Result<(), StageError> {
        (self.0)()
    }
}

/// What the worker does with an item on its `receives`-th receive when the stage answers so.
async fn settle(receives: u32, answer: fn() -> std::result::Result<(), StageError>) -> Vec<String> {
    let ports = OneItem { receives, ..OneItem::default() };
    let (stop, tracker) = (CancellationToken::new(), TaskTracker::new());
    let worker =
        Worker { ports: ports.clone(), queue: QueueName::Dispatch, stage: Arc::new(Answer(answer)), parallel: 2 };
    let running = tokio::spawn(worker.run(stop.clone(), tracker.clone()));
    ports.settled.notified().await;
    stop.cancel();
    running.await.unwrap();
    tracker.close();
    tracker.wait().await;
    ports.calls.lock().unwrap().clone()
}

#[tokio::test]
async fn done_is_deleted() {
    assert_eq!(settle(1, || Ok(())).await, ["delete"]);
}

#[tokio::test]
async fn later_never_becomes_a_dead_letter() {
    assert_eq!(settle(1, || Err(StageError::Later { delay: 1_000 })).await, ["retry after 1000: not yet"]);
    assert_eq!(settle(19, || Err(StageError::Later { delay: 1_000 })).await, ["send after 1000", "delete"]);
}

#[tokio::test]
async fn a_failing_port_is_tried_again_ever_later() {
    let fail = || Err(StageError::Port(Error::new(Fault::Retry, "read")));
    assert_eq!(settle(1, fail).await, ["retry after 200: read did not succeed this time"]);
    assert_eq!(settle(4, fail).await, ["retry after 1600: read did not succeed this time"]);
    assert_eq!(settle(20, fail).await, ["retry after 60000: read did not succeed this time"]);
}

#[tokio::test]
async fn poison_hurries_to_the_dead_letters() {
    assert_eq!(settle(3, || Err(StageError::poison("no JSON"))).await, ["retry after 0: cannot be processed: no JSON"]);
}
