//! What the app has from each vendor: uploaded to the server, and known to the vendor by its public half.

use std::time::Duration;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use homing::client::ApiClient;
use p12_keystore::{Certificate, KeyStore, KeyStoreEntry, PrivateKey, PrivateKeyChain};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_RSA_SHA256, RsaKeySize, date_time_ymd};
use serde_json::{Value, json};

use super::played::Played;

/// The password of the certificate's file.
const PASSWORD: &str = "demo";
/// The user name that Huawei signs receipts with.
const CALLBACK_USER: &str = "demo-user";
const CALLBACK_SECRET: &str = "demo-callback-secret";
const MEIZU_CALLBACK_TOKEN: &str = "demo-meizu-callback-token";

/// The operator's side.
pub(super) struct Operator<'a> {
    pub(super) api: &'a ApiClient,
    pub(super) admin: &'a str,
    pub(super) app: &'a str,
}

impl Operator<'_> {
    /// Uploads a credential; where its vendor is to send receipts.
    async fn set(&self, channel: &str, upload: &Value) -> Result<Option<String>> {
        let path = format!("/v1/apps/{}/channels/{channel}", self.app);
        let set: Value = self.api.put(&path, self.admin, upload).await.with_context(|| path.clone())?;
        Ok(set["receipt_url"].as_str().map(str::to_owned))
    }

    /// How a vendor is asked from now on.
    pub(super) async fn set_policy(&self, channel: &str, policy: &Value) -> Result<()> {
        let path = format!("/v1/apps/{}/channels/{channel}/policy", self.app);
        let _: Value = self.api.put(&path, self.admin, policy).await.with_context(|| path.clone())?;
        Ok(())
    }

    /// Uploads all nine.
    pub(super) async fn set_all(&self, played: &Played) -> Result<()> {
        self.set_with_keys(played).await?;
        self.set_with_secrets(played).await
    }

    async fn set_with_keys(&self, played: &Played) -> Result<()> {
        let (apns, fcm) = (KeyPair::generate()?, KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?);
        let upload = json!({
            "team_id": "TEAM123456", "key_id": "KEY1234567", "bundle_id": "com.example.demo",
            "key": apns.serialize_pem(), "environment": "production",
        });
        self.set("apns", &upload).await?;
        let known = json!({ "id": "KEY1234567", "public_key": apns.public_key_pem() });
        played.put("apns", "credentials", &known).await?;
        let email = "push@demo-project.iam.gserviceaccount.com";
        let upload = json!({
            "type": "service_account", "project_id": "demo-project", "private_key_id": "k1", "client_email": email,
            "private_key": fcm.serialize_pem(), "token_uri": "https://oauth2.googleapis.com/token",
        });
        self.set("fcm", &upload).await?;
        played.put("fcm", "credentials", &json!({ "id": email, "public_key": fcm.public_key_pem() })).await?;
        self.set("webpush", &json!({ "subject": "mailto:ops@demo.example" })).await?;
        Ok(())
    }

    async fn set_with_secrets(&self, played: &Played) -> Result<()> {
        let upload = json!({
            "app_id": "101300999", "client_id": "101300999", "client_secret": "hw-secret", "api": "v1",
            "callback_user": CALLBACK_USER, "callback_secret": CALLBACK_SECRET,
        });
        let url = self.set("huawei", &upload).await?.context("huawei has receipts")?;
        played.put("huawei", "credentials", &json!({ "id": "101300999", "secret": "hw-secret" })).await?;
        let callback = json!({ "url": url, "user_name": CALLBACK_USER, "secret": CALLBACK_SECRET });
        played.put("huawei", "callback", &callback).await?;

        let upload = json!({ "app_id": "104436234", "client_id": "honor-client", "client_secret": "honor-secret" });
        let url = self.set("honor", &upload).await?.context("honor has receipts")?;
        played.put("honor", "credentials", &json!({ "id": "honor-client", "secret": "honor-secret" })).await?;
        played.put("honor", "callback", &json!({ "url": url })).await?;

        self.set("xiaomi", &json!({ "app_secret": "xmsecret", "package": "com.example.demo" })).await?;
        played.put("xiaomi", "credentials", &json!({ "id": "demo", "secret": "xmsecret" })).await?;
        self.set("oppo", &json!({ "app_key": "oppo-app-key", "master_secret": "oppo-master-secret" })).await?;
        played.put("oppo", "credentials", &json!({ "id": "oppo-app-key", "secret": "oppo-master-secret" })).await?;
        let upload = json!({ "app_id": "10004", "app_key": "vivo-app-key", "app_secret": "vivo-app-secret" });
        self.set("vivo", &upload).await?;
        played.put("vivo", "credentials", &json!({ "id": "10004", "secret": "vivo-app-secret" })).await?;
        let upload = json!({
            "app_id": "10000", "app_secret": "meizu-app-secret", "callback_access_token": MEIZU_CALLBACK_TOKEN,
        });
        self.set("meizu", &upload).await?;
        played.put("meizu", "credentials", &json!({ "id": "10000", "secret": "meizu-app-secret" })).await?;
        played.put("meizu", "callback", &json!({ "access_token": MEIZU_CALLBACK_TOKEN })).await
    }

    /// Uploads a push certificate that expires at this moment (seconds since 1970).
    pub(super) async fn set_certificate(&self, until: u64) -> Result<()> {
        let upload = json!({
            "certificate": STANDARD.encode(certificate(until)?), "password": PASSWORD,
            "bundle_id": "com.example.demo", "environment": "production",
        });
        self.set("apns", &upload).await?;
        Ok(())
    }
}

/// A `.p12` file with a certificate and its key.
fn certificate(until: u64) -> Result<Vec<u8>> {
    let mut parameters = CertificateParams::default();
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, "Apple Push Services: com.example.demo");
    parameters.distinguished_name = name;
    parameters.not_before = date_time_ymd(2024, 1, 1);
    parameters.not_after = date_time_ymd(1970, 1, 1) + Duration::from_secs(until);
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
    let certificate = Certificate::from_der(parameters.self_signed(&key)?.der())?;
    let chain = PrivateKeyChain::new("demo", PrivateKey::from_der(&key.serialize_der())?, [certificate]);
    let mut store = KeyStore::new();
    store.add_entry("demo", KeyStoreEntry::PrivateKeyChain(chain));
    Ok(store.writer(PASSWORD).write()?)
}
