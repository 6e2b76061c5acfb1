//! Performing what the link's machine asks for.

use bytes::BytesMut;
use homing_domain::MessageId;
use homing_link::client::{Arrival, Commit, Cursor, Effect, Ended};
use homing_wire::UpCode;

use super::{Agent, Flow};
use crate::device::UpError;
use crate::state::{Change, Durability, Event, Item, StateStore};

impl<S: StateStore> Agent<S> {
    /// Performs effects until there are none. All that arrived together is written together.
    pub(super) async fn perform(&mut self) -> Flow {
        loop {
            let Some(session) = &mut self.session else {
                return Flow::On;
            };
            let effects: Vec<_> = std::iter::from_fn(|| session.live.poll()).collect();
            if effects.is_empty() {
                return Flow::On;
            }
            let Some(ended) = self.perform_batch(effects).await else {
                return Flow::On;
            };
            if let Some(ended) = ended {
                return self.link_ended(ended);
            }
        }
    }

    /// `None` = the link is gone. `Some(Some(…))` = it ended.
    async fn perform_batch(&mut self, effects: Vec<Effect>) -> Option<Option<Ended>> {
        let mut batch = Batch::default();
        let mut output = BytesMut::new();
        let mut ended = None;
        for effect in effects {
            match effect {
                Effect::Transmit(frame) => homing_wire::encode(&frame, &mut output),
                Effect::Commit(commit) => self.take_commit(commit, &mut batch),
                Effect::UploadSettled { id, code } => {
                    batch.changes.push(Change::Uploaded(id));
                    if let Some(waiter) = self.waiters.remove(&id) {
                        // Whoever waited may have gone.
                        let _ = waiter.send(if code == UpCode::Stored { Ok(()) } else { Err(UpError::Refused) });
                    }
                }
                Effect::HeartbeatChanged { .. } => self.show_connected(),
                Effect::Learned(lesson) => batch.changes.push(Change::Learned(lesson)),
                Effect::GoAway { spread, address } => self.move_away(spread, address.as_deref()),
                Effect::End(reason) => ended = Some(reason),
            }
        }
        if !self.write(batch).await {
            self.store_failed();
            return None;
        }
        let session = self.session.as_mut()?;
        if !output.is_empty() && session.connection.write(&output).await.is_err() {
            ended = ended.or(Some(Ended::Lost));
        }
        session.live.update(self.clock.now(), &mut self.memory);
        Some(ended)
    }

    /// Writes a batch, and only then lets the machine and the app know. False = the store failed.
    async fn write(&mut self, batch: Batch) -> bool {
        let Batch { changes, items, last_commit, .. } = batch;
        if changes.is_empty() {
            return true;
        }
        let durability = if last_commit.is_some() { Durability::Synced } else { Durability::Written };
        if self.store.commit(changes, durability).await.is_err() {
            return false;
        }
        if let Some(number) = last_commit {
            self.memory.committed(number, self.clock.now());
        }
        self.unfinished += items.len();
        for item in items {
            if self.backlog.is_empty()
                && let Ok(permit) = self.inbox.try_reserve()
            {
                permit.send(item);
            } else {
                self.backlog.push_back(item);
            }
        }
        true
    }

    fn take_commit(&mut self, commit: Commit, batch: &mut Batch) {
        let Commit { number, cursor, arrival } = commit;
        let mut withdrawn = Vec::new();
        let event = match arrival {
            Arrival::Message(message) => Some(Event::Message(message)),
            Arrival::Duplicate(_) | Arrival::PassedOver => None,
            Arrival::Recalled { message, recall } => {
                withdrawn = self.withdraw(message, batch);
                Some(Event::Recalled { message, recall })
            }
            Arrival::Skipped { reason, count } => {
                Some(Event::Skipped { first: cursor.seq + 1 - count, last: cursor.seq, reason })
            }
            Arrival::Reset => Some(Event::Reset { cursor }),
            Arrival::Hole { count } => Some(Event::Hole { first: cursor.seq + 1 - count, last: cursor.seq }),
        };
        let item = event.map(|event| self.item(event));
        batch.last_commit = Some(number);
        batch.push(cursor, item);
        batch.changes.extend(withdrawn.into_iter().map(Change::Finished));
    }

    /// A message that is taken back before the app was given it is not given any more. What waits in the app's inbox is in
    /// its hands already.
    fn withdraw(&mut self, message: MessageId, batch: &mut Batch) -> Vec<u64> {
        let is_it = |item: &Item| matches!(&item.event, Event::Message(waiting) if waiting.id == message);
        let mut withdrawn = Vec::new();
        withdrawn.extend(batch.items.extract_if(.., |item| is_it(item)).map(|item| item.number));
        let before = self.backlog.len();
        self.backlog.retain(|item| {
            let stays = !is_it(item);
            withdrawn.extend((!stays).then_some(item.number));
            stays
        });
        self.unfinished = self.unfinished.saturating_sub(before - self.backlog.len());
        withdrawn
    }

    fn item(&mut self, event: Event) -> Item {
        self.last_item += 1;
        Item { number: self.last_item, event }
    }
}

#[derive(Default)]
struct Batch {
    changes: Vec<Change>,
    items: Vec<Item>,
    last_commit: Option<u64>,
}

impl Batch {
    fn push(&mut self, cursor: Cursor, item: Option<Item>) {
        self.items.extend(item.clone());
        self.changes.push(Change::Arrived { cursor, item });
    }
}
