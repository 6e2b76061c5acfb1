//! A state that ends with the process: for load tests, and for apps that keep nothing.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Change, Durability, State, StateError, StateStore};

/// Keeps the state in memory. Clones share it, so that a test can start a device again where another stopped.
#[derive(Clone, Debug, Default)]
pub struct MemoryState(Arc<Mutex<State>>);

impl MemoryState {
    /// A fresh one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A copy of what it holds.
    #[must_use]
    pub fn snapshot(&self) -> State {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl StateStore for MemoryState {
    async fn load(&mut self) -> Result<State, StateError> {
        std::future::ready(Ok(self.snapshot())).await
    }

    async fn commit(&mut self, changes: Vec<Change>, _: Durability) -> Result<(), StateError> {
        {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            changes.into_iter().for_each(|change| state.apply(change));
        }
        std::future::ready(Ok(())).await
    }
}
