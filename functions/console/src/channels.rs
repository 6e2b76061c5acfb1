//! What apps have from vendors comes and changes.
//!
//! A credential is read as its vendor's contract says before it is stored, and tried out at the vendor if that is wished; it is sealed for its (app, channel), and never shown
//! again. To rotate one is to send the next: whoever asks the vendor notices within the few seconds that it remembers, and
//! messages under way go by either.

use futures_util::future::try_join_all;
use homing_channels::{CheckError, Checked, CredentialError, Vendor, vendor};
use homing_contract::http::Violations;
use homing_credentials::{FleetSecret, NONCE_BYTES, encode, open, receipt_secret, seal};
use homing_domain::{AppId, Channel, ChannelConfig, ChannelCredential, ChannelPolicy, UnixMillis};
use homing_ports::{Entropy, Error, Replaced, VendorChannels};
use homing_web_push::public_of_private;
use serde_json::{Map, Value};

use crate::vendor_desk::CheckCredentials;

#[cfg(test)]
mod tests;

/// Tries before a change gives up: operators rarely change the same channel at the same time.
const TRIES_MAX: usize = 8;
/// Where the key stands in the upload of a Web Push channel.
const WEB_PUSH_KEY: &str = "private_key";

/// A channel is not changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChannelChangeError {
    /// The credential cannot be used.
    #[error("it cannot be used")]
    Invalid(Violations),
    /// Others change it again and again.
    #[error("others change this channel at the same time")]
    Busy,
    /// The vendor does not take it.
    #[error("{0}")]
    Refused(String),
    /// The vendor could not be asked about it.
    #[error("{0}")]
    Unchecked(String),
    /// The stored credential is needed and cannot be read: the fleet secret was replaced.
    #[error("the stored credential cannot be read")]
    Unreadable,
    /// A port call failed.
    #[error(transparent)]
    Port(#[from] Error),
}

/// One vendor's channel of one app.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) app: &'a AppId,
    pub(crate) vendor: &'static dyn Vendor,
}

impl Place<'_> {
    pub(crate) fn channel(&self) -> Channel {
        self.vendor.channel()
    }

    /// What a credential is sealed for.
    fn holder(&self) -> String {
        format!("{}/{}", self.app, self.channel())
    }

    /// A channel of which nothing is set.
    fn unset(&self) -> ChannelConfig {
        ChannelConfig {
            app: self.app.clone(),
            channel: self.channel(),
            credential: None,
            policy: ChannelPolicy::default(),
            revision: 0,
        }
    }
}

/// What sealing needs.
#[derive(Clone, Copy)]
pub(crate) struct Vault<'a> {
    pub(crate) fleet: &'a FleetSecret,
    pub(crate) entropy: &'a dyn Entropy,
}

/// An upload, and what is to be done with it.
#[derive(Clone, Copy)]
pub(crate) struct Uploaded<'a> {
    pub(crate) upload: &'a Map<String, Value>,
    pub(crate) now: UnixMillis,
    /// It is stored; else only checked.
    pub(crate) is_kept: bool,
    /// Who asks the vendor first, if anybody.
    pub(crate) desk: Option<&'a dyn CheckCredentials>,
}

/// Sets a channel's credential; its policy stays. Says how far the vendor was asked. Of Web Push an upload without `private_key` keeps the key that is there,
/// because every browser's subscription hangs on it, and makes one when there is none.
pub(crate) async fn set_credential<P: VendorChannels>(
    ports: &P,
    vault: Vault<'_>,
    place: Place<'_>,
    uploaded: Uploaded<'_>,
) -> Result<(ChannelConfig, Checked), ChannelChangeError> {
    let checked = match uploaded.desk {
        Some(desk) => asked(ports, desk, vault, place, uploaded).await?,
        None => Checked::Parsed,
    };
    let config = change(ports, place, uploaded.is_kept, |config| {
        let upload = completed(vault, place, uploaded.upload, config.credential.as_ref())?;
        config.credential = Some(sealed(vault, place, &Value::Object(upload), uploaded.now)?);
        Ok(())
    })
    .await?;
    Ok((config, checked))
}

/// Sets how a vendor is asked; its credential stays.
pub(crate) async fn set_policy<P: VendorChannels>(
    ports: &P,
    place: Place<'_>,
    policy: ChannelPolicy,
) -> Result<ChannelConfig, ChannelChangeError> {
    change(ports, place, true, |config| {
        config.policy = policy;
        Ok(())
    })
    .await
}

/// Changes what is set, on what is stored by then. Without `is_kept` it is as if.
async fn change<P: VendorChannels>(
    ports: &P,
    place: Place<'_>,
    is_kept: bool,
    change: impl Fn(&mut ChannelConfig) -> Result<(), ChannelChangeError>,
) -> Result<ChannelConfig, ChannelChangeError> {
    for _ in 0..TRIES_MAX {
        let stored = ports.channel_config(place.app, place.channel()).await?;
        let mut config = stored.unwrap_or_else(|| place.unset());
        change(&mut config)?;
        config.revision += 1;
        if !is_kept || ports.replace_channel_config(config.clone()).await? == Replaced::Done {
            return Ok(config);
        }
    }
    Err(ChannelChangeError::Busy)
}

