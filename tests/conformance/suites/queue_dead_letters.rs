//! Dead letters: what was tried too often, why, and how it comes back.

use bytes::Bytes;
use homing_ports::{DeadLetter, Outgoing, QueueName, Queues};

use crate::adapter::Adapter;

const QUEUE: QueueName = QueueName::Receipts;

/// Receives and retries until the queue gives it up, some receives ending in a retry with a reason, the others unanswered.
async fn wear_out<A: Adapter>(world: &A) -> Vec<DeadLetter> {
    let ports = world.ports();
    for receives in 1..=QUEUE.max_receives() {
        let received = ports.receive(QUEUE, 1, 0).await.unwrap();
        assert_eq!(received.iter().map(|item| item.receives).collect::<Vec<_>>(), [receives]);
        if receives % 2 == 1 {
            ports.retry(QUEUE, received[0].handle.clone(), 0, &format!("第{receives}次 failed")).await.unwrap();
        } else {
            world.advance(QUEUE.visibility()).await;
        }
    }
    assert!(ports.receive(QUEUE, 1, 0).await.unwrap().is_empty(), "it was tried often enough");
    ports.dead_letters(QUEUE, 9).await.unwrap()
}

pub(crate) async fn what_is_never_deleted_becomes_a_dead_letter<A: Adapter>(world: &A) {
    let ports = world.ports();
    let sent_at = world.now();
    ports.send(QUEUE, vec![Outgoing::now(Bytes::from_static(b"poison"))]).await.unwrap();
    let dead = wear_out(world).await;
    assert_eq!(dead.len(), 1);
    assert_eq!((dead[0].body.as_ref(), dead[0].receives), (&b"poison"[..], QUEUE.max_receives()));
    assert!(dead[0].sent_at >= sent_at);
    let last_said = QUEUE.max_receives() - 1;
    assert_eq!(dead[0].reason, Some(format!("第{last_said}次 failed")));
    assert_eq!(ports.depth(QUEUE).await.unwrap(), 0, "dead letters do not wait");
    world.advance(QUEUE.visibility()).await;
    assert!(ports.receive(QUEUE, 1, 0).await.unwrap().is_empty());
    assert!(ports.dead_letters(QueueName::Close, 9).await.unwrap().is_empty());
    assert!(ports.dead_letters(QUEUE, 0).await.unwrap().is_empty());
}

pub(crate) async fn a_redriven_item_is_new<A: Adapter>(world: &A) {
    let ports = world.ports();
    ports.send(QUEUE, vec![Outgoing::now(Bytes::from_static(b"poison"))]).await.unwrap();
    let dead = wear_out(world).await;
    ports.redrive(QUEUE, dead[0].id.clone()).await.unwrap();
    ports.redrive(QUEUE, dead[0].id.clone()).await.unwrap();
    assert!(ports.dead_letters(QUEUE, 9).await.unwrap().is_empty());
    let again = wear_out(world).await;
    assert_eq!(again.len(), 1, "it came once, with all its tries");
    assert_eq!(again[0].body, "poison");
}

pub(crate) async fn redrive_of_nothing_is_nothing<A: Adapter>(world: &A) {
    let ports = world.ports();
    for id in ["", "x", "12345678", "0123456789abcdef"] {
        ports.redrive(QUEUE, Bytes::from_static(id.as_bytes())).await.unwrap();
    }
    assert_eq!(ports.depth(QUEUE).await.unwrap(), 0);
}
