//! `homing device subscribe`: a Web Push endpoint for a device at the command line.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use homing_contract::http::v1::{SubscribeWebPush, WebPushSubscribed};
use homing_device_sdk::WebPushKeys;

use super::credentials;
use crate::client::write_private;
use crate::command::context::Surroundings;
use crate::command::table;

pub(super) async fn run(
    here: &Surroundings,
    file: Option<PathBuf>,
    application_server_key: Option<String>,
    subscription: u32,
) -> Result<()> {
    let (file, registered) = credentials(here, file)?;
    let keys = match kept_keys(&file)? {
        Some(keys) => keys,
        None => make_keys(&file)?,
    };
    let path = format!("/v1/devices/{}/web-push-subscriptions", registered.device_id);
    let request = SubscribeWebPush { subscription, application_server_key };
    let subscribed: WebPushSubscribed = here.api.post(&path, &registered.device_secret, &request).await?;
    // As `JSON.stringify(subscription)` gives it in a browser: to be handed to a library as it is.
    table::line(keys.subscription_json(&subscribed.endpoint))
}

/// The keys of a device's subscriptions lie beside its credentials.
fn keys_file(device: &Path) -> PathBuf {
    device.with_extension("webpush")
}

/// The keys that a device has; none if it never subscribed.
pub(super) fn kept_keys(device: &Path) -> Result<Option<WebPushKeys>> {
    let path = keys_file(device);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("{} cannot be read", path.display())),
    };
    let keys = bytes.as_slice().try_into().ok().and_then(|bytes| WebPushKeys::from_bytes(bytes).ok());
    keys.map(Some).with_context(|| format!("{} holds no keys of a subscription", path.display()))
}

fn make_keys(device: &Path) -> Result<WebPushKeys> {
    let (keys, path) = (WebPushKeys::generate(), keys_file(device));
    write_private(&path, &keys.to_bytes()[..]).with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(keys)
}
