//! How links come up, give way to newer ones, and end.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use homing_credentials::hello_auth;
use homing_domain::{Millis, UnixMillis};
use homing_link::Transport;
use homing_link::client::{Closed, Ended, Introduction, Live, Next, Opened, Opening};
use homing_wire::CloseCode;

use super::attempt::{Attempt, Step};
use super::{Agent, Flow, Session};
use crate::identity::Route;
use crate::state::{Change, Durability, StateStore, Winner};
use crate::status::{Status, Why};
use crate::transports::{Broken, Connection, Preference, dial};

/// What the SDK says it is.
const SDK: &str = concat!("homing-rust/", env!("CARGO_PKG_VERSION"));
/// The transport that came first on a network is tried first for so long.
const WINNER_KEPT_FOR: Millis = 24 * 3_600_000;
/// An app that has not made room in its inbox is looked at again after this.
const BUSY_APP_RETRY_AFTER: Millis = 500;
/// A store that failed is read anew after this: a full disk does not empty itself at once.
const STORE_RETRY_AFTER: Millis = 5_000;

impl<S: StateStore> Agent<S> {
    /// The time of the try has come, or its Welcome is overdue.
    pub(super) async fn attempt_due(&mut self) -> Flow {
        match std::mem::replace(&mut self.attempt, Attempt::None) {
            Attempt::Waiting { route, .. } => {
                if !self.backlog.is_empty() {
                    // The app does not keep up: what is with the platform is in good hands.
                    let at = self.clock.now().plus(BUSY_APP_RETRY_AFTER);
                    self.attempt = Attempt::Waiting { at, route };
                    return Flow::On;
                }
                if self.must_reload && self.reload().await.is_err() {
                    return self.store_failed();
                }
                if self.session.is_none() {
                    self.status.send_replace(Status::Connecting);
                }
                self.start_dialing(route);
                Flow::On
            }
            Attempt::Opening(_) => self.attempt_failed(Ended::Unreachable),
            other => {
                self.attempt = other;
                Flow::On
            }
        }
    }

    fn start_dialing(&mut self, route: Option<Route>) {
        let now = self.clock.now();
        let network_hash = self.setup.network_hash;
        let known = self.winners.iter().find(|winner| winner.network_hash == network_hash && winner.until > now);
        let first = known.map_or(Transport::Quic, |winner| winner.transport);
        let (transports, preference) = (Arc::clone(&self.setup.transports), self.setup.preference);
        self.attempt = Attempt::Dialing(match route {
            Some(route) => Box::pin(dial(transports, route, preference, first)),
            None => Box::pin(Arc::clone(&self.setup.guide).dial(transports, preference, first)),
        });
    }

    pub(super) async fn attempt_step(&mut self, step: Step) -> Flow {
        match step {
            Step::Dialed(Ok(connection)) => self.say_hello(connection).await,
            Step::Dialed(Err(error)) => {
                tracing::debug!(device = %self.setup.identity.device, %error, "no connection");
                self.attempt_failed(Ended::Unreachable)
            }
            Step::Read(Ok(bytes)) => {
                let Attempt::Opening(mut opening) = std::mem::replace(&mut self.attempt, Attempt::None) else {
                    return Flow::On;
                };
                let Some(machine) = opening.1.take() else {
                    return Flow::On;
                };
                match machine.receive(self.clock.now(), &bytes, &mut self.memory) {
                    Opened::Waiting(machine) => {
                        opening.1 = Some(machine);
                        self.attempt = Attempt::Opening(opening);
                        Flow::On
                    }
                    Opened::Live(live) => self.welcomed(opening.0, live).await,
                    Opened::Ended(ended) => self.attempt_failed(ended),
                }
            }
            Step::Read(Err(broken)) => self.attempt_failed(match broken {
                Broken::Closed(code) => Ended::Closed(Closed { code: Some(code), retry_after: 0, detail: 0 }),
                Broken::Lost => Ended::Unreachable,
            }),
        }
    }

    /// The number is durable before it is sent: used twice it would fence nobody.
    async fn say_hello(&mut self, mut connection: Connection) -> Flow {
        let conn_seq = self.memory.raise_connection();
        let mut changes = vec![Change::Connection(conn_seq)];
        changes.extend(self.note_winner(connection.transport()));
        if self.store.commit(changes, Durability::Synced).await.is_err() {
            return self.store_failed();
        }
        let identity = &self.setup.identity;
        let auth = hello_auth(
            &identity.secret,
            connection.exporter(),
            identity.device,
            identity.key_id,
            identity.credential_generation,
            conn_seq,
        );
        let introduction = Introduction {
            app: identity.app.clone(),
            device: identity.device,
            key_id: identity.key_id,
            credential_generation: identity.credential_generation,
            conn_seq,
            auth,
            transport: connection.transport(),
            network_hash: self.setup.network_hash,
            sdk: SDK.to_owned(),
        };
        let (opening, hello) = Opening::new(self.clock.now(), &introduction, &self.memory);
        let mut buffer = BytesMut::new();
        homing_wire::encode(&hello, &mut buffer);
        if connection.write(&buffer).await.is_err() {
            return self.attempt_failed(Ended::Unreachable);
        }
        self.attempt = Attempt::Opening(Box::new((connection, Some(opening))));
        Flow::On
    }

