//! What an app has at each vendor: uploaded to a server, and known to the played vendor by its public half or its secret.

use homing_domain::Channel;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, RsaKeySize};
use serde_json::{Value, json};

/// The key id that Apple gave.
const APNS_KEY: &str = "KEY1234567";
/// The service account at Google.
const FCM_ACCOUNT: &str = "push@try-out.iam.gserviceaccount.com";
/// The package that is sent to.
const PACKAGE: &str = "com.example.demo";

/// An app's account at a vendor. Not to be shown: it holds secrets, if only of somebody who does not exist.
#[derive(Clone)]
pub struct Account {
    /// Whose.
    pub channel: Channel,
    /// The body of `PUT /v1/apps/{app}/channels/{channel}`.
    pub upload: Value,
    /// What the played vendor is told; `None` = it needs to know nothing.
    pub known: Option<Value>,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Account({}, redacted)", self.channel)
    }
}

/// One at each vendor, with fresh keys where there are keys.
///
/// # Errors
/// When no key can be made.
pub fn accounts() -> Result<Vec<Account>, rcgen::Error> {
    let mut all = with_keys()?;
    all.extend(with_secrets());
    Ok(all)
}

fn with_keys() -> Result<Vec<Account>, rcgen::Error> {
    let apns = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let fcm = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
    Ok(vec![
        Account {
            channel: Channel::Apns,
            upload: json!({
                "team_id": "TEAM123456", "key_id": APNS_KEY, "bundle_id": PACKAGE, "key": apns.serialize_pem(),
                "environment": "production",
            }),
            known: Some(json!({ "id": APNS_KEY, "public_key": apns.public_key_pem() })),
        },
        Account {
            channel: Channel::Fcm,
            upload: json!({
                "type": "service_account", "project_id": "try-out", "private_key_id": "k1",
                "client_email": FCM_ACCOUNT, "private_key": fcm.serialize_pem(),
                "token_uri": "https://oauth2.googleapis.com/token",
            }),
            known: Some(json!({ "id": FCM_ACCOUNT, "public_key": fcm.public_key_pem() })),
        },
        Account { channel: Channel::WebPush, upload: json!({ "subject": "mailto:ops@demo.example" }), known: None },
    ])
}

fn with_secrets() -> Vec<Account> {
    let account = |channel, upload, id: &str, secret: &str| {
        let known = Some(json!({ "id": id, "secret": secret }));
        Account { channel, upload, known }
    };
    let huawei = json!({
        "app_id": "101300999", "client_id": "101300999", "client_secret": "hw-secret", "api": "v1",
        "callback_user": "demo-user", "callback_secret": "demo-callback-secret",
    });
    let honor = json!({ "app_id": "104436234", "client_id": "honor-client", "client_secret": "honor-secret" });
    let xiaomi = json!({ "app_secret": "xmsecret", "package": PACKAGE });
    let oppo = json!({ "app_key": "oppo-app-key", "master_secret": "oppo-master-secret" });
    let vivo = json!({ "app_id": "10004", "app_key": "vivo-app-key", "app_secret": "vivo-app-secret" });
    let meizu = json!({
        "app_id": "10000", "app_secret": "meizu-app-secret", "callback_access_token": "demo-meizu-callback-token",
    });
    vec![
        account(Channel::Huawei, huawei, "101300999", "hw-secret"),
        account(Channel::Honor, honor, "honor-client", "honor-secret"),
        account(Channel::Xiaomi, xiaomi, "demo", "xmsecret"),
        account(Channel::Oppo, oppo, "oppo-app-key", "oppo-master-secret"),
        account(Channel::Vivo, vivo, "10004", "vivo-app-secret"),
        account(Channel::Meizu, meizu, "10000", "meizu-app-secret"),
    ]
}
