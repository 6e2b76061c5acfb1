//! SIGKILL at any moment loses nothing that was answered.
//!
//! A child writes and says each answer; the parent kills it in the middle and opens what it left.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use bytes::Bytes;
use futures_util::future::join_all;
use homing_domain::mailbox::Enqueued;
use homing_domain::{Audience, Seq};
use homing_ports::{Accepted, Mailboxes, Messages, Outgoing, QueueName, Queues};
use homing_store_embedded::EmbeddedStore;

use super::child::{self, say};
use super::{HandClock, open_in};
use crate::values::{device_id, enqueue, mailbox, message, message_id};

/// Writers of the child, each with a device and a run of messages of its own.
const WRITERS: u32 = 16;
/// Answers to wait for before the kill.
const ANSWERS: usize = 600;
/// How often the child is killed over the same directory.
const LIVES: u32 = 3;

/// What a life of the child was told.
#[derive(Default)]
struct Told {
    accepted: Vec<u32>,
    sent: Vec<String>,
    /// By device: the last number given out.
    seqs: BTreeMap<u32, Seq>,
}

/// One round of a writer: a message, its queue item, its mailbox entry, its trim.
async fn write_round(store: &EmbeddedStore, device: u32, n: u32) {
    assert_eq!(store.accept(message(n, "shop", Audience::All)).await.unwrap(), Accepted::New);
    say(format_args!("accepted {n}"));
    store.send(QueueName::Audience, vec![Outgoing::now(Bytes::from(n.to_string()))]).await.unwrap();
    say(format_args!("sent {n}"));
    let answer = store.enqueue(vec![(device_id(device), enqueue(n))]).await.unwrap().remove(0).unwrap();
    let Enqueued::Stored { seq, .. } = answer else { panic!("{answer:?}") };
    say(format_args!("seq {device} {seq}"));
    store.trim(device_id(device), 1, seq, seq).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writer() {
    let Some(directory) = child::directory() else { return };
    let store = open_in(&directory, &HandClock::new());
    let life = store.depth(QueueName::Close).await.unwrap();
    store.send(QueueName::Close, vec![Outgoing::now(Bytes::new())]).await.unwrap();
    let first = u32::try_from(life).unwrap() * 1_000_000;
    join_all((0..WRITERS).map(|device| {
        let store = store.clone();
        async move {
            store.create_mailbox(device_id(device), mailbox()).await.unwrap();
            store.take_over(device_id(device), crate::values::takeover(1)).await.unwrap().unwrap();
            for round in 0..50_000 {
                write_round(&store, device, first + device * 50_000 + round).await;
            }
        }
    }))
    .await;
}

/// Runs the child until it has answered often enough, kills it, and says what it was told.
fn live_and_die(directory: &Path) -> Told {
    let this = Command::new(std::env::current_exe().unwrap());
    let mut process = child::start(this, "embedded::kill::writer", directory);
    let mut told = Told::default();
    let mut answers = 0;
    for answer in child::words(&mut process) {
        let words: Vec<_> = answer.split(' ').collect();
        match words[..] {
            ["accepted", n] => told.accepted.push(n.parse().unwrap()),
            ["sent", n] => told.sent.push(n.to_owned()),
            ["seq", device, seq] => {
                told.seqs.insert(device.parse().unwrap(), seq.parse().unwrap());
            }
            _ => panic!("{answer}"),
        }
        answers += 1;
        if answers == ANSWERS {
            // SIGKILL on Unix.
            process.kill().unwrap();
        }
    }
    assert!(!process.wait().unwrap().success(), "it did not end by itself");
    assert!(answers >= ANSWERS, "it died of something else after {answers} answers");
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_answered_is_lost() {
    let directory = tempfile::TempDir::new().unwrap();
    let (mut accepted, mut sent) = (Vec::new(), Vec::new());
    for life in 1..=LIVES {
        let told = live_and_die(directory.path());
        accepted.extend(told.accepted);
        sent.extend(told.sent);
        let store = open_in(directory.path(), &HandClock::new());
        for n in &accepted {
            assert!(store.message(message_id(*n)).await.unwrap().is_some(), "message {n} was answered in life {life}");
        }
        for (device, seq) in told.seqs {
            let mailbox = store.mailbox(device_id(device)).await.unwrap().unwrap();
            assert!(mailbox.hi >= seq, "device {device} was told {seq}, has {}", mailbox.hi);
            let entries: Seq = mailbox.entries.iter().map(|entry| Seq::from(entry.span)).sum();
            assert_eq!(mailbox.lo + entries, mailbox.hi + 1, "an item is whole or not there");
        }
        let mut waiting = std::collections::BTreeSet::new();
        while let received = store.receive(QueueName::Audience, 500, 0).await.unwrap()
            && !received.is_empty()
        {
            waiting.extend(received.into_iter().map(|item| String::from_utf8(item.body.to_vec()).unwrap()));
        }
        assert_eq!(sent.iter().find(|n| !waiting.contains(*n)), None, "an item was answered in life {life}");
    }
}
