//! Queues as weak as SQS standard queues: at least once, in no order, sometimes twice at the same time.

use std::collections::BTreeMap;
use std::task::{Poll, Waker};

use bytes::Bytes;
use homing_domain::{Millis, UnixMillis};
use homing_ports::{DeadLetter, Error, Fault, Outgoing, QueueName, Queues, ReceiptHandle, Received, Result};

use super::{State, Weak, Weakness};

#[derive(Clone, Debug)]
struct Item {
    body: Bytes,
    visible_at: UnixMillis,
    receives: u32,
    sent_at: UnixMillis,
    receipt: u64,
}

/// The queues.
#[derive(Debug, Default)]
pub struct QueueState {
    items: BTreeMap<(QueueName, u64), Item>,
    dead: BTreeMap<(QueueName, u64), DeadLetter>,
    waiting: Vec<Waker>,
    next: u64,
}

impl QueueState {
    /// Items that are not done.
    #[must_use]
    pub fn waiting_items(&self, queue: QueueName) -> usize {
        self.items.range((queue, 0)..=(queue, u64::MAX)).count()
    }

    /// When the next item of a queue can be received.
    #[must_use]
    pub fn next_visible(&self, queue: QueueName) -> Option<UnixMillis> {
        self.items.range((queue, 0)..=(queue, u64::MAX)).map(|(_, item)| item.visible_at).min()
    }

    /// What was given up.
    pub fn dead(&self) -> impl Iterator<Item = (QueueName, &DeadLetter)> + '_ {
        self.dead.iter().map(|((queue, _), letter)| (*queue, letter))
    }

    fn put(&mut self, queue: QueueName, body: Bytes, visible_at: UnixMillis, now: UnixMillis) {
        self.next += 1;
        self.items.insert((queue, self.next), Item { body, visible_at, receives: 0, sent_at: now, receipt: 0 });
        for waker in self.waiting.drain(..) {
            waker.wake();
        }
    }

    fn of_handle(handle: &ReceiptHandle) -> Option<(u64, u64)> {
        let id = handle.0.get(..8)?.try_into().ok().map(u64::from_be_bytes)?;
        let receipt = handle.0.get(8..16)?.try_into().ok().map(u64::from_be_bytes)?;
        Some((id, receipt))
    }
}

impl State {
    pub(super) fn send_one(&mut self, queue: QueueName, outgoing: &Outgoing) {
        if queue == QueueName::Receipts {
            self.check.receipts_sent(&outgoing.body);
        } else if queue == QueueName::Audience {
            self.check.job_sent(&outgoing.body);
        }
        self.trace(|| format!("  {} <- {}", queue.name(), String::from_utf8_lossy(&outgoing.body)));
        let faults = self.faults;
        let copies = if self.strikes(faults.queue_repeat, "queue repeats") { 2 } else { 1 };
        for _ in 0..copies {
            let jitter = self.random.below(if faults.queue_repeat == 0 { 2 } else { 50 });
            let visible_at = self.now.plus(outgoing.delay).plus(jitter);
            self.queues.put(queue, outgoing.body.clone(), visible_at, self.now);
        }
    }

    fn receive_visible(&mut self, queue: QueueName, max: usize) -> Vec<Received> {
        let now = self.now;
        let mut visible: Vec<u64> = self
            .queues
            .items
            .range((queue, 0)..=(queue, u64::MAX))
            .filter(|(_, item)| item.visible_at <= now)
            .map(|((_, id), _)| *id)
            .collect();
        let mut received = Vec::new();
        while received.len() < max && !visible.is_empty() {
            let id = visible.swap_remove(self.random.index(visible.len()));
            let stays = self.faults.queue_visible;
            let stays = self.strikes(stays, "queue gives an item to two");
            let hidden = if stays { self.random.below(100) } else { queue.visibility() };
            let item = self.queues.items.get_mut(&(queue, id)).expect("it was listed just now");
            item.receives += 1;
            if item.receives > queue.max_receives() {
                self.bury(queue, id, None);
                continue;
            }
            if item.receives > 1 {
                self.coverage.hit("queue", "received again");
            }
            item.receipt += 1;
            let (body, receives) = (item.body.clone(), item.receives);
            item.visible_at = now.plus(hidden);
            let mut handle = id.to_be_bytes().to_vec();
            handle.extend(item.receipt.to_be_bytes());
            let sent_at = item.sent_at;
            self.trace(|| format!("  {} -> receive {receives}: {}", queue.name(), String::from_utf8_lossy(&body)));
            let handle = ReceiptHandle(handle.into());
            received.push(Received { handle, body, receives, sent_at, attributes: Vec::new() });
        }
        received
    }

