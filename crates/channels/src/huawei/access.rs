//! What requests are authorised with.

use homing_domain::{Millis, UnixMillis};
use jsonwebtoken::{Algorithm, Header};
use serde::Serialize;
use zeroize::Zeroizing;

use super::OAUTH;
use super::credential::{Credential, Grant, ServiceAccount};
use crate::client_credentials::{self, renew_at};
use crate::json_answer::uri;
use crate::{Access, Authorization, EncodeError, Surroundings};

/// Whom a signed token is for: the same wherever it is sent.
const AUDIENCE: &str = "https://oauth-login.cloud.huawei.com/oauth2/v3/token";
/// How long a signed token is good. Huawei refuses more than a day (80300036) and recommends an hour.
const LIFE_MS: Millis = 60 * 60 * 1_000;

pub(super) fn authorize(credential: &Credential, around: &Surroundings<'_>) -> Result<Authorization, EncodeError> {
    match &credential.grant {
        Grant::Client { id, secret } => {
            let uri = uri(around.origins.base_url(OAUTH), "/oauth2/v3/token")?;
            Ok(Authorization::Ask(client_credentials::ask(uri, id, secret)))
        }
        Grant::ServiceAccount(account) => {
            let token = sign(account, around.now).map_err(|_| EncodeError::Misused("the key does not sign"))?;
            Ok(Authorization::Signed(Access { token, since: around.now, renew_at: renew_at(around.now, LIFE_MS) }))
        }
    }
}

/// A signed token, used as it is (push-jwt-token).
pub(super) fn sign(
    account: &ServiceAccount,
    now: UnixMillis,
) -> Result<Zeroizing<String>, jsonwebtoken::errors::Error> {
    #[derive(Serialize)]
    struct Claims<'a> {
        iss: &'a str,
        aud: &'static str,
        iat: u64,
        exp: u64,
    }
    let mut header = Header::new(Algorithm::PS256);
    header.kid = Some(account.key_id.clone());
    let iat = now.0 / 1_000;
    let claims = Claims { iss: &account.sub_account, aud: AUDIENCE, iat, exp: iat + LIFE_MS / 1_000 };
    jsonwebtoken::encode(&header, &claims, &account.key).map(Zeroizing::new)
}
