//! Work queues: at least once, hidden while worked on, delayed, in turn.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use homing_domain::Millis;
use homing_ports::{Outgoing, QueueName, Queues, ReceiptHandle, Received};

use crate::adapter::{Adapter, Ports};

const QUEUE: QueueName = QueueName::Dispatch;
/// Longer than anything here takes: a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

async fn send(ports: &impl Ports, bodies: &[&'static str]) {
    ports
        .send(QUEUE, bodies.iter().map(|body| Outgoing::now(Bytes::from_static(body.as_bytes()))).collect())
        .await
        .unwrap();
}

async fn receive(ports: &impl Ports, max: usize) -> Vec<Received> {
    ports.receive(QUEUE, max, 0).await.unwrap()
}

async fn delete(ports: &impl Ports, received: &Received) {
    ports.delete(QUEUE, vec![received.handle.clone()]).await.unwrap();
}

pub(crate) async fn what_is_sent_is_received_whole<A: Adapter>(world: &A) {
    let ports = world.ports();
    let (before, body) = (world.now(), Bytes::from(vec![b'x'; 256 << 10]));
    ports.send(QUEUE, vec![Outgoing::now(body.clone())]).await.unwrap();
    assert_eq!(ports.depth(QUEUE).await.unwrap(), 1);
    let received = receive(ports, 5).await;
    assert_eq!(received.len(), 1);
    assert_eq!((&received[0].body, received[0].receives), (&body, 1));
    assert!(received[0].attributes.is_empty(), "nobody wrote any");
    assert!(received[0].sent_at >= before && received[0].sent_at <= world.now());
    delete(ports, &received[0]).await;
    delete(ports, &received[0]).await;
    world.advance(QUEUE.visibility()).await;
    assert!(receive(ports, 5).await.is_empty());
    assert_eq!(ports.depth(QUEUE).await.unwrap(), 0);
    ports.send(QUEUE, Vec::new()).await.unwrap();
}

pub(crate) async fn an_item_is_hidden_while_it_is_worked_on<A: Adapter>(world: &A) {
    let ports = world.ports();
    send(ports, &["a"]).await;
    let first = receive(ports, 1).await;
    assert!(receive(ports, 1).await.is_empty());
    assert_eq!(ports.depth(QUEUE).await.unwrap(), 1, "in flight counts");
    world.advance(QUEUE.visibility()).await;
    let second = receive(ports, 1).await;
    assert_eq!((second[0].body.as_ref(), second[0].receives), (&b"a"[..], 2));
    assert_eq!(second[0].sent_at, first[0].sent_at);
}

pub(crate) async fn a_late_delete_works_until_the_next_receive<A: Adapter>(world: &A) {
    let ports = world.ports();
    send(ports, &["a"]).await;
    let first = receive(ports, 1).await;
    world.advance(QUEUE.visibility()).await;
    delete(ports, &first[0]).await;
    assert!(receive(ports, 1).await.is_empty());
}

pub(crate) async fn a_void_handle_is_ignored<A: Adapter>(world: &A) {
    let ports = world.ports();
    send(ports, &["a"]).await;
    let first = receive(ports, 1).await;
    world.advance(QUEUE.visibility()).await;
    let second = receive(ports, 1).await;
    delete(ports, &first[0]).await;
    ports.retry(QUEUE, first[0].handle.clone(), 0, "late").await.unwrap();
    assert!(receive(ports, 1).await.is_empty(), "the older handle cannot let it go again");
    for nonsense in ["", "x", "0123456789abcdef", "0123456789abcdef0123456789abcdef"] {
        let handle = ReceiptHandle(Bytes::from_static(nonsense.as_bytes()));
        ports.delete(QUEUE, vec![handle.clone()]).await.unwrap();
        ports.retry(QUEUE, handle, 0, "nonsense").await.unwrap();
    }
    assert_eq!(ports.depth(QUEUE).await.unwrap(), 1);
    delete(ports, &second[0]).await;
    assert_eq!(ports.depth(QUEUE).await.unwrap(), 0);
}

pub(crate) async fn a_delayed_item_waits<A: Adapter>(world: &A) {
    const DELAY: Millis = 60_000;
    let ports = world.ports();
    let delayed = Outgoing { delay: DELAY, ..Outgoing::now(Bytes::from_static(b"later")) };
    ports.send(QUEUE, vec![delayed, Outgoing::now(Bytes::from_static(b"now"))]).await.unwrap();
    let first = receive(ports, 9).await;
    assert_eq!(first.iter().map(|item| item.body.as_ref()).collect::<Vec<_>>(), [b"now"]);
    delete(ports, &first[0]).await;
    world.advance(DELAY - 1_000).await;
    assert!(receive(ports, 9).await.is_empty());
    world.advance(1_000).await;
    let second = receive(ports, 9).await;
    assert_eq!((second[0].body.as_ref(), second[0].receives), (&b"later"[..], 1));
}

pub(crate) async fn a_retry_hides_for_its_delay<A: Adapter>(world: &A) {
    let ports = world.ports();
    send(ports, &["a"]).await;
    let first = receive(ports, 1).await;
    ports.retry(QUEUE, first[0].handle.clone(), 5_000, "not yet").await.unwrap();
    assert!(receive(ports, 1).await.is_empty());
    world.advance(5_000).await;
    let second = receive(ports, 1).await;
    assert_eq!(second[0].receives, 2);
    ports.retry(QUEUE, second[0].handle.clone(), 0, "at once").await.unwrap();
    assert_eq!(receive(ports, 1).await[0].receives, 3);
}

pub(crate) async fn receive_waits_for_the_first_item<A: Adapter>(world: &A) {
    let ports = world.ports();
    let waiting = tokio::spawn({
        let ports = ports.clone();
        async move { ports.receive(QUEUE, 5, 20_000).await.unwrap() }
    });
    tokio::task::yield_now().await;
    send(ports, &["a"]).await;
    let received = tokio::time::timeout(PATIENCE, waiting).await.unwrap().unwrap();
    assert_eq!(received.len(), 1);
}

pub(crate) async fn receive_gives_up_after_its_wait<A: Adapter>(world: &A) {
    let received = tokio::time::timeout(PATIENCE, world.ports().receive(QUEUE, 5, 30)).await.unwrap();
    assert!(received.unwrap().is_empty());
}

pub(crate) async fn at_most_max_items_come<A: Adapter>(world: &A) {
    let ports = world.ports();
    send(ports, &["a", "b", "c"]).await;
    assert!(receive(ports, 0).await.is_empty());
    assert_eq!(receive(ports, 2).await.len(), 2);
    assert_eq!(receive(ports, 2).await.len(), 1);
}

pub(crate) async fn queues_do_not_mix<A: Adapter>(world: &A) {
    let ports = world.ports();
    for queue in QueueName::ALL {
        ports.send(queue, vec![Outgoing::now(Bytes::from_static(queue.name().as_bytes()))]).await.unwrap();
    }
    for queue in QueueName::ALL {
        let received = ports.receive(queue, 9, 0).await.unwrap();
        assert_eq!(received.len(), 1);
        assert_eq!(received[0].body, queue.name());
        let elsewhere = if queue == QUEUE { QueueName::Close } else { QUEUE };
        ports.delete(elsewhere, vec![received[0].handle.clone()]).await.unwrap();
        assert_eq!(ports.depth(queue).await.unwrap(), 1, "a handle works in its own queue only");
    }
}

pub(crate) async fn many_consumers_lose_nothing<A: Adapter>(world: &A) {
    const ITEMS: usize = 400;
    let ports = world.ports();
    let consumers = (0..6).map(|_| {
        let ports = ports.clone();
        tokio::spawn(async move {
            let mut bodies = Vec::new();
            while let received = ports.receive(QUEUE, 7, 500).await.unwrap()
                && !received.is_empty()
            {
                bodies.extend(received.iter().map(|item| item.body.clone()));
                ports.delete(QUEUE, received.into_iter().map(|item| item.handle).collect()).await.unwrap();
            }
            bodies
        })
    });
    let consumers: Vec<_> = consumers.collect();
    let sends = (0..ITEMS).map(|n| ports.send(QUEUE, vec![Outgoing::now(Bytes::from(n.to_string()))]));
    for sent in join_all(sends).await {
        sent.unwrap();
    }
    let received: Vec<Bytes> = join_all(consumers).await.into_iter().flat_map(Result::unwrap).collect();
    let distinct: BTreeSet<_> = received.iter().cloned().collect();
    assert_eq!(distinct, (0..ITEMS).map(|n| Bytes::from(n.to_string())).collect());
    assert_eq!(ports.depth(QUEUE).await.unwrap(), 0);
}

pub(crate) async fn a_flood_of_one_group_leaves_another_alone<A: Adapter>(world: &A) {
    const FLOOD: usize = 300;
    let ports = world.ports();
    let of = |group: &str, body: &'static str| Outgoing {
        group: Some(group.into()),
        ..Outgoing::now(Bytes::from_static(body.as_bytes()))
    };
    ports.send(QUEUE, vec![of("loud", "loud"); FLOOD]).await.unwrap();
    ports.send(QUEUE, vec![of("quiet", "quiet")]).await.unwrap();
    let early = receive(ports, 10).await;
    assert!(early.iter().any(|item| item.body == "quiet"), "it came long after the flood");
}
