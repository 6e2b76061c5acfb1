//! The one thread that writes.
//!
//! Callers hand in operations over a bounded channel. The thread takes what is waiting, runs the operations one after
//! the other against a view that sees what the earlier ones wrote, writes everything as one batch, makes it durable, and
//! only then lets anything be seen: by readers, by in-memory indexes, and by the callers. So every operation is atomic,
//! all are in one order, and an answer means that it is on the disk. A group is whatever arrived while the last one was
//! written: nobody ever waits for a group to fill.

mod view;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Instant;

use fjall::{OwnedWriteBatch, PersistMode};
use homing_telemetry::StoreCommitted;
use tokio::sync::{mpsc, oneshot};

use crate::engine::Engine;
use crate::error::{StoreError, StoreResult};
pub(crate) use view::View;

/// Operations in one group. Larger groups gain little, and the engine's pauses (flush, compaction) grow with them.
const GROUP_MAX: usize = 256;
/// Operations that wait for the committer; further callers wait for a place. Sixteen groups are about 50 ms of work.
const WAITING_MAX: usize = 16 * GROUP_MAX;

type Failure = Arc<fjall::Error>;
/// Tells the caller, once it is known whether the group is durable.
type Answer = Box<dyn FnOnce(Result<(), &Failure>) + Send>;
type Operation = Box<dyn FnOnce(&mut View<'_>) -> Answer + Send>;

/// Handle of the thread. The thread ends, everything durable, when the handle is dropped.
pub(crate) struct Committer {
    /// `None` only while it is being dropped.
    operations: Option<mpsc::Sender<Operation>>,
    thread: Option<JoinHandle<()>>,
    failure: Arc<OnceLock<Failure>>,
}

impl Committer {
    /// Starts the thread.
    pub(crate) fn start(engine: Engine) -> std::io::Result<Self> {
        let (operations, receiver) = mpsc::channel(WAITING_MAX);
        let failure = Arc::new(OnceLock::new());
        let thread = std::thread::Builder::new().name("store-committer".to_owned()).spawn({
            let failure = Arc::clone(&failure);
            move || commit_groups(&engine, receiver, &failure)
        })?;
        Ok(Self { operations: Some(operations), thread: Some(thread), failure })
    }

    /// Why nothing can be written any more, if so.
    pub(crate) fn failure(&self) -> Option<StoreError> {
        self.failure.get().map(StoreError::from_commit)
    }

    /// Runs an operation and answers when it is durable. An operation that fails leaves nothing behind. Once handed in,
    /// it is run even if the caller has gone.
    pub(crate) async fn commit<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&mut View<'_>) -> StoreResult<T> + Send + 'static,
    ) -> StoreResult<T> {
        let (sender, receiver) = oneshot::channel();
        let operation: Operation = Box::new(move |view| {
            let result = view.run(operation);
            Box::new(move |durable| {
                let result = match durable {
                    Ok(()) => result,
                    Err(failure) => Err(StoreError::from_commit(failure)),
                };
                // The caller may have gone; what it asked for is done all the same.
                let _gone = sender.send(result);
            })
        });
        let operations = self.operations.as_ref().ok_or(StoreError::Closed)?;
        operations.send(operation).await.map_err(|_| StoreError::Closed)?;
        receiver.await.map_err(|_| StoreError::Closed)?
    }
}

impl Drop for Committer {
    /// Waits for the thread, so that the directory's lock is free afterwards.
    fn drop(&mut self) {
        self.operations = None;
        if let Some(thread) = self.thread.take() {
            // It ended, by a panic or not; there is nobody to tell.
            let _ended = thread.join();
        }
    }
}

/// Makes a group durable: the engine writes and syncs its journal before it lets readers see anything of the batch.
#[expect(clippy::disallowed_methods, reason = "this thread drives the disk, and tells how long it took")]
fn write(batch: OwnedWriteBatch, operations: usize) -> Result<(), Failure> {
    let began = Instant::now();
    batch.durability(Some(PersistMode::SyncData)).commit().map_err(Arc::new)?;
    StoreCommitted { writes: operations, took: began.elapsed() }.emit();
    Ok(())
}

fn commit_groups(engine: &Engine, mut operations: mpsc::Receiver<Operation>, failure: &OnceLock<Failure>) {
    let mut group = Vec::with_capacity(GROUP_MAX);
    let mut view = View::new(engine);
    while operations.blocking_recv_many(&mut group, GROUP_MAX) > 0 {
        let mut answers = Vec::with_capacity(group.len());
        for operation in group.drain(..) {
            // A panic is a bug in one operation. Its view is rolled back and its caller hears that the answer channel is
            // gone; the others of the group go on.
            match catch_unwind(AssertUnwindSafe(|| operation(&mut view))) {
                Ok(answer) => answers.push(answer),
                Err(_) => view.roll_back(),
            }
        }
        let (batch, effects) = view.take();
        let durable = match failure.get() {
            // After a failed write nobody knows what the disk has. Only opening it again finds out.
            Some(failure) => Err(Arc::clone(failure)),
            None if batch.is_empty() => Ok(()),
            None => write(batch, answers.len()),
        };
        match &durable {
            Ok(()) => effects.into_iter().for_each(|effect| effect()),
            Err(cause) => {
                let first = failure.set(Arc::clone(cause)).is_ok();
                if first {
                    tracing::error!(error = %StoreError::from_commit(cause), "nothing can be written any more");
                }
            }
        }
        for answer in answers {
            answer(durable.as_ref().copied());
        }
    }
}
