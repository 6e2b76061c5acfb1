//! What an operator uploads.

use jsonwebtoken::EncodingKey;
use serde_json::Value;

use super::access;
use crate::private_key::pem_text;
use crate::upload::Upload;
use crate::{CredentialError, Secret, Summary};

/// Which interface messages go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Api {
    /// Android, an app named by its id.
    V1,
    /// Android, a project.
    V2,
    /// HarmonyOS 5 and later.
    V3,
}

/// What an app has from Huawei.
#[derive(Clone, Debug)]
pub struct Credential {
    pub(super) api: Api,
    /// Stands in the path: the app's id, or the project's.
    pub(super) owner: String,
    pub(super) grant: Grant,
    pub(super) callback: Option<CallbackKey>,
    public: Vec<(&'static str, String)>,
}

/// What access is had for.
#[derive(Clone, Debug)]
pub(super) enum Grant {
    /// Exchanged for a token.
    Client { id: String, secret: Secret },
    /// Signs tokens.
    ServiceAccount(ServiceAccount),
}

/// An account that signs.
#[derive(Clone, Debug)]
pub(super) struct ServiceAccount {
    pub(super) key_id: String,
    pub(super) sub_account: String,
    /// RSA. It does not show itself.
    pub(super) key: EncodingKey,
}

/// What receipts are signed with; set beside their URL in AppGallery Connect.
#[derive(Clone, Debug)]
pub(super) struct CallbackKey {
    pub(super) user: String,
    pub(super) secret: Secret,
}

impl Credential {
    /// What may be shown of it.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let kind = match self.grant {
            Grant::Client { .. } => "client_secret",
            Grant::ServiceAccount(_) => "service_account",
        };
        Summary { kind, public: self.public.clone(), expires_at: None }
    }
}

pub(super) fn read(value: &Value) -> Result<Credential, CredentialError> {
    const FIELDS: &[&str] = &[
        "app_id",
        "client_id",
        "client_secret",
        "project_id",
        "service_account",
        "callback_user",
        "callback_secret",
        "api",
    ];
    let upload = Upload::of(value, FIELDS)?;
    let app_id = path_part(&upload, "app_id")?;
    let project_id = path_part(&upload, "project_id")?;
    let client_id = upload.optional("client_id")?;
    let client_secret = upload.optional("client_secret")?.map(Secret::new);
    let account = value.get("service_account").filter(|account| !account.is_null()).map(service_account).transpose()?;
    let api = match upload.optional("api")?.as_deref() {
        Some("v1") => Api::V1,
        Some("v2") => Api::V2,
        Some("v3") => Api::V3,
        Some(_) => return Err(CredentialError::new("/api", "invalid", "must be v1, v2 or v3")),
        None if client_secret.is_none() && account.is_some() => Api::V3,
        None if project_id.is_some() => Api::V2,
        None => Api::V1,
    };
    let mut public = Vec::new();
    let texts = [("app_id", &app_id), ("project_id", &project_id), ("client_id", &client_id)];
    public.extend(texts.into_iter().filter_map(|(name, text)| Some((name, text.clone()?))));
    if let Some(account) = &account {
        public.push(("key_id", account.key_id.clone()));
        public.push(("sub_account", account.sub_account.clone()));
    }
    let owner = if api == Api::V1 { required("/app_id", app_id)? } else { required("/project_id", project_id)? };
    let grant = if api == Api::V3 {
        Grant::ServiceAccount(required("/service_account", account)?)
    } else {
        Grant::Client { id: required("/client_id", client_id)?, secret: required("/client_secret", client_secret)? }
    };
    let callback = match (upload.optional("callback_user")?, upload.optional("callback_secret")?) {
        (None, None) => None,
        (user, secret) => Some(CallbackKey {
            user: required("/callback_user", user)?,
            secret: Secret::new(required("/callback_secret", secret)?),
        }),
    };
    Ok(Credential { api, owner, grant, callback, public })
}

/// An id that stands in a path.
fn path_part(upload: &Upload<'_>, name: &str) -> Result<Option<String>, CredentialError> {
    let id = upload.optional(name)?;
    if id.as_ref().is_some_and(|id| !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))) {
        return Err(CredentialError::new(&format!("/{name}"), "invalid", "must be letters and digits"));
    }
    Ok(id)
}

fn service_account(value: &Value) -> Result<ServiceAccount, CredentialError> {
    let inside = |mut error: CredentialError| {
        error.field.insert_str(0, "/service_account");
        error
    };
    let upload = Upload::of(value, &["key_id", "sub_account", "private_key"]).map_err(inside)?;
    let field = "/service_account/private_key";
    let pem = pem_text(value, "private_key").map_err(inside)?;
    let no_key = |_| CredentialError::new(field, "invalid", "must be an RSA private key in PEM");
    let account = ServiceAccount {
        key_id: upload.required("key_id").map_err(inside)?,
        sub_account: upload.required("sub_account").map_err(inside)?,
        key: EncodingKey::from_rsa_pem(pem.as_bytes()).map_err(no_key)?,
    };
    // A key that is too short, or no key at all, shows only when it signs.
    access::sign(&account, homing_domain::UnixMillis(0)).map_err(|_| {
        CredentialError::new(field, "invalid", "must be an RSA key of 2,048 bits or more that can sign")
    })?;
    Ok(account)
}

fn required<T>(field: &str, value: Option<T>) -> Result<T, CredentialError> {
    value.ok_or_else(|| CredentialError::new(field, "missing", "is required"))
}
