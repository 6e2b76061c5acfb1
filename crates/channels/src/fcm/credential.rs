//! What an app has from Google: the JSON file of a service account, as its console gives it.

use http::Uri;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::Value;

use crate::private_key::pem_text;
use crate::{CredentialError, Summary};

/// Where access is asked for when the file does not say.
const TOKEN_URI: &str = "https://oauth2.googleapis.com/token";
/// The hosts that a file may name: whoever gets the assertion can push to every device of the app for an hour.
const TOKEN_HOSTS: [&str; 3] = ["oauth2.googleapis.com", "www.googleapis.com", "accounts.google.com"];
/// Longest id, address or URL in the file. Google's have less than 100.
const TEXT_MAX_BYTES: usize = 256;

/// What an app has from Google.
#[derive(Clone, Debug)]
pub struct Credential {
    pub(super) project_id: String,
    pub(super) client_email: String,
    pub(super) private_key_id: Option<String>,
    pub(super) token_uri: Uri,
    pub(super) key: EncodingKey,
}

impl Credential {
    /// The file has fields that nobody needs here, and gets new ones: they are let pass.
    pub(super) fn read(upload: &Value) -> Result<Self, CredentialError> {
        if !upload.is_object() {
            return Err(CredentialError::new("", "invalid", "must be the JSON of a service account"));
        }
        if let Some(kind) = text(upload, "type")?.filter(|kind| kind != "service_account") {
            return Err(CredentialError::new("/type", "invalid", format!("must be service_account, not {kind}")));
        }
        let project_id = required(upload, "project_id")?;
        if !project_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.:_".contains(&byte)) {
            return Err(CredentialError::new("/project_id", "invalid", "is no project id of Google"));
        }
        let pem = pem_text(upload, "private_key")?;
        let no_key = || CredentialError::new("/private_key", "invalid", "must be a private key of RSA, as PEM");
        let key = EncodingKey::from_rsa_pem(pem.as_bytes()).map_err(|_| no_key())?;
        // Reading does not look into the key: signing does.
        crypto::sign(b"", &key, Algorithm::RS256).map_err(|_| no_key())?;
        Ok(Self {
            project_id,
            client_email: required(upload, "client_email")?,
            private_key_id: text(upload, "private_key_id")?,
            token_uri: token_uri(text(upload, "token_uri")?)?,
            key,
        })
    }

    /// What may be shown of it.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let mut public = vec![("project_id", self.project_id.clone()), ("client_email", self.client_email.clone())];
        public.extend(self.private_key_id.clone().map(|id| ("private_key_id", id)));
        Summary { kind: "service_account", public, expires_at: None }
    }
}

fn text(upload: &Value, name: &str) -> Result<Option<String>, CredentialError> {
    match upload.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if !text.is_empty() && text.len() <= TEXT_MAX_BYTES => Ok(Some(text.clone())),
        Some(_) => {
            let message = format!("must be a text of 1 to {TEXT_MAX_BYTES} bytes");
            Err(CredentialError::new(&format!("/{name}"), "invalid", message))
        }
    }
}

fn required(upload: &Value, name: &str) -> Result<String, CredentialError> {
    text(upload, name)?.ok_or_else(|| CredentialError::new(&format!("/{name}"), "missing", "is required"))
}

fn token_uri(text: Option<String>) -> Result<Uri, CredentialError> {
    let uri: Option<Uri> = text.as_deref().unwrap_or(TOKEN_URI).parse().ok();
    let google = |uri: &Uri| {
        uri.scheme_str() == Some("https")
            && uri.authority().is_some_and(|authority| TOKEN_HOSTS.contains(&authority.as_str()))
    };
    uri.filter(google)
        .ok_or_else(|| CredentialError::new("/token_uri", "invalid", "must be an https URL of Google's OAuth servers"))
}
