//! What an app has from OPPO.

use serde_json::Value;

use super::Region;
use crate::upload::Upload;
use crate::{CredentialError, Secret, Summary};

/// What an app has from OPPO.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Names the app.
    pub app_key: String,
    /// Signs for it.
    pub master_secret: Secret,
    /// Whose servers know its devices.
    pub region: Region,
}

impl Credential {
    /// Reads an upload: `{"app_key", "master_secret", "region"?: "china" | "international"}`.
    ///
    /// # Errors
    /// [`CredentialError`] names the field.
    pub fn read(upload: &Value) -> Result<Self, CredentialError> {
        let upload = Upload::of(upload, &["app_key", "master_secret", "region"])?;
        let region = match upload.optional("region")? {
            None => Region::default(),
            Some(name) => Region::from_name(&name)
                .ok_or_else(|| CredentialError::new("/region", "invalid", "must be china or international"))?,
        };
        Ok(Self { app_key: upload.required("app_key")?, master_secret: upload.secret("master_secret")?, region })
    }

    /// What may be shown of it.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let public = vec![("app_key", self.app_key.clone()), ("region", self.region.name().to_owned())];
        Summary { kind: "app_secret", public, expires_at: None }
    }
}
