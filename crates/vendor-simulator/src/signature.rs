//! Signatures and digests that vendors check.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey,
    VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use md5::{Digest as _, Md5};
use serde_json::Value;

/// Whose clocks may differ by so much, in seconds.
const SKEW_SECONDS: u64 = 60;

/// A compact JWT, taken apart.
#[derive(Clone, Debug)]
pub(crate) struct Jwt {
    pub(crate) header: Value,
    pub(crate) claims: Value,
    signed: String,
    signature: Vec<u8>,
}

impl Jwt {
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let part = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
        Some(Self {
            header: part(header)?,
            claims: part(claims)?,
            signed: signed.to_owned(),
            signature: URL_SAFE_NO_PAD.decode(signature).ok()?,
        })
    }

    pub(crate) fn algorithm(&self) -> &str {
        self.header["alg"].as_str().unwrap_or_default()
    }

    /// A claim that is a text; empty when it is missing.
    pub(crate) fn text(&self, claim: &str) -> &str {
        self.claims[claim].as_str().unwrap_or_default()
    }

    /// A claim that is a moment, in seconds since 1970.
    pub(crate) fn seconds(&self, claim: &str) -> Option<u64> {
        self.claims[claim].as_u64()
    }

    pub(crate) fn key_id(&self) -> &str {
        self.header["kid"].as_str().unwrap_or_default()
    }

    /// Whether it was made in the past, and not before `age_seconds` ago.
    pub(crate) fn is_fresh(&self, now_ms: u64, age_seconds: u64) -> bool {
        let now = now_ms / 1_000;
        let is_fresh = |at: u64| at <= now + SKEW_SECONDS && at + age_seconds >= now;
        self.seconds("iat").is_some_and(is_fresh)
    }

    /// Whether the owner of a public key (PEM) signed it by its algorithm.
    pub(crate) fn is_signed_by(&self, public_key: &str) -> bool {
        let algorithm: &'static dyn VerificationAlgorithm = match self.algorithm() {
            "ES256" => &ECDSA_P256_SHA256_FIXED,
            "RS256" => &RSA_PKCS1_2048_8192_SHA256,
            "PS256" => &RSA_PSS_2048_8192_SHA256,
            _ => return false,
        };
        let Some(key) = der(public_key) else { return false };
        UnparsedPublicKey::new(algorithm, key).verify(self.signed.as_bytes(), &self.signature).is_ok()
    }
}

/// The bytes of a PEM block.
pub(crate) fn der(pem: &str) -> Option<Vec<u8>> {
    let lines = pem.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("-----"));
    STANDARD.decode(lines.collect::<String>()).ok().filter(|bytes| !bytes.is_empty())
}

/// Lower-case hex of an MD5 digest.
pub(crate) fn md5_hex(text: &str) -> String {
    hex(&Md5::digest(text.as_bytes()))
}

/// Lower-case hex of a SHA-256 digest.
pub(crate) fn sha256_hex(text: &str) -> String {
    hex(digest(&SHA256, text.as_bytes()).as_ref())
}

/// Base64 of an HMAC with SHA-256.
pub(crate) fn hmac_sha256_base64(secret: &str, text: &str) -> String {
    STANDARD.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), text.as_bytes()))
}

/// Whether a text is so many bytes in lower-case hex.
pub(crate) fn is_hex(text: &str, bytes: usize) -> bool {
    text.len() == bytes * 2 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
    use serde_json::json;

    use super::*;

    /// The examples of Meizu's and OPPO's documents.
    #[test]
    fn digests_are_as_documented() {
        let params = concat!(
            "appId=10000messageJson={\"title\":\"title\",\"content\":\"content\",",
            "\"pushTimeInfo\":{\"offLine\":1,\"validTime\":24}}",
            "pushIds=RA50c6348036344485d01776773577c64740465480a6b<APP_SECRET>"
        );
        assert_eq!(md5_hex(params), "ac076ff25d9900015a681cb5172aa53b");
        assert_eq!(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert!(is_hex(&md5_hex("a"), 16) && !is_hex("G0", 1));
    }

    #[test]
    fn a_jwt_is_verified_with_the_public_key_and_no_other() {
        let pair = || EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let pem = |pair: &EcdsaKeyPair| format!("-----BEGIN PUBLIC KEY-----\n{}\n", STANDARD.encode(pair.public_key()));
        let (mine, other) = (pair(), pair());
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed =
            format!("{}.{}", part(json!({"alg": "ES256", "kid": "k"})), part(json!({"iat": 1_000, "iss": "t"})));
        let signature = mine.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        let jwt = Jwt::read(&format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))).unwrap();
        assert_eq!((jwt.key_id(), jwt.text("iss")), ("k", "t"));
        assert!(jwt.is_signed_by(&pem(&mine)));
        assert!(!jwt.is_signed_by(&pem(&other)));
        assert!(jwt.is_fresh(1_500_000, 600) && !jwt.is_fresh(1_700_000, 600) && !jwt.is_fresh(900_000, 600));
    }
}
