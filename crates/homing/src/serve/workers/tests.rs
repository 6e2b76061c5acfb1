use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use homing_domain::UnixMillis;
use homing_ports::{DeadLetter, Error, Fault, ReceiptHandle, Result};
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
        let (body, sent_at) = (Bytes::from_static(b"b"), UnixMillis(0));
        Ok(vec![Received { handle, body, receives: self.receives, sent_at, attributes: Vec::new() }])
    }

    async fn delete(&self, _: QueueName, _: Vec<ReceiptHandle>) -> Result<()> {
        self.note("delete".to_owned());
        Ok(())
    }

    async fn retry(&self, _: QueueName, _: ReceiptHandle, delay: Millis, reason: &str) -> Result<()> {
        self.note(format!("retry after {delay}: {reason}"));
        Ok(())
    }

    async fn give_up(&self, _: QueueName, _: Received, reason: &str) -> Result<()> {
        self.note(format!("give up: {reason}"));
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
async fn settled(receives: u32, answer: fn() -> std::result::Result<(), StageError>) -> Vec<String> {
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
    assert_eq!(settled(1, || Ok(())).await, ["delete"]);
}

#[tokio::test]
async fn later_never_becomes_a_dead_letter() {
    assert_eq!(settled(1, || Err(StageError::Later { delay: 1_000 })).await, ["retry after 1000: not yet"]);
    assert_eq!(settled(19, || Err(StageError::Later { delay: 1_000 })).await, ["send after 1000", "delete"]);
}

#[tokio::test]
async fn a_failing_port_is_tried_again_until_it_is_given_up() {
    let fail = || Err(StageError::Port(Error::new(Fault::Retry, "read")));
    assert_eq!(settled(4, fail).await, ["retry after 1600: read did not succeed this time"]);
    assert_eq!(settled(20, fail).await, ["give up: read did not succeed this time"]);
}

#[tokio::test]
async fn poison_is_given_up_at_once() {
    assert_eq!(settled(1, || Err(StageError::poison("no JSON"))).await, ["give up: cannot be processed: no JSON"]);
}
