//! The task of one device: drives the link's machines, the store and the transports.

mod attempt;
mod commands;
mod effects;
mod links;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use homing_domain::{UnixMillis, UpstreamId};
use homing_link::client::{Backoff, Cursor, Live, Memory, Power, Reconnect};
use tokio::sync::{mpsc, oneshot, watch};

pub(crate) use commands::Command;

use crate::clock::Clock;
use crate::device::UpError;
use crate::identity::Identity;
use crate::router::Guide;
use crate::state::{Change, Durability, Item, State, StateError, StateStore, UNFINISHED_MAX, Winner};
use crate::status::Status;
use crate::transports::{Broken, Connection, Preference, Transports};
use attempt::{Attempt, Step};

/// What does not change while the device runs, but for the network.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) identity: Identity,
    pub(crate) guide: Arc<Guide>,
    pub(crate) transports: Arc<Transports>,
    pub(crate) preference: Preference,
    pub(crate) network_hash: u64,
    pub(crate) power: Power,
}

/// A live link with its transport.
#[derive(Debug)]
struct Session {
    connection: Connection,
    live: Box<Live>,
}

/// Whether the task goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    On,
    Over,
}

pub(crate) struct Agent<S> {
    setup: Setup,
    store: S,
    clock: Clock,
    memory: Memory,
    reconnect: Reconnect,
    session: Option<Session>,
    attempt: Attempt,
    /// Durable events that wait for room in the inbox.
    backlog: VecDeque<Item>,
    inbox: mpsc::Sender<Item>,
    commands: mpsc::Receiver<Command>,
    status: watch::Sender<Status>,
    /// Events that the app has not finished.
    unfinished: usize,
    last_item: u64,
    last_upload: UpstreamId,
    waiters: HashMap<UpstreamId, oneshot::Sender<Result<(), UpError>>>,
    winners: Vec<Winner>,
    /// The store failed: read it anew before the next try.
    must_reload: bool,
}

/// What happened first.
enum Wake {
    Command(Option<Command>),
    Link(Result<Bytes, Broken>),
    Attempt(Step),
    Time,
    Handed,
    Abandoned,
}

impl<S: StateStore> Agent<S> {
    pub(crate) async fn new(
        setup: Setup,
        backoff: Backoff,
        mut store: S,
        commands: mpsc::Receiver<Command>,
        inbox: mpsc::Sender<Item>,
        status: watch::Sender<Status>,
    ) -> Result<Self, StateError> {
        let mut state = store.load().await?;
        if state.device != Some(setup.identity.device) {
            let cursor = Cursor { epoch: setup.identity.epoch, ..Cursor::default() };
            let began = Change::Began { device: setup.identity.device, cursor };
            store.commit(vec![began.clone()], Durability::Synced).await?;
            state.apply(began);
        }
        let clock = Clock::start();
        let mut memory = Memory::new(state.saved());
        memory.set_power(setup.power);
        let State { unfinished, last_item, uploads, last_upload, winners, .. } = state;
        for upload in uploads {
            // The store holds no more than were taken in.
            let _ = memory.add_upload(upload);
        }
        Ok(Self {
            setup,
            store,
            clock,
            memory,
            reconnect: Reconnect::new(backoff),
            session: None,
            attempt: Attempt::at(clock.now()),
            unfinished: unfinished.len(),
            backlog: unfinished,
            inbox,
            commands,
            status,
            last_item,
            last_upload,
            waiters: HashMap::new(),
            winners,
            must_reload: false,
        })
    }

    pub(crate) async fn run(mut self) {
        loop {
            let flow = match self.wake().await {
                Wake::Command(Some(command)) => self.command(command).await,
                // Nobody is left who could want anything.
                Wake::Command(None) | Wake::Abandoned => self.leave().await,
                Wake::Link(read) => self.link_read(read).await,
                Wake::Attempt(step) => self.attempt_step(step).await,
                Wake::Time => self.time().await,
                Wake::Handed => Flow::On,
            };
            if flow == Flow::Over {
                return self.linger().await;
            }
        }
    }

    /// There will be no link any more. What the app finishes is still noted, until all its handles are gone.
    async fn linger(self) {
        let Self { mut store, mut commands, status, inbox, backlog, waiters, session, attempt, memory, .. } = self;
        // What still waited for room comes again at the next start; what waited for an answer learns that there is none.
        drop((inbox, backlog, waiters, session, attempt, memory));
        while let Some(command) = commands.recv().await {
            command.after_the_end(&mut store).await;
        }
        // Whoever watches the status learns by its end that the store is free.
        drop(store);
        drop(status);
    }

    async fn wake(&mut self) -> Wake {
        let at = self.next_timeout();
        // Full: the platform keeps what is not read.
        let may_read = self.backlog.is_empty() && self.unfinished < UNFINISHED_MAX;
        let Self { session, attempt, commands, inbox, backlog, clock, .. } = self;
        tokio::select! {
            command = commands.recv() => Wake::Command(command),
            read = read(session), if may_read && session.is_some() => Wake::Link(read),
            step = attempt.step() => Wake::Attempt(step),
            permit = inbox.reserve(), if !backlog.is_empty() => match permit {
                Ok(permit) => {
                    if let Some(item) = backlog.pop_front() {
                        permit.send(item);
                    }
                    Wake::Handed
                }
                Err(_) => Wake::Abandoned,
            },
            () = clock.sleep_until(at) => Wake::Time,
        }
    }

    fn next_timeout(&self) -> UnixMillis {
        let link = self.session.as_ref().map(|session| session.live.next_timeout(&self.memory));
        link.unwrap_or(UnixMillis::NEVER).min(self.attempt.deadline())
    }

    async fn time(&mut self) -> Flow {
        let now = self.clock.now();
        if let Some(session) = &mut self.session {
            session.live.timeout(now, &mut self.memory);
            if self.perform().await == Flow::Over {
                return Flow::Over;
            }
        }
        if self.attempt.deadline() <= now { self.attempt_due().await } else { Flow::On }
    }
}

async fn read(session: &mut Option<Session>) -> Result<Bytes, Broken> {
    match session {
        Some(session) => session.connection.read().await,
        None => std::future::pending().await,
    }
}
