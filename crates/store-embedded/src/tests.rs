use homing_domain::{Millis, UnixMillis};
use homing_ports::{Outgoing, QueueName, Queues};

use super::*;

struct Stopped(Millis);

impl Clock for Stopped {
    fn now(&self) -> UnixMillis {
        UnixMillis(self.0)
    }
}

fn open(directory: &Path) -> Result<EmbeddedStore, OpenError> {
    open_at(directory, 1_000_000)
}

fn open_at(directory: &Path, now: Millis) -> Result<EmbeddedStore, OpenError> {
    EmbeddedStore::open(directory, Arc::new(Stopped(now)))
}

#[test]
fn a_second_process_is_told_who_is_in_the_way() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    let second = open(directory.path()).unwrap_err();
    assert!(matches!(&second, OpenError::Locked { .. }), "{second}");
    assert!(second.to_string().contains("in use"), "{second}");
    drop(store);
    open(directory.path()).unwrap();
}

#[test]
fn a_newer_format_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let engine = Engine::open(directory.path()).unwrap();
    let key = table::Key::of(table::Table::Format);
    engine.keyspace(key.table).insert(key.bytes, [0x08, 0x63]).unwrap();
    drop(engine);
    let refused = open(directory.path()).unwrap_err();
    assert!(matches!(refused, OpenError::NewerFormat { found: 99, .. }), "{refused}");
}

#[test]
fn a_file_in_the_way_is_not_writable() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let refused = open(file.path()).unwrap_err();
    assert!(matches!(refused, OpenError::NotWritable { .. }), "{refused}");
}

#[tokio::test]
async fn an_operation_that_fails_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    let key = || table::Key::of(table::Table::Apps).raw(b"x");
    let failed = store
        .commit("test", move |view| {
            view.put(key(), &b"half"[..]);
            view.once_durable(|| panic!("must not run"));
            Err::<(), _>(error::StoreError::Closed)
        })
        .await;
    assert!(failed.is_err());
    assert_eq!(store.engine().get(&key()).unwrap(), None);
}

#[tokio::test]
async fn an_operation_that_panics_takes_nobody_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    let key = |name: &[u8]| table::Key::of(table::Table::Apps).raw(name);
    let (panicked, fine) = tokio::join!(
        store.commit("test", move |view| -> StoreResult<()> {
            view.put(key(b"x"), &b"half"[..]);
            panic!("a bug");
        }),
        store.commit("test", move |view| {
            view.put(key(b"y"), &b"whole"[..]);
            Ok(())
        })
    );
    assert!(panicked.is_err());
    fine.unwrap();
    assert_eq!(store.engine().get(&key(b"x")).unwrap(), None);
    assert_eq!(store.engine().get(&key(b"y")).unwrap().unwrap(), "whole");
}

#[tokio::test]
async fn an_operation_sees_what_the_earlier_ones_of_its_group_wrote() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    let add = || {
        store.commit("test", |view| {
            let key = table::Key::of(table::Table::Apps).raw(b"n");
            let number = view.get(&key)?.map_or(0, |value| value[0]) + 1;
            view.put(key, vec![number]);
            Ok(number)
        })
    };
    let mut numbers = Vec::new();
    for answer in futures_of(100, add).await {
        numbers.push(answer.unwrap());
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=100).collect::<Vec<u8>>());
}

async fn futures_of<F: Future>(count: usize, make: impl Fn() -> F) -> Vec<F::Output> {
    let mut running: Vec<_> = (0..count).map(|_| Box::pin(make())).collect();
    let mut outputs = Vec::new();
    std::future::poll_fn(|context| {
        running.retain_mut(|future| match future.as_mut().poll(context) {
            std::task::Poll::Ready(output) => {
                outputs.push(output);
                false
            }
            std::task::Poll::Pending => true,
        });
        if running.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    outputs
}

#[test]
fn each_queue_is_in_its_place() {
    for (place, name) in QueueName::ALL.into_iter().enumerate() {
        assert_eq!(name as usize, place);
    }
}

#[tokio::test]
async fn a_sender_that_gives_up_still_sends() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).unwrap();
    {
        let mut send = Box::pin(store.send(QueueName::Close, vec![Outgoing::now("x".into())]));
        // Polled once: handed in. Dropped: nobody waits for the answer.
        let _pending = std::future::poll_fn(|context| std::task::Poll::Ready(send.as_mut().poll(context))).await;
    }
    let received = store.receive(QueueName::Close, 1, 10_000).await.unwrap();
    assert_eq!(received.len(), 1);
}

#[tokio::test]
async fn a_clock_set_back_overwrites_no_dead_letter() {
    const QUEUE: QueueName = QueueName::Dispatch;
    let directory = tempfile::tempdir().unwrap();
    for (now, body) in [(1_000_000, "first"), (1_000, "second")] {
        let store = open_at(directory.path(), now).unwrap();
        store.send(QUEUE, vec![Outgoing::now(body.into())]).await.unwrap();
        for _ in 0..QUEUE.max_receives() {
            let received = store.receive(QUEUE, 1, 0).await.unwrap();
            store.retry(QUEUE, received[0].handle.clone(), 0, "no").await.unwrap();
        }
    }
    // The third life's first id would be the first life's.
    let store = open_at(directory.path(), 1_000_000).unwrap();
    store.send(QUEUE, vec![Outgoing::now("third".into())]).await.unwrap();
    for _ in 0..QUEUE.max_receives() {
        let received = store.receive(QUEUE, 1, 0).await.unwrap();
        store.retry(QUEUE, received[0].handle.clone(), 0, "no").await.unwrap();
    }
    let bodies: Vec<_> = store.dead_letters(QUEUE, 9).await.unwrap().into_iter().map(|dead| dead.body).collect();
    assert_eq!(bodies, ["first", "second", "third"]);
}
