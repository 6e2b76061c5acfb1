//! What an app has from vivo.

use serde_json::Value;

use crate::upload::Upload;
use crate::{CredentialError, Secret, Summary};

/// What an app has from vivo.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Names the app: digits.
    pub app_id: String,
    /// Names it too; the vendor takes both.
    pub app_key: String,
    /// Signs for it.
    pub app_secret: Secret,
}

impl Credential {
    /// Reads an upload: `{"app_id", "app_key", "app_secret"}`, the id as a number or its digits.
    ///
    /// # Errors
    /// [`CredentialError`] names the field.
    pub fn read(upload: &Value) -> Result<Self, CredentialError> {
        let upload = Upload::of(upload, &["app_id", "app_key", "app_secret"])?;
        let app_id = upload.required("app_id")?;
        if app_id.parse::<u64>().is_err() {
            return Err(CredentialError::new("/app_id", "invalid", "must be a number"));
        }
        Ok(Self { app_id, app_key: upload.required("app_key")?, app_secret: upload.secret("app_secret")? })
    }

    /// What may be shown of it.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let public = vec![("app_id", self.app_id.clone()), ("app_key", self.app_key.clone())];
        Summary { kind: "app_secret", public, expires_at: None }
    }
}
