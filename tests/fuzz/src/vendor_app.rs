//! An app that has something from every vendor.

use std::sync::LazyLock;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use homing_channels::{Access, Authorization, Credential, Origins, Surroundings, Vendor, vendor};
use homing_domain::{Channel, UnixMillis};
use serde_json::{Value, json};

/// 2026-01-01T00:00:00Z.
pub(crate) const NOW: UnixMillis = UnixMillis(1_767_225_600_000);

/// A vendor, and what the app has from it.
pub(crate) struct App {
    pub(crate) vendor: &'static dyn Vendor,
    pub(crate) credential: Credential,
    /// Made once: to sign takes longer than to read an answer.
    pub(crate) access: Option<Access>,
}

static APPS: LazyLock<Vec<App>> = LazyLock::new(|| {
    uploads()
        .map(|(channel, upload)| {
            let vendor = vendor(channel).expect("each has a vendor");
            let credential = vendor.read_credential(&upload, NOW).expect("the upload can be read");
            let access = access(vendor, &credential);
            App { vendor, credential, access }
        })
        .into()
});

/// The vendor that a byte names: `0` is the first, so that seeds can be typed.
pub(crate) fn app(byte: u8) -> &'static App {
    &APPS[usize::from(byte.wrapping_sub(b'0')) % APPS.len()]
}

fn access(vendor: &dyn Vendor, credential: &Credential) -> Option<Access> {
    let origins = &Origins::production();
    let around = Surroundings { credential, access: None, origins, now: NOW, callback_url: None, random: [7; 64] };
    match vendor.authorize(&around).expect("the credential is the vendor's") {
        Authorization::Static => None,
        Authorization::Signed(access) => Some(access),
        Authorization::Ask(_) => Some(Access { token: "token".to_owned().into(), since: NOW, renew_at: NOW }),
    }
}

fn uploads() -> [(Channel, Value); 10] {
    let p256 = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key can be made");
    let p256 = pem(p256.to_pkcs8v1().expect("and written").as_ref());
    let rsa = KeyPair::generate(KeySize::Rsa2048).expect("a key can be made");
    let rsa: Pkcs8V1Der<'_> = rsa.as_der().expect("and written");
    let rsa = pem(rsa.as_ref());
    let meizu = json!({"app_id": "1", "app_secret": "s"});
    let guarded = json!({"app_id": "1", "app_secret": "s", "callback_access_token": "t"});
    [
        (
            Channel::Apns,
            json!({"team_id": "T", "key_id": "K", "bundle_id": "com.example.demo", "key": p256, "environment": "sandbox"}),
        ),
        (Channel::Fcm, json!({"project_id": "demo", "client_email": "a@b.example", "private_key": rsa})),
        (Channel::Huawei, json!({"app_id": "1", "client_id": "1", "client_secret": "s"})),
        (Channel::Honor, json!({"app_id": "1", "client_id": "1", "client_secret": "s"})),
        (Channel::Xiaomi, json!({"app_secret": "s", "package": "com.example.demo"})),
        (Channel::Oppo, json!({"app_key": "k", "master_secret": "s"})),
        (Channel::Vivo, json!({"app_id": 1, "app_key": "k", "app_secret": "s"})),
        (Channel::Meizu, meizu),
        (Channel::WebPush, json!({"subject": "mailto:a@b.example", "private_key": p256})),
        (Channel::Meizu, guarded),
    ]
}

fn pem(der: &[u8]) -> String {
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der))
}
