//! Putting a device together.

use std::fmt;
use std::sync::Arc;

use homing_link::client::{Backoff, Power};
use tokio::sync::{mpsc, watch};

use crate::agent::{Agent, Setup};
use crate::device::Device;
use crate::identity::{Identity, Route};
use crate::inbox::{INBOX_MAX, Inbox};
use crate::router::{Guide, Router};
use crate::state::{StateError, StateStore};
use crate::status::Status;
use crate::transports::{Preference, Transports, TransportsError, Trust};

/// Calls of the app that wait for the device's task.
const COMMANDS_MAX: usize = 16;

/// Why a device did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The state store cannot be read or written.
    #[error(transparent)]
    State(#[from] StateError),
    /// TLS cannot be set up.
    #[error(transparent)]
    Transports(#[from] TransportsError),
}

/// Settings of a device.
pub struct Builder {
    identity: Identity,
    route: Route,
    router: Option<Box<dyn Router>>,
    transports: Option<Arc<Transports>>,
    preference: Preference,
    backoff: Backoff,
    network_hash: u64,
    power: Power,
}

impl Builder {
    pub(crate) fn new(identity: Identity, route: Route) -> Self {
        Self {
            identity,
            route,
            router: None,
            transports: None,
            preference: Preference::default(),
            backoff: Backoff::default(),
            network_hash: 0,
            power: Power::default(),
        }
    }

    /// Whom to ask where to connect. Without, the device stays with the route that it was given.
    #[must_use]
    pub fn router(mut self, router: impl Router + 'static) -> Self {
        self.router = Some(Box::new(router));
        self
    }

    /// Sockets and trust, which devices of one process may share. Without: own ones, and the platform's certificates.
    #[must_use]
    pub fn transports(mut self, transports: Arc<Transports>) -> Self {
        self.transports = Some(transports);
        self
    }

    /// Which transports to use; both by default.
    #[must_use]
    pub const fn preference(mut self, preference: Preference) -> Self {
        self.preference = preference;
        self
    }

    /// How long to wait between tries.
    #[must_use]
    pub const fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// What the device runs on; a battery by default. On mains it beats every 60 to 120 s and looks for nothing longer.
    #[must_use]
    pub const fn power(mut self, power: Power) -> Self {
        self.power = power;
        self
    }

    /// Names the network that the device is on; 0 = unknown. How long a network keeps a silent link is remembered by this
    /// name, for the last 64; without names it is learned anew after each move.
    #[must_use]
    pub const fn network(mut self, network_hash: u64) -> Self {
        self.network_hash = network_hash;
        self
    }

    /// Reads the state and starts to connect, in a task of the present runtime.
    ///
    /// # Errors
    /// [`StartError`]. That the network or the gateway is away is none: the device goes on trying.
    pub async fn start<S: StateStore>(self, state: S) -> Result<(Device, Inbox), StartError> {
        let transports = match self.transports {
            Some(transports) => transports,
            None => Transports::new(Trust::Platform)?,
        };
        let setup = Setup {
            identity: self.identity,
            guide: Arc::new(Guide::new(self.router, self.route)),
            transports,
            preference: self.preference,
            network_hash: self.network_hash,
            power: self.power,
        };
        let (commands, commands_rx) = mpsc::channel(COMMANDS_MAX);
        let (items, items_rx) = mpsc::channel(INBOX_MAX);
        let (status, status_rx) = watch::channel(Status::Connecting);
        let agent = Agent::new(setup, self.backoff, state, commands_rx, items, status).await?;
        tokio::spawn(agent.run());
        Ok((Device::new(commands.clone(), status_rx), Inbox::new(items_rx, commands)))
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("identity", &self.identity).field("route", &self.route).finish_non_exhaustive()
    }
}
