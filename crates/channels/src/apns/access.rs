//! The token that a key signs: ES256, `kid` in the header, `iss` and `iat` as claims, no expiry of its own.

use homing_domain::{Millis, UnixMillis};
use jsonwebtoken::{Algorithm, Header};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::apns::credential::{Credential, Proof};
use crate::{Access, Authorization, EncodeError};

/// One token is used for so long. Apple refuses one older than 60 minutes (`ExpiredProviderToken`) and more than one in 20
/// minutes (`TooManyProviderTokenUpdates`): the middle.
const TOKEN_USED_FOR: Millis = 40 * 60_000;

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    iat: u64,
}

pub(super) fn authorize(credential: &Credential, now: UnixMillis) -> Result<Authorization, EncodeError> {
    let Proof::TokenKey { team_id, key_id, key } = &credential.proof else {
        return Ok(Authorization::Static);
    };
    let mut header = Header::new(Algorithm::ES256);
    header.typ = None;
    header.kid = Some(key_id.clone());
    let token = jsonwebtoken::encode(&header, &Claims { iss: team_id, iat: now.0 / 1_000 }, key)
        .map_err(|_| EncodeError::Misused("the key cannot sign"))?;
    let token = Zeroizing::new(token);
    Ok(Authorization::Signed(Access { token, since: now, renew_at: now.plus(TOKEN_USED_FOR) }))
}