    fn bury(&mut self, queue: QueueName, id: u64, reason: Option<&str>) {
        if let Some(item) = self.queues.items.remove(&(queue, id)) {
            self.coverage.hit("queue", "dead letter");
            let letter = DeadLetter {
                id: Bytes::copy_from_slice(&id.to_be_bytes()),
                body: item.body,
                receives: item.receives,
                sent_at: item.sent_at,
                reason: reason.map(str::to_owned),
            };
            self.queues.dead.insert((queue, id), letter);
        }
    }
}

impl Queues for Weak {
    async fn send(&self, queue: QueueName, items: Vec<Outgoing>) -> Result<()> {
        self.call("send", move |state| {
            if state.weakness == Weakness::SendForgets && state.random.per_mille(50) {
                return Ok(());
            }
            for outgoing in &items {
                state.send_one(queue, outgoing);
            }
            Ok(())
        })
        .await
    }

    async fn receive(&self, queue: QueueName, max: usize, wait: Millis) -> Result<Vec<Received>> {
        let deadline = self.lock().now.plus(wait);
        loop {
            let received = self.call("receive", move |state| Ok(state.receive_visible(queue, max))).await?;
            let now = self.lock().now;
            if !received.is_empty() || now >= deadline {
                return Ok(received);
            }
            let mut slept = false;
            std::future::poll_fn(|context| {
                if slept {
                    return Poll::Ready(());
                }
                slept = true;
                let mut state = self.lock();
                let next = state.queues.next_visible(queue).unwrap_or(deadline).min(deadline).max(state.now);
                let tie = state.random.next_u64();
                state.timers.add(next, tie, context.waker().clone());
                state.queues.waiting.push(context.waker().clone());
                Poll::Pending
            })
            .await;
        }
    }

    async fn delete(&self, queue: QueueName, handles: Vec<ReceiptHandle>) -> Result<()> {
        self.call("delete", move |state| {
            for (id, receipt) in handles.iter().filter_map(QueueState::of_handle) {
                if state.queues.items.get(&(queue, id)).is_some_and(|item| item.receipt == receipt) {
                    state.queues.items.remove(&(queue, id));
                }
            }
            Ok(())
        })
        .await
    }

    async fn retry(&self, queue: QueueName, handle: ReceiptHandle, delay: Millis, _reason: &str) -> Result<()> {
        self.call("retry", move |state| {
            let now = state.now;
            if let Some((id, receipt)) = QueueState::of_handle(&handle)
                && let Some(item) = state.queues.items.get_mut(&(queue, id))
                && item.receipt == receipt
            {
                item.visible_at = now.plus(delay);
            }
            Ok(())
        })
        .await
    }

    async fn give_up(&self, queue: QueueName, item: Received, reason: &str) -> Result<()> {
        self.call("give an item up", move |state| {
            if let Some((id, receipt)) = QueueState::of_handle(&item.handle)
                && state.queues.items.get(&(queue, id)).is_some_and(|item| item.receipt == receipt)
            {
                if state.weakness == Weakness::GiveUpForgets && state.random.per_mille(200) {
                    state.queues.items.remove(&(queue, id));
                    return Ok(());
                }
                let chance = state.faults.fail_after;
                let stays = state.strikes(chance, "item is given up and stays");
                let copy = if stays { state.queues.items.get(&(queue, id)).cloned() } else { None };
                state.bury(queue, id, Some(reason));
                if let Some(copy) = copy {
                    state.queues.next += 1;
                    let next = state.queues.next;
                    state.queues.items.insert((queue, next), copy);
                    return Err(Error::new(Fault::Retry, "give an item up"));
                }
            }
            Ok(())
        })
        .await
    }

    async fn dead_letters(&self, queue: QueueName, limit: usize) -> Result<Vec<DeadLetter>> {
        self.call("list dead letters", move |state| {
            Ok(state.queues.dead.range((queue, 0)..=(queue, u64::MAX)).map(|(_, l)| l.clone()).take(limit).collect())
        })
        .await
    }

    async fn redrive(&self, queue: QueueName, id: Bytes) -> Result<()> {
        self.call("redrive", move |state| {
            let found = state.queues.dead.iter().find(|((of, _), letter)| *of == queue && letter.id == id);
            if let Some(key) = found.map(|(key, _)| *key)
                && let Some(letter) = state.queues.dead.remove(&key)
            {
                let now = state.now;
                state.queues.put(queue, letter.body, now, now);
            }
            Ok(())
        })
        .await
    }

    async fn depth(&self, queue: QueueName) -> Result<u64> {
        self.call("measure a queue", move |state| Ok(state.queues.waiting_items(queue) as u64)).await
    }
}
