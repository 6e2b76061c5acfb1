//! Apps.

use std::future::Future;

use homing_domain::{App, AppId};

use crate::Result;

/// Whether a conditional create took place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// It is new.
    New,
    /// One with this id was there; nothing changed.
    Exists,
}

/// Whether a conditional replace took place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replaced {
    /// It is replaced.
    Done,
    /// Its revision was another one (or it is gone); nothing changed. Read again.
    Changed,
}

/// The apps of this installation.
pub trait Apps: Send + Sync {
    /// Puts a new app.
    fn create_app(&self, app: App) -> impl Future<Output = Result<Created>> + Send;

    /// One app.
    fn app(&self, id: &AppId) -> impl Future<Output = Result<Option<App>>> + Send;

    /// Apps in the order of their ids, after `after`, at most `limit`.
    fn apps(&self, after: Option<&AppId>, limit: usize) -> impl Future<Output = Result<Vec<App>>> + Send;

    /// Replaces an app whose stored revision is `app.revision - 1`.
    fn replace_app(&self, app: App) -> impl Future<Output = Result<Replaced>> + Send;

    /// Deletes an app. Its devices and messages stay until they age out, unreachable.
    fn delete_app(&self, id: &AppId) -> impl Future<Output = Result<()>> + Send;
}
