//! Dead letters: what was given up or tried too often, why, and how it comes back.

use bytes::Bytes;
use homing_ports::{DeadLetter, Outgoing, QueueName, Queues, Received};

use crate::adapter::{Adapter, Ports};

const QUEUE: QueueName = QueueName::Receipts;
/// Longest time that an empty queue is listened to.
const PATIENCE: u64 = 5_000;
const WHY: &str = "第3次: it cannot be read";

async fn send_and_receive(ports: &impl Ports, body: &'static str) -> Received {
    ports.send(QUEUE, vec![Outgoing::now(Bytes::from_static(body.as_bytes()))]).await.unwrap();
    ports.receive(QUEUE, 1, PATIENCE).await.unwrap().remove(0)
}

pub(crate) async fn what_is_given_up_is_a_dead_letter_at_once<A: Adapter>(world: &A) {
    let ports = world.ports();
    let first = send_and_receive(ports, "poison").await;
    ports.retry(QUEUE, first.handle, 0, "not this time").await.unwrap();
    let second = ports.receive(QUEUE, 1, PATIENCE).await.unwrap().remove(0);
    ports.give_up(QUEUE, second.clone(), WHY).await.unwrap();
    let dead = ports.dead_letters(QUEUE, 9).await.unwrap();
    assert_eq!(dead.len(), 1);
    let DeadLetter { body, receives, sent_at, reason, .. } = &dead[0];
    assert_eq!((body.as_ref(), *receives, *sent_at), (&b"poison"[..], 2, second.sent_at));
    assert_eq!(reason.as_deref(), Some(WHY));
    assert_eq!(ports.depth(QUEUE).await.unwrap(), 0, "dead letters do not wait");
    world.advance(QUEUE.visibility()).await;
    assert!(ports.receive(QUEUE, 1, 0).await.unwrap().is_empty());
    assert_eq!(ports.dead_letters(QUEUE, 9).await.unwrap(), dead, "reading takes nothing away");
    assert!(ports.dead_letters(QUEUE, 0).await.unwrap().is_empty());
    assert!(ports.dead_letters(QueueName::Close, 9).await.unwrap().is_empty());
}

pub(crate) async fn a_void_handle_gives_nothing_up<A: Adapter>(world: &A) {
    let ports = world.ports();
    let first = send_and_receive(ports, "a").await;
    world.advance(QUEUE.visibility()).await;
    let second = ports.receive(QUEUE, 1, PATIENCE).await.unwrap().remove(0);
    ports.give_up(QUEUE, first, "too late").await.unwrap();
    assert_eq!(ports.depth(QUEUE).await.unwrap(), 1);
    world.advance(QUEUE.visibility()).await;
    let third = ports.receive(QUEUE, 1, PATIENCE).await.unwrap().remove(0);
    assert_eq!((third.body.as_ref(), third.receives), (&b"a"[..], second.receives + 1));
}

pub(crate) async fn a_redriven_item_is_new<A: Adapter>(world: &A) {
    let ports = world.ports();
    let item = send_and_receive(ports, "poison").await;
    ports.give_up(QUEUE, item, WHY).await.unwrap();
    let dead = ports.dead_letters(QUEUE, 9).await.unwrap();
    ports.redrive(QUEUE, dead[0].id.clone()).await.unwrap();
    ports.redrive(QUEUE, dead[0].id.clone()).await.unwrap();
    assert!(ports.dead_letters(QUEUE, 9).await.unwrap().is_empty());
    let again = ports.receive(QUEUE, 9, PATIENCE).await.unwrap();
    assert_eq!(again.len(), 1, "it came once");
    assert_eq!((again[0].body.as_ref(), again[0].receives), (&b"poison"[..], 1));
    assert!(again[0].attributes.is_empty(), "why it died is not its sender's word");
    ports.delete(QUEUE, vec![again[0].handle.clone()]).await.unwrap();
    assert_eq!(ports.depth(QUEUE).await.unwrap(), 0);
}

pub(crate) async fn redrive_of_nothing_is_nothing<A: Adapter>(world: &A) {
    let ports = world.ports();
    for id in ["", "x", "12345678", "0123456789abcdef"] {
        ports.redrive(QUEUE, Bytes::from_static(id.as_bytes())).await.unwrap();
    }
    assert_eq!(ports.depth(QUEUE).await.unwrap(), 0);
}

/// What nobody settles is given up by the queue itself, though perhaps some receives later than a worker would.
pub(crate) async fn what_is_never_settled_is_given_up<A: Adapter>(world: &A) {
    /// Receives that an adapter may grant beyond the limit: its own net hangs below the worker's.
    const GRACE: u32 = 8;
    let ports = world.ports();
    ports.send(QUEUE, vec![Outgoing::now(Bytes::from_static(b"poison"))]).await.unwrap();
    let mut receives = 0;
    while let Some(item) = ports.receive(QUEUE, 1, 0).await.unwrap().pop() {
        receives = item.receives;
        assert!(receives <= QUEUE.max_receives() + GRACE, "it comes for ever");
        ports.retry(QUEUE, item.handle, 0, "no").await.unwrap();
    }
    assert!(receives >= QUEUE.max_receives(), "it was tried {receives} times only");
    let dead = ports.dead_letters(QUEUE, 9).await.unwrap();
    assert_eq!(dead.into_iter().map(|letter| letter.body).collect::<Vec<_>>(), ["poison"]);
}

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

/// Only an adapter that counts receives itself gives up at the very limit and remembers the last reason.
pub(crate) async fn the_limit_is_exact_and_the_last_reason_is_kept<A: Adapter>(world: &A) {
    let ports = world.ports();
    let sent_at = world.now();
    ports.send(QUEUE, vec![Outgoing::now(Bytes::from_static(b"poison"))]).await.unwrap();
    let dead = wear_out(world).await;
    assert_eq!(dead.len(), 1);
    assert_eq!((dead[0].body.as_ref(), dead[0].receives), (&b"poison"[..], QUEUE.max_receives()));
    assert!(dead[0].sent_at >= sent_at);
    let last_said = QUEUE.max_receives() - 1;
    assert_eq!(dead[0].reason, Some(format!("第{last_said}次 failed")));
    ports.redrive(QUEUE, dead[0].id.clone()).await.unwrap();
    assert_eq!(wear_out(world).await.len(), 1, "it came again, with all its tries");
}
