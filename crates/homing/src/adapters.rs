//! What the stages get as their ports: the store, the system's clock and randomness, and the drills between them.

mod delegate;
mod delegate_rows;
mod fail_point;

use std::fmt;
use std::sync::Arc;

use homing_domain::UnixMillis;
use homing_ports::{Clock, Entropy};

pub use fail_point::{Drills, FailPoint};
pub use homing_system::{SystemClock, SystemEntropy};

/// Who calls through these ports: a drill strikes at one caller's calls only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// The HTTP API.
    Http,
    /// A worker or a sweeper.
    Worker,
    /// The gateway.
    Gateway,
}

/// All ports in one value: the store, the clock, randomness, with the drills between.
pub struct Adapters<S> {
    store: Arc<S>,
    caller: Caller,
    drills: Arc<Drills>,
}

impl<S> Adapters<S> {
    /// For the workers.
    #[must_use]
    pub const fn new(store: Arc<S>, drills: Arc<Drills>) -> Self {
        Self { store, caller: Caller::Worker, drills }
    }

    /// The same ports in other hands.
    #[must_use]
    pub fn called_by(&self, caller: Caller) -> Self {
        Self { caller, ..self.clone() }
    }

    /// The store itself, for what no port offers.
    #[must_use]
    pub const fn store(&self) -> &Arc<S> {
        &self.store
    }
}

impl<S> Clone for Adapters<S> {
    fn clone(&self) -> Self {
        Self { store: Arc::clone(&self.store), caller: self.caller, drills: Arc::clone(&self.drills) }
    }
}

impl<S> fmt::Debug for Adapters<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Adapters").field("caller", &self.caller).field("drills", &self.drills).finish_non_exhaustive()
    }
}

impl<S: Send + Sync> Clock for Adapters<S> {
    fn now(&self) -> UnixMillis {
        SystemClock.now()
    }
}

impl<S: Send + Sync> Entropy for Adapters<S> {
    fn random_16(&self) -> [u8; 16] {
        SystemEntropy.random_16()
    }
}
