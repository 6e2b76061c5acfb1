//! Apps come and change.

use std::convert::Infallible;

use homing_contract::http::v1::NewApp;
use homing_credentials::ApiKey;
use homing_domain::{App, AppId, UnixMillis};
use homing_ports::{Apps, Created, Error, Replaced};

use crate::keys::{first_key, has_newest};

/// Tries before a change gives up: operators rarely change the same app at the same time.
const TRIES_MAX: usize = 8;

/// An app is not created or changed.
#[derive(Debug, thiserror::Error)]
pub enum AppChangeError<E> {
    /// There is one with this id, which is not the one that this very request made.
    #[error("there is an app with this id")]
    Exists,
    /// There is none with this id.
    #[error("there is no such app")]
    Gone,
    /// Others change it again and again.
    #[error("others change this app at the same time")]
    Busy,
    /// The change itself was refused.
    #[error("the change was refused")]
    Refused(E),
    /// A port call failed.
    #[error(transparent)]
    Port(#[from] Error),
}

/// The keys of a new app: shown once, never stored.
#[derive(Clone, Debug)]
pub struct NewKeys {
    /// For business systems.
    pub server: ApiKey,
    /// For the mobile app.
    pub client: ApiKey,
}

impl NewKeys {
    /// Keys of an app, each from 32 unguessable bytes.
    #[must_use]
    pub fn new(app: &AppId, server: [u8; 32], client: [u8; 32]) -> Self {
        Self { server: ApiKey::server(app, server), client: ApiKey::client(app, client) }
    }
}

/// Creates an app. A repeat with the same keys (which an Idempotency-Key stands for) answers the app that the first run
/// made, as long as it has these keys.
///
/// # Errors
/// [`AppChangeError`]
pub async fn create_app<P: Apps>(
    ports: &P,
    new: NewApp,
    keys: &NewKeys,
    now: UnixMillis,
) -> Result<App, AppChangeError<Infallible>> {
    let app = App {
        id: new.id,
        name: new.name,
        server_keys: vec![first_key(&keys.server, now)],
        client_key: keys.client.digest(),
        quota_per_second: new.quota_per_second,
        heartbeat: new.heartbeat,
        events: new.events,
        upstream: new.upstream,
        alerts: new.alerts,
        created_at: now,
        revision: 1,
    };
    match ports.create_app(app.clone()).await? {
        Created::New => Ok(app),
        Created::Exists => {
            let stored = ports.app(&app.id).await?.ok_or(AppChangeError::Busy)?;
            let is_repeat = stored.client_key == app.client_key
                && has_newest(&stored, &keys.server)
                && (&stored.name, stored.quota_per_second, stored.heartbeat, stored.events, &stored.upstream)
                    == (&app.name, app.quota_per_second, app.heartbeat, app.events, &app.upstream)
                && stored.alerts == app.alerts;
            if is_repeat { Ok(stored) } else { Err(AppChangeError::Exists) }
        }
    }
}

/// Reads an app, changes it, and replaces it; begins again when another change came in between.
///
/// # Errors
/// [`AppChangeError`]
pub async fn update_app<P: Apps, E>(
    ports: &P,
    id: &AppId,
    change: impl Fn(&mut App) -> Result<(), E> + Send,
) -> Result<App, AppChangeError<E>> {
    for _ in 0..TRIES_MAX {
        let mut app = ports.app(id).await?.ok_or(AppChangeError::Gone)?;
        change(&mut app).map_err(AppChangeError::Refused)?;
        app.revision += 1;
        if ports.replace_app(app.clone()).await? == Replaced::Done {
            return Ok(app);
        }
    }
    Err(AppChangeError::Busy)
}
