//! What an app has from Meizu.

use serde_json::Value;

use crate::upload::Upload;
use crate::{CredentialError, Secret, Summary};

/// What an app has from Meizu.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Names the app.
    pub app_id: String,
    /// Signs for it.
    pub app_secret: Secret,
    /// What the vendor's console shows for receipts: each must bring it. `None` = only the URL is a secret.
    pub callback_access_token: Option<Secret>,
}

impl Credential {
    /// Reads an upload: `{"app_id", "app_secret", "callback_access_token"?}`.
    ///
    /// # Errors
    /// [`CredentialError`] names the field.
    pub fn read(upload: &Value) -> Result<Self, CredentialError> {
        let upload = Upload::of(upload, &["app_id", "app_secret", "callback_access_token"])?;
        Ok(Self {
            app_id: upload.required("app_id")?,
            app_secret: upload.secret("app_secret")?,
            callback_access_token: upload.optional("callback_access_token")?.map(Secret::new),
        })
    }

    /// What may be shown of it.
    #[must_use]
    pub fn summary(&self) -> Summary {
        Summary { kind: "app_secret", public: vec![("app_id", self.app_id.clone())], expires_at: None }
    }
}
