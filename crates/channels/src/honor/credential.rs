//! What an operator uploads.

use serde_json::Value;

use crate::upload::Upload;
use crate::{CredentialError, Secret, Summary};

/// What an app has from Honor.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Stands in the path.
    pub(super) app_id: String,
    pub(super) client_id: String,
    pub(super) client_secret: Secret,
}

impl Credential {
    /// What may be shown of it.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let public = vec![("app_id", self.app_id.clone()), ("client_id", self.client_id.clone())];
        Summary { kind: "client_secret", public, expires_at: None }
    }
}

pub(super) fn read(upload: &Value) -> Result<Credential, CredentialError> {
    let upload = Upload::of(upload, &["app_id", "client_id", "client_secret"])?;
    let app_id = upload.required("app_id")?;
    if !app_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) {
        return Err(CredentialError::new("/app_id", "invalid", "must be letters and digits"));
    }
    Ok(Credential { app_id, client_id: upload.required("client_id")?, client_secret: upload.secret("client_secret")? })
}
