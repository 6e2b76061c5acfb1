//! What an operator uploads.

use homing_domain::Channel;
use serde_json::Value;

use crate::client_credentials::authorization;
use crate::upload::Upload;
use crate::{CredentialError, Secret, Site, Summary};

/// Where an app's devices are registered. Each region has its own servers, ids and secrets.
const REGIONS: [(&str, Site); 5] = [
    ("china", site("china", "https://api.xmpush.xiaomi.com")),
    ("singapore", site("singapore", "https://sgp-api.xmpush.global.xiaomi.com")),
    ("europe", site("europe", "https://fr-api.xmpush.global.xiaomi.com")),
    ("india", site("india", "https://idmb-api.xmpush.global.xiaomi.com")),
    ("russia", site("russia", "https://ru-api.xmpush.global.xiaomi.com")),
];

const fn site(label: &'static str, production: &'static str) -> Site {
    Site { channel: Channel::Xiaomi, label, production }
}

/// What an app has from Xiaomi.
#[derive(Clone, Debug)]
pub struct Credential {
    pub(super) app_secret: Secret,
    /// The app's package, or several with commas.
    pub(super) package: String,
    pub(super) site: Site,
    /// The notification channel that Xiaomi approved for what people expect; without it such messages count as marketing.
    pub(super) channel_id: Option<String>,
}

impl Credential {
    /// What may be shown of it.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let mut public = vec![("package", self.package.clone()), ("region", self.site.label.to_owned())];
        public.extend(self.channel_id.clone().map(|id| ("channel_id", id)));
        Summary { kind: "app_secret", public, expires_at: None }
    }
}

pub(super) fn read(upload: &Value) -> Result<Credential, CredentialError> {
    let upload = Upload::of(upload, &["app_secret", "package", "region", "channel_id"])?;
    let app_secret = upload.secret("app_secret")?;
    if authorization(app_secret.expose()).is_err() {
        return Err(CredentialError::new("/app_secret", "invalid", "must be of letters and digits"));
    }
    let region = upload.optional("region")?;
    let site = match &region {
        None => Some(REGIONS[0].1),
        Some(region) => REGIONS.iter().find(|(name, _)| name == region).map(|(_, site)| *site),
    };
    let names = REGIONS.map(|(name, _)| name).join(", ");
    Ok(Credential {
        app_secret,
        package: upload.required("package")?,
        site: site.ok_or_else(|| CredentialError::new("/region", "invalid", format!("must be one of {names}")))?,
        channel_id: upload.optional("channel_id")?,
    })
}
