//! A batch over a queue that remembers what was asked of it.

use std::sync::Mutex;

use homing_domain::UnixMillis;
use homing_ports::{DeadLetter, Error, Fault, ReceiptHandle, Result};

use bytes::Bytes;

use super::*;

/// A queue that writes down every call. Time stands still.
#[derive(Default)]
struct Notebook {
    calls: Mutex<Vec<String>>,
    /// Whether settling fails.
    broken: bool,
}

impl Notebook {
    fn note(&self, call: String) -> Result<()> {
        self.calls.lock().unwrap().push(call);
        if self.broken { Err(Error::new(Fault::Retry, "settle")) } else { Ok(()) }
    }
}

impl Clock for Notebook {
    fn now(&self) -> UnixMillis {
        UnixMillis(10_000)
    }
}

impl Queues for Notebook {
    async fn send(&self, queue: QueueName, items: Vec<Outgoing>) -> Result<()> {
        self.note(format!("send {} after {}", queue.name(), items[0].delay))
    }

    async fn receive(&self, _: QueueName, _: usize, _: Millis) -> Result<Vec<Received>> {
        panic!("the event source receives")
    }

    async fn delete(&self, _: QueueName, _: Vec<ReceiptHandle>) -> Result<()> {
        panic!("the event source deletes")
    }

    async fn retry(&self, _: QueueName, handle: ReceiptHandle, delay: Millis, _: &str) -> Result<()> {
        self.note(format!("retry {} after {delay}", String::from_utf8_lossy(&handle.0)))
    }

    async fn give_up(&self, _: QueueName, item: Received, reason: &str) -> Result<()> {
        self.note(format!("give up {}: {reason}", String::from_utf8_lossy(&item.body)))
    }

    async fn dead_letters(&self, _: QueueName, _: usize) -> Result<Vec<DeadLetter>> {
        panic!("nobody asks")
    }

    async fn redrive(&self, _: QueueName, _: Bytes) -> Result<()> {
        panic!("nobody asks")
    }

    async fn depth(&self, _: QueueName) -> Result<u64> {
        panic!("nobody asks")
    }
}

fn event(items: &[(&str, u32)]) -> SqsEvent {
    let record = |(body, receives): &(&str, u32)| {
        serde_json::json!({
            "messageId": format!("id-{body}"), "receiptHandle": format!("handle-{body}"), "body": body,
            "attributes": {"ApproximateReceiveCount": receives.to_string(), "SentTimestamp": "1"},
        })
    };
    let records: Vec<_> = items.iter().map(record).collect();
    serde_json::from_value(serde_json::json!({ "Records": records })).unwrap()
}

/// Does what an item's body says.
async fn obey(item: Received) -> std::result::Result<(), StageError> {
    match &item.body[..] {
        b"ok" => Ok(()),
        b"later" => Err(StageError::Later { delay: 7 }),
        b"failed" => Err(Error::new(Fault::Retry, "read").into()),
        b"poison" => Err(StageError::poison("no such thing")),
        b"endless" => std::future::pending().await,
        other => panic!("{other:?}"),
    }
}

async fn worked(ports: &Notebook, items: &[(&str, u32)]) -> Vec<String> {
    let answer = work(ports, QueueName::Audience, event(items), 1_050, None, obey).await;
    let mut failed: Vec<_> = answer.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
    failed.sort_unstable();
    failed
}

#[tokio::test]
async fn each_item_is_settled_on_its_own() {
    let ports = Notebook::default();
    let failed = worked(&ports, &[("ok", 1), ("later", 1), ("failed", 2), ("poison", 1)]).await;
    assert_eq!(failed, ["id-failed", "id-later"]);
    let mut calls = ports.calls.into_inner().unwrap();
    calls.sort_unstable();
    let expected = [
        "give up poison: cannot be processed: no such thing",
        "retry handle-failed after 400",
        "retry handle-later after 7",
    ];
    assert_eq!(calls, expected);
}

#[tokio::test]
async fn the_last_try_is_given_up_and_waiting_is_sent_anew() {
    let ports = Notebook::default();
    assert!(worked(&ports, &[("failed", 20), ("later", 20)]).await.is_empty());
    let mut calls = ports.calls.into_inner().unwrap();
    calls.sort_unstable();
    assert_eq!(calls, ["give up failed: read did not succeed this time", "send audience after 7"]);
}

#[tokio::test]
async fn what_cannot_be_settled_comes_again() {
    let ports = Notebook { broken: true, ..Notebook::default() };
    assert_eq!(worked(&ports, &[("ok", 1), ("poison", 1), ("later", 20)]).await, ["id-later", "id-poison"]);
}

#[tokio::test]
async fn what_is_not_done_before_the_deadline_comes_again() {
    let ports = Notebook::default();
    assert_eq!(worked(&ports, &[("endless", 1), ("ok", 1)]).await, ["id-endless"]);
    assert!(ports.calls.into_inner().unwrap().is_empty());
}
