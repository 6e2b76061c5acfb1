//! Workers: the real stages on the weak ports, one loop per queue as the binary has it, and the sweeper.

use std::sync::Arc;

use homing_contract::queue;
use homing_dispatch::Dispatch;
use homing_domain::{AudienceJob, CloseJob, Cursor, DueTick, Message, Millis};
use homing_fanout::Fanout;
use homing_ports::{Clock, Error, Messages, Outgoing, QueueName, Queues, Received, Settlement, StageError, settle};
use homing_receipts::{CloseMessages, RecordReceipts};
use homing_schedule::Schedule;
use homing_tests::weak::{Owner, Weak};

use crate::mutant::Mutant;
use crate::world::{Answer, Answers, World};

/// A worker takes so many items at once.
const ITEMS_MAX: usize = 4;
/// And waits so long for the first.
const WAIT: Millis = 600_000;
/// Overdue messages are looked for this often, as in the binary.
const SWEEP_EVERY: Millis = 15_000;

/// What a worker works for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Post {
    /// The items of a queue.
    Queue(QueueName),
    /// What is overdue.
    Sweeper,
}

/// A worker: it dies as a whole and starts anew.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) post: Post,
    pub(crate) owner: Owner,
}

impl Worker {
    /// Who works in every world.
    pub(crate) fn all() -> Vec<Self> {
        let queues = [
            QueueName::Due,
            QueueName::Audience,
            QueueName::Dispatch,
            QueueName::Dispatch,
            QueueName::Fcm,
            QueueName::Fcm,
            QueueName::Receipts,
            QueueName::Close,
        ];
        let posts = queues.into_iter().map(Post::Queue).chain([Post::Sweeper]);
        posts.map(|post| Self { post, owner: 0 }).collect()
    }
}

#[derive(Clone)]
enum Stage {
    Schedule(Schedule<Weak>),
    Fanout(Fanout<Weak>),
    Dispatch(Dispatch<Weak, Weak>),
    AskVendors(Dispatch<Weak, Weak>),
    Record(RecordReceipts<Weak>),
    Close(CloseMessages<Weak>),
}

impl Stage {
    async fn consume(&self, item: &Received) -> Result<(), StageError> {
        match self {
            Self::Schedule(stage) => stage.consume(&item.body).await,
            Self::Fanout(stage) => stage.consume(&item.body).await,
            Self::Dispatch(stage) => stage.consume(&item.body).await,
            Self::AskVendors(stage) => stage.consume_channel(&item.body).await,
            Self::Record(stage) => stage.consume(&item.body).await,
            Self::Close(stage) => stage.consume(&item.body).await,
        }
    }
}

impl World {
    /// Starts a worker with empty caches.
    pub(crate) fn start_worker(&mut self, worker: usize) {
        let owner = self.new_owner();
        self.workers[worker].owner = owner;
        let queue = match self.workers[worker].post {
            Post::Queue(queue) => queue,
            Post::Sweeper => return self.executor.spawn(owner, true, sweep(self.weak.clone())),
        };
        let ports = self.ports();
        let stage = match queue {
            QueueName::Due => Stage::Schedule(Schedule::new(ports)),
            QueueName::Audience => Stage::Fanout(Fanout::new(ports)),
            QueueName::Dispatch => Stage::Dispatch(Dispatch::new(Arc::clone(&ports), ports)),
            QueueName::Receipts => Stage::Record(RecordReceipts::new(ports)),
            QueueName::Close => Stage::Close(CloseMessages::new(ports)),
            QueueName::Fcm => Stage::AskVendors(Dispatch::new(Arc::clone(&ports), ports)),
            _ => unreachable!("nobody in this world writes to it"),
        };
        let line = Line { weak: self.weak.clone(), answers: self.answers.clone(), queue, stage, mutant: self.mutant };
        self.executor.spawn(owner, true, line.work());
    }
}

/// A queue, and who works on its items.
struct Line {
    weak: Weak,
    answers: Answers,
    queue: QueueName,
    stage: Stage,
    mutant: Option<Mutant>,
}

impl Line {
    async fn work(self) {
        loop {
            let Ok(items) = self.weak.receive(self.queue, ITEMS_MAX, WAIT).await else {
                self.weak.sleep(100).await;
                continue;
            };
            for item in items {
                self.go_wrong(&item).await;
                let done = self.stage.consume(&item).await;
                let settlement = settle(self.queue, item.receives, done.as_ref().copied());
                // What is not settled comes again.
                drop(self.carry_out(item, settlement).await);
            }
        }
    }

    async fn carry_out(&self, item: Received, settlement: Settlement) -> Result<(), Error> {
        let (weak, queue) = (&self.weak, self.queue);
        match settlement {
            Settlement::Delete => weak.delete(queue, vec![item.handle]).await,
            Settlement::Retry { delay, reason } => {
                weak.lock().coverage.hit("settled", if reason == "not yet" { "later" } else { "tried again" });
                weak.retry(queue, item.handle, delay, &reason).await
            }
            Settlement::SendAnew { delay } => {
                weak.lock().coverage.hit("settled", "sent anew");
                weak.send(queue, vec![Outgoing { body: item.body, delay, group: None }]).await?;
                weak.delete(queue, vec![item.handle]).await
            }
            Settlement::GiveUp { reason } => {
                weak.lock().coverage.hit("settled", "given up");
                if !weak.lock().check.poisons.contains(&(queue, item.body.clone())) {
                    let what = format!("an item of {} is given up: {reason}", queue.name());
                    self.answers.borrow_mut().push_back(Answer::Violated(what));
                }
                weak.give_up(queue, item, &reason).await
            }
        }
    }

    /// What a built-in fault does before the stage does its work.
    async fn go_wrong(&self, item: &Received) {
        match self.mutant {
            Some(Mutant::TickReleasesEarly) if self.queue == QueueName::Due => {
                if let Ok(tick) = queue::decode::<DueTick>(&item.body) {
                    let job = AudienceJob { message: tick.message, segment: None, cursor: Cursor::Start };
                    drop(self.weak.send(QueueName::Audience, vec![Outgoing::now(queue::encode(&job))]).await);
                }
            }
            Some(Mutant::CompleteBeforeClosed) if self.queue == QueueName::Close => {
                if let Ok(job) = queue::decode::<CloseJob>(&item.body) {
                    drop(self.weak.complete(job.message).await);
                }
            }
            Some(Mutant::OccurrenceMadeTwice) if self.queue == QueueName::Due => self.make_another(item).await,
            _ => {}
        }
    }

    /// A second message for an occurrence that was made already.
    async fn make_another(&self, item: &Received) {
        let Ok(tick) = queue::decode::<DueTick>(&item.body) else { return };
        let made = {
            let state = self.weak.lock();
            let mut rows = state.messages.rows.values();
            rows.find(|row| row.series == Some(tick.message) && row.release_at == Some(tick.at)).cloned()
        };
        if let Some(made) = made {
            let id = homing_credentials::message_id(&made.app, &format!("{} again", made.id));
            drop(self.weak.accept(Message { id, ..made }).await);
        }
    }
}

async fn sweep(weak: Weak) {
    loop {
        if let Ok(swept) = homing_schedule::sweep(&weak, weak.now()).await {
            let found = [(swept.released, "a job or a timer that was lost"), (swept.closed, "a message to close")];
            for (_, name) in found.into_iter().filter(|(count, _)| *count > 0) {
                weak.lock().coverage.hit("sweep", name);
            }
        }
        weak.sleep(SWEEP_EVERY).await;
    }
}
