//! A full disk: told in words, nothing half done, and all that was answered is there after a restart.

use std::collections::BTreeSet;
use std::process::Command;

use bytes::Bytes;
use homing_ports::{Fault, Outgoing, QueueName, Queues};

use super::child::{self, say};
use super::{HandClock, open_in};

const QUEUE: QueueName = QueueName::Audience;
/// Runs the rest of its arguments with files limited to 512 or 1,024 times 2,048 bytes (shells differ), a write beyond
/// which fails instead of killing the process: the nearest to a full disk that needs no rights.
const WITH_LITTLE_ROOM: &str = "trap '' XFSZ; ulimit -f 2048; exec \"$@\"";
/// Items that surely do not fit.
const TOO_MANY: u32 = 100_000;

#[tokio::test]
async fn writer() {
    let Some(directory) = child::directory() else { return };
    let store = open_in(&directory, &HandClock::new());
    let mut sent = 0;
    let refused = loop {
        assert!(sent < TOO_MANY, "the disk did not get full");
        // Two items that must come together or not at all.
        let pair = [0, 1].map(|half| Outgoing::now(Bytes::from(format!("{sent}.{half}{}", " ".repeat(1_000)))));
        match store.send(QUEUE, pair.to_vec()).await {
            Ok(()) => {
                say(format_args!("sent {sent}"));
                sent += 1;
            }
            Err(refused) => break refused,
        }
    };
    assert_eq!(refused.fault, Fault::Broken, "{refused}");
    assert!(refused.to_string().contains("disk is full"), "{refused}");
    assert_eq!(store.failure().as_deref(), Some("the disk is full; make room and restart"));
    let again = store.send(QUEUE, vec![Outgoing::now(Bytes::new())]).await.unwrap_err();
    assert!(again.to_string().contains("disk is full"), "{again}");
    assert_eq!(store.depth(QUEUE).await.unwrap(), u64::from(sent) * 2, "what failed is not seen");
    assert_eq!(store.receive(QUEUE, 10, 0).await.unwrap().len(), 10, "reads go on");
    say(format_args!("refused"));
}

#[tokio::test]
async fn it_is_told_and_loses_nothing() {
    let directory = tempfile::TempDir::new().unwrap();
    let clock = HandClock::new();
    drop(open_in(directory.path(), &clock));
    let mut shell = Command::new("sh");
    shell.args(["-c", WITH_LITTLE_ROOM, "sh"]).arg(std::env::current_exe().unwrap());
    let mut process = child::start(shell, "embedded::full_disk::writer", directory.path());
    let words: Vec<_> = child::words(&mut process).collect();
    assert!(process.wait().unwrap().success(), "{:?}", words.last());
    assert_eq!(words.last().map(String::as_str), Some("refused"));

    let store = open_in(directory.path(), &clock);
    let mut waiting = BTreeSet::new();
    while let received = store.receive(QUEUE, 500, 0).await.unwrap()
        && !received.is_empty()
    {
        waiting.extend(received.into_iter().map(|item| String::from_utf8_lossy(&item.body).trim_end().to_owned()));
    }
    let sent = words.len() - 1;
    for number in 0..=sent {
        let halves = [0, 1].map(|half| waiting.contains(&format!("{number}.{half}")));
        assert_eq!(halves[0], halves[1], "half of pair {number} is there");
        assert!(halves[0] || number == sent, "pair {number} was answered");
    }
    store.send(QUEUE, vec![Outgoing::now(Bytes::new())]).await.unwrap();
    assert_eq!(store.failure(), None, "there is room again");
}