    fn note_winner(&mut self, transport: Transport) -> Option<Change> {
        let network_hash = self.setup.network_hash;
        let now = self.clock.now();
        let is_known =
            |known: &Winner| known.network_hash == network_hash && known.transport == transport && known.until > now;
        if self.setup.preference != Preference::Both || self.winners.iter().any(is_known) {
            return None;
        }
        let winner = Winner { network_hash, transport, until: now.plus(WINNER_KEPT_FOR) };
        self.winners.retain(|known| known.network_hash != network_hash);
        self.winners.push(winner);
        Some(Change::Won(winner))
    }

    /// The new link takes the place of the old one, which is heard no more.
    async fn welcomed(&mut self, connection: Connection, live: Box<Live>) -> Flow {
        self.reconnect.welcomed();
        let old = self.session.replace(Session { connection, live });
        if let Some(old) = old {
            tokio::spawn(old.connection.say_goodbye(CloseCode::Normal));
        }
        self.show_connected();
        self.perform().await
    }

    pub(super) fn show_connected(&self) {
        if let Some(Session { live, .. }) = &self.session {
            self.status.send_replace(Status::Connected {
                transport: live.transport(),
                resumed: live.is_resumed(),
                conn_seq: live.conn_seq(),
                heartbeat: live.heartbeat_interval(),
            });
        }
    }

    pub(super) async fn link_read(&mut self, read: Result<Bytes, Broken>) -> Flow {
        let Some(session) = &mut self.session else {
            return Flow::On;
        };
        match read {
            Ok(bytes) => {
                session.live.receive(self.clock.now(), &bytes, &mut self.memory);
                self.perform().await
            }
            Err(Broken::Lost) => {
                session.live.broken(&mut self.memory);
                self.link_ended(Ended::Lost)
            }
            Err(Broken::Closed(code)) => {
                // Only the Close frame names the other connection: without it, a newer one of this device is the reason,
                // or another installation.
                let own = self.memory.conn_seq();
                let detail = if session.live.conn_seq() < own { own } else { own + 1 };
                self.link_ended(Ended::Closed(Closed { code: Some(code), retry_after: 0, detail }))
            }
        }
    }

    /// The live link is over.
    pub(super) fn link_ended(&mut self, ended: Ended) -> Flow {
        self.session = None;
        let successor = std::mem::replace(&mut self.attempt, Attempt::None);
        let flow = self.next_try(ended, true);
        if flow == Flow::On && matches!(successor, Attempt::Dialing(_) | Attempt::Opening(_)) {
            self.attempt = successor;
            self.status.send_replace(Status::Connecting);
        }
        flow
    }

    /// A try came to nothing.
    fn attempt_failed(&mut self, ended: Ended) -> Flow {
        self.attempt = Attempt::None;
        self.next_try(ended, false)
    }

    fn next_try(&mut self, ended: Ended, was_live: bool) -> Flow {
        tracing::debug!(device = %self.setup.identity.device, ?ended, was_live, "link ended");
        match self.reconnect.ended(ended, was_live, &mut self.memory, rand::random()) {
            Next::Wait(wait) => {
                self.wait(Why::Ended(ended), wait);
                Flow::On
            }
            Next::Stop(stop) => {
                self.status.send_replace(Status::Stopped(stop));
                Flow::Over
            }
        }
    }

    fn wait(&mut self, why: Why, wait: Millis) {
        self.attempt = Attempt::at(self.clock.now().plus(wait));
        if self.session.is_none() {
            let retry_in = Duration::from_millis(wait);
            self.status.send_replace(Status::Disconnected { why, retry_in });
        }
    }

    /// Connects elsewhere while this link goes on.
    pub(super) fn move_away(&mut self, spread: Millis, address: Option<&str>) {
        if !self.attempt.is_under_way() {
            let known = self.setup.guide.best_known();
            let route = address.and_then(|address| known?.moved_to(address));
            let at = self.clock.now().plus(rand::random_range(0..=spread));
            self.attempt = Attempt::Waiting { at, route };
        }
    }

    pub(super) fn drop_link(&mut self) {
        if self.session.take().is_some() {
            self.attempt = Attempt::None;
            let wait = match self.reconnect.ended(Ended::Lost, true, &mut self.memory, rand::random()) {
                Next::Wait(wait) => wait,
                Next::Stop(_) => 0,
            };
            self.wait(Why::Dropped, wait);
        }
    }

    pub(super) fn network_changed(&mut self, network_hash: u64) {
        self.setup.network_hash = network_hash;
        self.reconnect.network_changed();
        match (&mut self.session, &mut self.attempt) {
            (Some(session), _) => session.live.network_changed(self.clock.now(), network_hash, &mut self.memory),
            (None, Attempt::Waiting { at, .. }) => *at = UnixMillis::default(),
            (None, _) => {}
        }
    }

    /// Nothing more is believed of what is in memory.
    pub(super) fn store_failed(&mut self) -> Flow {
        tracing::error!(device = %self.setup.identity.device, "the state store failed");
        self.session = None;
        self.must_reload = true;
        self.wait(Why::Store, STORE_RETRY_AFTER);
        Flow::On
    }

    async fn reload(&mut self) -> Result<(), crate::state::StateError> {
        let state = self.store.load().await?;
        let mut saved = state.saved();
        // A number that was used without being kept must not be used again.
        saved.conn_seq = saved.conn_seq.max(self.memory.conn_seq());
        self.memory.restart(saved);
        self.must_reload = false;
        Ok(())
    }
}