/// How far the vendor takes it.
async fn asked<P: VendorChannels>(
    ports: &P,
    desk: &dyn CheckCredentials,
    vault: Vault<'_>,
    place: Place<'_>,
    uploaded: Uploaded<'_>,
) -> Result<Checked, ChannelChangeError> {
    let stored = ports.channel_config(place.app, place.channel()).await?.and_then(|stored| stored.credential);
    let upload = Value::Object(completed(vault, place, uploaded.upload, stored.as_ref())?);
    let credential = place.vendor.read_credential(&upload, uploaded.now).map_err(|error| invalid(&error))?;
    let mut random = [0; 64];
    for part in random.chunks_mut(16) {
        part.copy_from_slice(&vault.entropy.random_16());
    }
    desk.check(place.vendor, &credential, uploaded.now, random).await.map_err(|error| match error {
        CheckError::Refused(_) => ChannelChangeError::Refused(error.to_string()),
        CheckError::Unanswered(_) => ChannelChangeError::Unchecked(error.to_string()),
    })
}

/// What is set for an app's channels, in the order of [`Channel::ALL`].
pub(crate) async fn channels_of<P: VendorChannels>(ports: &P, app: &AppId) -> Result<Vec<ChannelConfig>, Error> {
    let reads = Channel::ALL.map(|channel| ports.channel_config(app, channel));
    Ok(try_join_all(reads).await?.into_iter().flatten().collect())
}

/// Forgets what an app that goes had from vendors.
pub(crate) async fn delete_channels<P: VendorChannels>(ports: &P, app: &AppId) -> Result<(), Error> {
    try_join_all(Channel::ALL.map(|channel| ports.delete_channel_config(app, channel))).await?;
    Ok(())
}

/// The path that a vendor sends receipts to, with its secret; `None` = it sends none.
pub(crate) fn receipt_path(fleet: &FleetSecret, app: &AppId, channel: Channel) -> Option<String> {
    let sends_receipts = match channel {
        Channel::Huawei | Channel::Honor | Channel::Xiaomi | Channel::Oppo | Channel::Vivo | Channel::Meizu => true,
        Channel::Own | Channel::Apns | Channel::Fcm | Channel::WebPush => false,
    };
    let secret = || receipt_secret(fleet, app.as_str(), channel.name());
    sends_receipts.then(|| format!("/v1/receipts/{channel}/{app}/{}", secret()))
}

/// The upload with what the operator may leave out.
fn completed(
    vault: Vault<'_>,
    place: Place<'_>,
    upload: &Map<String, Value>,
    stored: Option<&ChannelCredential>,
) -> Result<Map<String, Value>, ChannelChangeError> {
    let mut upload = upload.clone();
    if place.channel() != Channel::WebPush || upload.contains_key(WEB_PUSH_KEY) {
        return Ok(upload);
    }
    let key = match stored {
        Some(stored) => {
            let opened = open(vault.fleet, &place.holder(), &stored.sealed).ok();
            let before = opened.and_then(|opened| serde_json::from_slice::<Map<String, Value>>(&opened).ok());
            before.and_then(|mut before| before.remove(WEB_PUSH_KEY)).ok_or(ChannelChangeError::Unreadable)?
        }
        None => new_web_push_key(vault.entropy).into(),
    };
    upload.insert(WEB_PUSH_KEY.to_owned(), key);
    Ok(upload)
}

/// A private key of P-256, as Web Push uploads have it. Of 2^32 random numbers less than one is none: then the next is.
fn new_web_push_key(entropy: &dyn Entropy) -> String {
    loop {
        let private = entropy.random_32();
        if public_of_private(&private).is_ok() {
            return encode(&private);
        }
    }
}

fn sealed(
    vault: Vault<'_>,
    place: Place<'_>,
    upload: &Value,
    now: UnixMillis,
) -> Result<ChannelCredential, ChannelChangeError> {
    let summary = place.vendor.read_credential(upload, now).map_err(|error| invalid(&error))?.summary();
    let mut nonce = [0; NONCE_BYTES];
    nonce.copy_from_slice(&vault.entropy.random_16()[..NONCE_BYTES]);
    let sealed = seal(vault.fleet, &place.holder(), nonce, upload.to_string().as_bytes());
    Ok(ChannelCredential {
        sealed: sealed.into(),
        kind: summary.kind.to_owned(),
        public: summary.public.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        expires_at: summary.expires_at,
        uploaded_at: now,
        warned_days: None,
    })
}

fn invalid(error: &CredentialError) -> ChannelChangeError {
    ChannelChangeError::Invalid(Violations::one(error.code, error.field.clone(), error.message.clone()))
}

/// The vendor of a channel's name.
pub(crate) fn vendor_named(name: &str) -> Option<&'static dyn Vendor> {
    name.parse().ok().and_then(vendor)
}
