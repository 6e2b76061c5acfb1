//! Mailboxes under concurrency: the one item orders takeovers and enqueues.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use homing_domain::mailbox::{Enqueue, Enqueued, Route};
use homing_domain::{ConnSeq, MessageId, Seq};
use homing_ports::Mailboxes;

use crate::adapter::{Adapter, Ports};
use crate::values::{device_id, enqueue, gateway, mailbox, message_id, takeover};

/// Messages in one race; below a mailbox's room.
const MESSAGES: u32 = 48;

/// What an enqueue was told.
struct Stored {
    message: MessageId,
    seq: Seq,
    route: Option<Route>,
}

async fn enqueue_one(ports: &impl Ports, n: u32) -> Stored {
    let request: Enqueue = enqueue(n);
    let message = request.message;
    match ports.enqueue(vec![(device_id(1), request)]).await.unwrap().remove(0).unwrap() {
        Enqueued::Stored { seq, route, .. } => Stored { message, seq, route },
        other => panic!("{other:?}"),
    }
}

/// Runs each future as a task of its own.
async fn race<T: Send + 'static>(tasks: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>) -> Vec<T> {
    let running: Vec<_> = tasks.into_iter().map(tokio::spawn).collect();
    join_all(running).await.into_iter().map(Result::unwrap).collect()
}

pub(crate) async fn no_message_falls_between_takeover_and_enqueue<A: Adapter>(world: &A) {
    let ports = world.ports();
    ports.create_mailbox(device_id(1), mailbox()).await.unwrap();
    let enqueues = tokio::spawn({
        let ports = ports.clone();
        race((1..=MESSAGES).map(move |n| {
            let ports = ports.clone();
            async move { enqueue_one(&ports, n).await }
        }))
    });
    let takeovers = race((1..=8).map(|conn_seq: ConnSeq| {
        let ports = ports.clone();
        async move { (conn_seq, ports.take_over(device_id(1), takeover(conn_seq)).await.unwrap()) }
    }))
    .await;
    let enqueues = enqueues.await.unwrap();
    assert!(takeovers.iter().any(|(_, taken)| taken.is_ok()));
    for (conn_seq, taken) in takeovers {
        let Ok(taken) = taken else { continue };
        let in_answer: BTreeSet<_> = taken.mailbox.entries.iter().map(|entry| entry.message).collect();
        for stored in &enqueues {
            let names_it = stored.route.is_some_and(|route| route.conn_seq >= conn_seq);
            assert!(
                in_answer.contains(&stored.message) || names_it,
                "seq {} is neither in takeover {conn_seq} nor did its enqueue see it",
                stored.seq
            );
        }
    }
}

pub(crate) async fn a_vendor_and_enqueues_all_hold<A: Adapter>(world: &A) {
    let ports = world.ports();
    ports.create_mailbox(device_id(1), mailbox()).await.unwrap();
    let stored = race((1..=16).map(|n| {
        let ports = ports.clone();
        async move {
            if n % 8 == 0 {
                ports.set_vendor(device_id(1), true).await.unwrap();
            }
            enqueue_one(&ports, n).await
        }
    }))
    .await;
    let seqs: BTreeSet<_> = stored.iter().map(|stored| stored.seq).collect();
    assert_eq!(seqs, (1..=16).collect());
    let stands = ports.mailbox(device_id(1)).await.unwrap().unwrap();
    assert!(stands.has_vendor);
    assert_eq!(stands.entries.len(), 16);
}

pub(crate) async fn of_equal_takeovers_one_wins<A: Adapter>(world: &A) {
    let ports = world.ports();
    ports.create_mailbox(device_id(1), mailbox()).await.unwrap();
    let answers = race((0..8).map(|n| {
        let ports = ports.clone();
        let takeover = homing_domain::mailbox::Takeover { gateway: gateway(n), ..takeover(3) };
        async move { ports.take_over(device_id(1), takeover).await.unwrap().is_ok() }
    }))
    .await;
    assert_eq!(answers.into_iter().filter(|won| *won).count(), 1);
}

pub(crate) async fn concurrent_enqueues_get_dense_numbers<A: Adapter>(world: &A) {
    let ports = world.ports();
    ports.create_mailbox(device_id(1), mailbox()).await.unwrap();
    // Every message twice, as a redelivered page would.
    let stored = race((0..2 * MESSAGES).map(|n| {
        let ports = ports.clone();
        async move { enqueue_one(&ports, n % MESSAGES + 1).await }
    }))
    .await;
    let numbers: BTreeSet<_> = stored.iter().map(|stored| (stored.message, stored.seq)).collect();
    assert_eq!(numbers.len(), MESSAGES as usize, "a repeat is answered with the first number");
    let seqs: BTreeSet<_> = stored.iter().map(|stored| stored.seq).collect();
    assert_eq!(seqs, (1..=Seq::from(MESSAGES)).collect());
    assert!(numbers.iter().any(|(message, _)| *message == message_id(1)));
}
