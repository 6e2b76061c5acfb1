//! Registers the devices and says who they are.

use std::time::Duration;

use anyhow::Result;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use homing_contract::http::v1::{BindUser, PlatformName, RegisterDevice, RegisteredDevice, SetTags};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::people::People;
use crate::client::{ApiClient, AppKeys, ClientError};

/// Devices that are being registered at the same time.
const IN_FLIGHT: usize = 64;
/// Pause after "not so fast".
const AGAIN_AFTER: Duration = Duration::from_millis(200);
/// Pauses of one request before giving up: a minute.
const PAUSES_MAX: u32 = 300;

/// The devices to be.
pub(super) struct Population<'a> {
    pub(super) api: ApiClient,
    pub(super) keys: AppKeys,
    pub(super) people: &'a People,
}

impl Population<'_> {
    /// Registers all of them, in the order of their numbers.
    pub(super) async fn register(&self) -> Result<Vec<(u32, RegisteredDevice)>> {
        let bar = progress("registered", self.people.devices.into());
        let one = |number| {
            let bar = bar.clone();
            async move {
                let device = self.register_one(number).await?;
                bar.inc(1);
                anyhow::Ok((number, device))
            }
        };
        let registered = stream::iter(0..self.people.devices).map(one).buffered(IN_FLIGHT).try_collect().await;
        bar.finish();
        registered
    }

    async fn register_one(&self, number: u32) -> Result<RegisteredDevice> {
        let request = RegisterDevice::new(PlatformName::Other);
        let device: RegisteredDevice =
            patiently(|| self.api.post("/v1/devices", &self.keys.client_key, &request)).await?;
        let id = &device.device_id;
        if let Some(user_id) = self.people.user(number) {
            self.put(&format!("/v1/devices/{id}/user"), &BindUser { user_id }).await?;
        }
        let tags = self.people.tags(number);
        if !tags.is_empty() {
            self.put(&format!("/v1/devices/{id}/tags"), &SetTags { tags }).await?;
        }
        Ok(device)
    }

    async fn put<B: Serialize + Sync>(&self, path: &str, body: &B) -> Result<(), ClientError> {
        let _: Value = patiently(|| self.api.put(path, &self.keys.server_key, body)).await?;
        Ok(())
    }
}

/// Repeats a request that came too fast.
async fn patiently<T: DeserializeOwned, F>(mut request: impl FnMut() -> F) -> Result<T, ClientError>
where
    F: Future<Output = Result<T, ClientError>>,
{
    let mut pauses = 0;
    loop {
        match request().await {
            Err(ClientError::Refused { status, .. })
                if status == http::StatusCode::TOO_MANY_REQUESTS && pauses < PAUSES_MAX =>
            {
                pauses += 1;
                tokio::time::sleep(AGAIN_AFTER).await;
            }
            answer => return answer,
        }
    }
}

/// A bar for the person who waits; nothing where nobody watches.
pub(super) fn progress(what: &'static str, all: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:>10} {wide_bar} {pos}/{len} {per_sec} {eta}");
    ProgressBar::new(all).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())).with_message(what)
}
