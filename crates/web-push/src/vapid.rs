//! Voluntary application server identification (RFC 8292): a signed statement of who sends, for one push service.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

use crate::encoding::{decode, decode_exactly, encode};
use crate::error::Error;
use crate::keys::{PRIVATE_KEY_BYTES, PUBLIC_KEY_BYTES, check_point, public_of_private};

/// The longest that an identification may be valid, in seconds (RFC 8292 section 2).
pub const LIFETIME_MAX_SECONDS: u64 = 24 * 3_600;
/// The longest header value that is read: a token has about 300 bytes, the key 87.
pub const HEADER_MAX_BYTES: usize = 4_096;

const SCHEME: &str = "vapid";
/// `{"typ":"JWT","alg":"ES256"}`.
const HEADER: &[u8] = br#"{"typ":"JWT","alg":"ES256"}"#;

#[derive(Serialize)]
struct Claims<'a> {
    aud: &'a str,
    exp: u64,
    sub: &'a str,
}

#[derive(Deserialize)]
struct ReadHeader {
    alg: String,
}

#[derive(Deserialize)]
struct ReadClaims {
    aud: String,
    exp: u64,
}

/// The value of the `Authorization` header for a push service. `audience` is the service's origin (`https://push.example`, no
/// slash at its end), `subject` a `mailto:` or `https:` URL of who sends, `expires_at` seconds since 1970, at most
/// [`LIFETIME_MAX_SECONDS`] ahead. The signature is another each time.
///
/// # Errors
/// [`Error::Key`]: `private` is no private key of P-256.
pub fn sign(
    private: &[u8; PRIVATE_KEY_BYTES],
    audience: &str,
    subject: &str,
    expires_at: u64,
) -> Result<String, Error> {
    let public = public_of_private(private)?;
    let key = EcdsaKeyPair::from_private_key_and_public_key(&ECDSA_P256_SHA256_FIXED_SIGNING, private, &public)
        .map_err(|_| Error::Key("private key"))?;
    let claims = serde_json::to_vec(&Claims { aud: audience, exp: expires_at, sub: subject })
        .expect("two texts and a number have no way to fail as JSON");
    let signed = format!("{}.{}", encode(HEADER), encode(&claims));
    let signature = key.sign(&SystemRandom::new(), signed.as_bytes()).map_err(|_| Error::Key("private key"))?;
    Ok(format!("{SCHEME} t={signed}.{}, k={}", encode(signature.as_ref()), encode(&public)))
}

/// Checks an `Authorization` header at a push service whose origin is `audience`, at `now` (seconds since 1970). Gives the
/// sender's public key: whether that is the one a subscription was made for, the caller compares.
///
/// # Errors
/// [`Error::Identification`], [`Error::Key`], [`Error::Signature`], [`Error::Audience`] or [`Error::Expiry`].
pub fn verify(header: &str, audience: &str, now: u64) -> Result<[u8; PUBLIC_KEY_BYTES], Error> {
    let (token, key) = parameters(header)?;
    let public: [u8; PUBLIC_KEY_BYTES] = decode_exactly(key).ok_or(Error::Identification("k"))?;
    check_point(&public, "k")?;

    let malformed = Error::Identification("t");
    let (signed, signature) = token.rsplit_once('.').ok_or(malformed)?;
    let (head, claims) = signed.split_once('.').ok_or(malformed)?;
    let head: ReadHeader = json(head).ok_or(malformed)?;
    if head.alg != "ES256" {
        return Err(Error::Identification("alg"));
    }
    let signature = decode(signature).ok_or(malformed)?;
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &public[..])
        .verify(signed.as_bytes(), &signature)
        .map_err(|_| Error::Signature)?;

    let claims: ReadClaims = json(claims).ok_or(malformed)?;
    if claims.aud != audience {
        return Err(Error::Audience);
    }
    if claims.exp <= now || claims.exp > now.saturating_add(LIFETIME_MAX_SECONDS) {
        return Err(Error::Expiry);
    }
    Ok(public)
}

/// The token and the key, in whatever order (RFC 8292 section 3).
fn parameters(header: &str) -> Result<(&str, &str), Error> {
    if header.len() > HEADER_MAX_BYTES {
        return Err(Error::Identification("too long"));
    }
    let (scheme, rest) = header.trim().split_once(' ').ok_or(Error::Identification("scheme"))?;
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return Err(Error::Identification("scheme"));
    }
    let (mut token, mut key) = (None, None);
    for (name, value) in rest.split(',').filter_map(|parameter| parameter.trim().split_once('=')) {
        match name.trim() {
            "t" => token = Some(value.trim()),
            "k" => key = Some(value.trim()),
            _ => {}
        }
    }
    token.zip(key).ok_or(Error::Identification("t and k"))
}

fn json<T: for<'de> Deserialize<'de>>(part: &str) -> Option<T> {
    serde_json::from_slice(&decode(part)?).ok()
}
