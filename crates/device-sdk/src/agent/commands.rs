//! What the app asks for.

use std::io;

use bytes::Bytes;
use homing_domain::MessageId;
use homing_link::client::Upload;
use homing_wire::{CloseCode, FactKind};
use tokio::sync::oneshot;

use super::{Agent, Flow};
use crate::device::{DeviceError, UpError};
use crate::state::{Change, Durability, StateStore};
use crate::status::Status;

/// Finished events that are written together at most.
const FINISHED_MAX: usize = 64;
/// Numbers of messages to the business rise with the clock by this factor, so that a device restored from a backup does
/// not give an old number to a new message: 1,024 a millisecond are more than it can send.
const UPLOADS_PER_MILLI: u64 = 1_024;

/// One call.
#[derive(Debug)]
pub(crate) enum Command {
    Finished(u64),
    Receipt { id: MessageId, kind: FactKind, reply: oneshot::Sender<Result<(), DeviceError>> },
    Vendor { id: MessageId, reply: oneshot::Sender<Result<bool, DeviceError>> },
    Up { topic: String, payload: Bytes, reply: oneshot::Sender<Result<(), UpError>> },
    NetworkChanged(u64),
    Rebind(oneshot::Sender<io::Result<()>>),
    DropLink,
    Close(oneshot::Sender<()>),
}

impl Command {
    /// Answers a call that came too late.
    pub(super) async fn after_the_end(self, store: &mut impl StateStore) {
        // Whoever asked may have gone.
        match self {
            Self::Finished(number) => {
                if store.commit(vec![Change::Finished(number)], Durability::Written).await.is_err() {
                    tracing::warn!(number, "an event that was finished will come again");
                }
            }
            Self::Receipt { reply, .. } => drop(reply.send(Err(DeviceError::Closed))),
            Self::Vendor { reply, .. } => drop(reply.send(Err(DeviceError::Closed))),
            Self::Up { reply, .. } => drop(reply.send(Err(UpError::Closed))),
            Self::Rebind(reply) => drop(reply.send(Err(io::ErrorKind::NotConnected.into()))),
            Self::Close(reply) => drop(reply.send(())),
            Self::NetworkChanged(_) | Self::DropLink => {}
        }
    }
}

impl<S: StateStore> Agent<S> {
    pub(super) async fn command(&mut self, command: Command) -> Flow {
        match command {
            Command::Finished(number) => return self.finished(number).await,
            Command::Receipt { id, kind, reply } => {
                let now = self.clock.now();
                let added = self.memory.add_receipt(id, kind, now).map_err(|_| DeviceError::Full);
                // Whoever asked may have gone; so below.
                let _ = reply.send(added);
            }
            Command::Vendor { id, reply } => return self.note_vendor_message(id, reply).await,
            Command::Up { topic, payload, reply } => return self.up(topic, payload, reply).await,
            Command::NetworkChanged(network_hash) => self.network_changed(network_hash),
            Command::Rebind(reply) => {
                let not_connected = || Err(io::ErrorKind::NotConnected.into());
                let _ = reply.send(self.session.as_ref().map_or_else(not_connected, |s| s.connection.rebind()));
            }
            Command::DropLink => self.drop_link(),
            Command::Close(reply) => {
                let flow = self.leave().await;
                let _ = reply.send(());
                return flow;
            }
        }
        self.update().await
    }

    /// The app is done with an event; so it may be with others that wait in the channel.
    async fn finished(&mut self, number: u64) -> Flow {
        let mut changes = vec![Change::Finished(number)];
        let mut next = None;
        while changes.len() < FINISHED_MAX {
            match self.commands.try_recv() {
                Ok(Command::Finished(number)) => changes.push(Change::Finished(number)),
                Ok(other) => {
                    next = Some(other);
                    break;
                }
                Err(_) => break,
            }
        }
        self.unfinished = self.unfinished.saturating_sub(changes.len());
        if self.store.commit(changes, Durability::Written).await.is_err() {
            return self.store_failed();
        }
        match next {
            // Not a `Finished`, so this goes no deeper.
            Some(command) => Box::pin(self.command(command)).await,
            None => Flow::On,
        }
    }

    /// A message came by the vendor's channel: it is remembered before the app may show it, as one of the own link is.
    async fn note_vendor_message(&mut self, id: MessageId, reply: oneshot::Sender<Result<bool, DeviceError>>) -> Flow {
        if self.must_reload {
            // What is in memory is not believed any more.
            let _ = reply.send(Err(DeviceError::Store));
            return Flow::On;
        }
        let is_new = self.memory.note_elsewhere(id);
        if is_new && self.store.commit(vec![Change::Seen(id)], Durability::Synced).await.is_err() {
            let _ = reply.send(Err(DeviceError::Store));
            return self.store_failed();
        }
        let _ = reply.send(Ok(is_new));
        Flow::On
    }

    async fn up(&mut self, topic: String, payload: Bytes, reply: oneshot::Sender<Result<(), UpError>>) -> Flow {
        let id = (self.last_upload + 1).max(self.clock.now().0.saturating_mul(UPLOADS_PER_MILLI));
        let upload = Upload { id, topic, payload };
        if self.memory.add_upload(upload.clone()).is_err() {
            let _ = reply.send(Err(UpError::Full));
            return Flow::On;
        }
        self.last_upload = id;
        if self.store.commit(vec![Change::Uploading(upload)], Durability::Synced).await.is_err() {
            let _ = reply.send(Err(UpError::Store));
            return self.store_failed();
        }
        self.waiters.insert(id, reply);
        self.update().await
    }

    /// Something waits to be sent.
    async fn update(&mut self) -> Flow {
        if let Some(session) = &mut self.session {
            session.live.update(self.clock.now(), &mut self.memory);
        }
        self.perform().await
    }

    /// Says goodbye and ends.
    pub(super) async fn leave(&mut self) -> Flow {
        if let Some(session) = &mut self.session {
            session.live.leave(&mut self.memory);
        }
        // What the machine still wants sent goes out; how the link ends does not matter any more.
        self.perform().await;
        if let Some(session) = self.session.take() {
            session.connection.say_goodbye(CloseCode::Normal).await;
        }
        self.status.send_replace(Status::Closed);
        Flow::Over
    }
}
