//! Who calls. Each kind of caller is an extractor, so that a handler which names none in its arguments has none.

mod business;
mod device;
mod operator;
mod seeker;

use std::sync::Arc;

use homing_credentials::{KeyKind, PresentedKey, digests_match};
use homing_domain::{App, UnixMillis};
use homing_ports::Apps;
use http::HeaderMap;
use http::header::AUTHORIZATION;

pub use business::Business;
pub use device::{Caller, DeviceCaller};
pub use operator::Operator;
pub use seeker::Seeker;

use crate::edge::Edge;
use crate::problem::Problem;

/// What stands after `Authorization: Bearer`, if anything.
#[must_use]
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, credentials) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| credentials.trim())
}

/// The credentials of a request that needs some.
pub(crate) fn required_bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    bearer(headers)
        .ok_or_else(|| Problem::unauthorized("credentials_missing", "send credentials as Authorization: Bearer …"))
}

fn invalid() -> Problem {
    Problem::unauthorized("credentials_invalid", "these credentials are not (or no longer) valid")
}

/// Reads a key and refuses one of another kind.
fn present(text: &str, kind: KeyKind) -> Result<PresentedKey, Problem> {
    let key = PresentedKey::parse(text).ok_or_else(invalid)?;
    if key.kind == kind {
        return Ok(key);
    }
    let wanted = match kind {
        KeyKind::Server => "a server key",
        KeyKind::Client => "a client key",
        KeyKind::Admin => "an operator's token",
    };
    Err(Problem::forbidden(format!("this takes {wanted}")))
}

impl<P: Apps> Edge<P> {
    /// The app whose client key this is.
    ///
    /// # Errors
    /// 401 or 403 when it is none, 503 when the store does not answer.
    pub async fn app_of_client_key(&self, text: &str) -> Result<Arc<App>, Problem> {
        let key = present(text, KeyKind::Client)?;
        self.app_of(&key, |app| digests_match(&app.client_key, &key.digest)).await
    }

    /// The app whose server key this is.
    pub(crate) async fn app_of_server_key(&self, text: &str) -> Result<Arc<App>, Problem> {
        let key = present(text, KeyKind::Server)?;
        let now = self.now();
        self.app_of(&key, |app| has_server_key(app, &key, now)).await
    }

    async fn app_of(&self, key: &PresentedKey, accepts: impl Fn(&App) -> bool) -> Result<Arc<App>, Problem> {
        let id = key.app.as_ref().ok_or_else(invalid)?;
        self.app_where(id, accepts).await?.ok_or_else(invalid)
    }
}

/// Compares with every valid key of the app, always all of them.
fn has_server_key(app: &App, presented: &PresentedKey, now: UnixMillis) -> bool {
    app.server_keys.iter().fold(false, |found, key| {
        let valid = key.expires_at.is_none_or(|at| now < at);
        (digests_match(&key.digest, &presented.digest) && valid) || found
    })
}

#[cfg(test)]
mod tests;
