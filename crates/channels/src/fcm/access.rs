//! Access by a signed assertion (RFC 7523): RS256, for an hour.

use homing_domain::{Channel, UnixMillis};
use jsonwebtoken::{Algorithm, Header};
use serde::Serialize;

use crate::fcm::credential::Credential;
use crate::json_answer::{FORM, form, post, uri};
use crate::{EncodeError, Origins, Request};

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";
/// The longest that Google takes an assertion for, in seconds.
const ASSERTION_LIFETIME_SECONDS: u64 = 3_600;

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'a str,
    aud: String,
    iat: u64,
    exp: u64,
}

pub(super) fn ask(credential: &Credential, origins: &Origins, now: UnixMillis) -> Result<Request, EncodeError> {
    let mut header = Header::new(Algorithm::RS256);
    header.kid.clone_from(&credential.private_key_id);
    let issued_at = now.0 / 1_000;
    let claims = Claims {
        iss: &credential.client_email,
        scope: SCOPE,
        aud: credential.token_uri.to_string(),
        iat: issued_at,
        exp: issued_at + ASSERTION_LIFETIME_SECONDS,
    };
    let assertion = jsonwebtoken::encode(&header, &claims, &credential.key)
        .map_err(|_| EncodeError::Misused("the key of the service account cannot sign"))?;
    let target = match origins.redirects(Channel::Fcm) {
        Some(base_url) => uri(base_url, credential.token_uri.path())?,
        None => credential.token_uri.clone(),
    };
    Ok(post(target, FORM, form([("grant_type", GRANT_TYPE), ("assertion", &assertion)])))
}
