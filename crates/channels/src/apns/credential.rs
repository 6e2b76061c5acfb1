//! What an app has from Apple: a key that signs tokens (`.p8`), or a certificate (`.p12`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use homing_domain::UnixMillis;
use jsonwebtoken::EncodingKey;
use serde_json::Value;

use crate::apns::certificate;
use crate::private_key::{p256_of_pem, pem_text};
use crate::upload::Upload;
use crate::{ClientIdentity, CredentialError, Summary};

const TOKEN_KEY_FIELDS: [&str; 5] = ["team_id", "key_id", "bundle_id", "key", "environment"];
const CERTIFICATE_FIELDS: [&str; 4] = ["certificate", "password", "bundle_id", "environment"];
/// Longest bundle id: more than App Store Connect takes.
const BUNDLE_ID_MAX_BYTES: usize = 155;
/// Longest key or team id. Apple's have 10 characters.
const ID_MAX_BYTES: usize = 32;
/// Longest `.p12` in base64: one with its chain has some 8 KiB.
const CERTIFICATE_MAX_BYTES: usize = 64 * 1_024;

/// Which of Apple's two worlds: device tokens of one are unknown in the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// Apps from the App Store, TestFlight, ad hoc.
    Production,
    /// Apps that Xcode installed.
    Sandbox,
}

/// What an app has from Apple.
#[derive(Clone, Debug)]
pub struct Credential {
    pub(super) bundle_id: String,
    pub(super) environment: Environment,
    pub(super) proof: Proof,
}

/// How Apple knows the app.
#[derive(Clone, Debug)]
pub(super) enum Proof {
    TokenKey { team_id: String, key_id: String, key: EncodingKey },
    Certificate { identity: ClientIdentity, expires_at: UnixMillis },
}

impl Credential {
    pub(super) fn read(upload: &Value, now: UnixMillis) -> Result<Self, CredentialError> {
        if upload.get("certificate").is_some() { Self::certificate(upload, now) } else { Self::token_key(upload) }
    }

    fn token_key(upload: &Value) -> Result<Self, CredentialError> {
        let fields = Upload::of(upload, &TOKEN_KEY_FIELDS)?;
        let pem = pem_text(upload, "key")?;
        // Signing reads the key anew each time: what could not sign is found here.
        if p256_of_pem(pem).is_none() {
            return Err(CredentialError::new("/key", "invalid", "must be the .p8 file of a key of P-256, as PEM"));
        }
        let key = EncodingKey::from_ec_pem(pem.as_bytes())
            .map_err(|_| CredentialError::new("/key", "invalid", "must be the .p8 file, as PEM"))?;
        let proof = Proof::TokenKey { team_id: id(&fields, "team_id")?, key_id: id(&fields, "key_id")?, key };
        Ok(Self { bundle_id: bundle_id(fields.required("bundle_id")?)?, environment: environment(&fields)?, proof })
    }

    fn certificate(upload: &Value, now: UnixMillis) -> Result<Self, CredentialError> {
        let fields = Upload::of(upload, &CERTIFICATE_FIELDS)?;
        let invalid = |message| CredentialError::new("/certificate", "invalid", message);
        let text = upload.get("certificate").and_then(Value::as_str).unwrap_or_default();
        if text.len() > CERTIFICATE_MAX_BYTES {
            return Err(invalid("is too long for a .p12 file"));
        }
        let file = STANDARD.decode(text).map_err(|_| invalid("must be the .p12 file in base64"))?;
        // A password may be empty, and may hold spaces.
        let password = match upload.get("password") {
            None | Some(Value::Null) => "",
            Some(Value::String(password)) => password,
            Some(_) => return Err(CredentialError::new("/password", "invalid", "must be a text")),
        };
        let read = certificate::read(&file, password)?;
        if read.expires_at <= now {
            return Err(CredentialError::new("/certificate", "expired", "the certificate has expired"));
        }
        let bundle = match fields.optional("bundle_id")? {
            Some(given) => given,
            None => read.topic.ok_or_else(|| {
                CredentialError::new("/bundle_id", "missing", "the certificate names no app: bundle_id is required")
            })?,
        };
        let proof = Proof::Certificate { identity: read.identity, expires_at: read.expires_at };
        Ok(Self { bundle_id: bundle_id(bundle)?, environment: environment(&fields)?, proof })
    }

    /// What may be shown of it.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let environment = match self.environment {
            Environment::Production => "production",
            Environment::Sandbox => "sandbox",
        };
        let mut public = vec![("bundle_id", self.bundle_id.clone()), ("environment", environment.to_owned())];
        match &self.proof {
            Proof::TokenKey { team_id, key_id, .. } => {
                public.extend([("team_id", team_id.clone()), ("key_id", key_id.clone())]);
                Summary { kind: "token_key", public, expires_at: None }
            }
            Proof::Certificate { expires_at, .. } => {
                Summary { kind: "certificate", public, expires_at: Some(*expires_at) }
            }
        }
    }
}

fn environment(fields: &Upload<'_>) -> Result<Environment, CredentialError> {
    match &*fields.required("environment")? {
        "production" => Ok(Environment::Production),
        "sandbox" => Ok(Environment::Sandbox),
        _ => Err(CredentialError::new("/environment", "invalid", "must be production or sandbox")),
    }
}

/// It stands in paths and in a header.
fn bundle_id(text: String) -> Result<String, CredentialError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    if text.len() <= BUNDLE_ID_MAX_BYTES && text.chars().all(allowed) {
        Ok(text)
    } else {
        Err(CredentialError::new("/bundle_id", "invalid", "must be letters, digits, dots and hyphens"))
    }
}

fn id(fields: &Upload<'_>, name: &str) -> Result<String, CredentialError> {
    let text = fields.required(name)?;
    if text.len() <= ID_MAX_BYTES && text.chars().all(|c| c.is_ascii_alphanumeric()) {
        Ok(text)
    } else {
        Err(CredentialError::new(&format!("/{name}"), "invalid", "must be letters and digits"))
    }
}
