//! Waiting for the server and the vendors to come so far, and what the server says in the end.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use homing::client::ApiClient;
use serde_json::Value;

use super::CHANNELS;
use super::played::Played;
use crate::audience::look_again;
use crate::device::now_millis;
use crate::vendor_record::{Addressee, Balances, Numbers, Told};

/// Everything of the demonstration comes so far within this.
const WITHIN: Duration = Duration::from_secs(240);
/// Nothing more is on its way when the vendors counted nothing new for so many looks: late receipts come after three seconds.
const QUIET_LOOKS: u32 = 60;
/// Questions under way at the same time.
const IN_FLIGHT: usize = 32;

/// The business system's view of the server.
pub(super) struct Reader<'a> {
    pub(super) api: &'a ApiClient,
    pub(super) server_key: &'a str,
}

impl Reader<'_> {
    /// What the server says of a message; `None` while it is away.
    async fn view(&self, message: &str) -> Option<Value> {
        self.api.get(&format!("/v1/messages/{message}"), self.server_key).await.ok()
    }

    /// Waits until at most so many devices of a message are pending.
    pub(super) async fn settled(&self, message: &str, pending_max: i64, devices: usize) -> Result<()> {
        let devices = i64::try_from(devices)?;
        let waited = tokio::time::timeout(WITHIN, async {
            loop {
                if let Some(view) = self.view(message).await {
                    let number = |name: &str| view["balance"][name].as_i64().unwrap_or(-1);
                    if number("targeted") == devices && number("pending") <= pending_max {
                        return;
                    }
                }
                look_again().await;
            }
        });
        if waited.await.is_err() {
            bail!("{message} did not settle: {:?}", self.view(message).await);
        }
        Ok(())
    }

    /// Everything that the checker wants to know.
    pub(super) async fn tell(&self, messages: &[String], devices: &[Addressee]) -> Result<Told> {
        let mut told = Told::default();
        for message in messages {
            let view = self.view(message).await.context("the server does not answer")?;
            let mut by_channel = BTreeMap::new();
            for channel in CHANNELS {
                let numbers = view["channels"].get(channel).cloned();
                by_channel.insert(
                    channel.to_owned(),
                    numbers.map_or_else(|| Ok(Numbers::default()), serde_json::from_value)?,
                );
            }
            let all = serde_json::from_value(view["balance"].clone())?;
            told.balances.insert(message.clone(), Balances { all, by_channel });
        }
        let addressed = stream::iter(devices).map(|device| self.address_of(device)).buffer_unordered(IN_FLIGHT);
        told.addressed = addressed.try_filter_map(async |device| Ok(device)).try_collect().await?;
        for message in messages {
            let silent = stream::iter(devices).map(|device| self.silence(message, device)).buffer_unordered(IN_FLIGHT);
            let silent: Vec<_> = silent.try_filter_map(async |pair| Ok(pair)).try_collect().await?;
            told.silent.extend(silent);
        }
        Ok(told)
    }

    /// The device's id if it has an address at a vendor.
    async fn address_of(&self, device: &Addressee) -> Result<Option<String>> {
        let id = &device.device_id;
        let row: Value = self.api.get(&format!("/v1/devices/{id}"), self.server_key).await?;
        Ok(row["vendor"].is_object().then(|| id.clone()))
    }

    async fn silence(&self, message: &str, device: &Addressee) -> Result<Option<(String, String)>> {
        let id = &device.device_id;
        let path = format!("/v1/messages/{message}/trace?device={id}");
        let trace: Value = self.api.get(&path, self.server_key).await?;
        Ok((trace["reason"] == "vendor_silent").then(|| (message.to_owned(), id.clone())))
    }
}

/// Waits until the vendors took so many pushes.
pub(super) async fn accepted(played: &Played, wanted: u64) -> Result<()> {
    let waited = tokio::time::timeout(WITHIN, async {
        while played.accepted().await? < wanted {
            look_again().await;
        }
        anyhow::Ok(())
    });
    waited.await.with_context(|| format!("the vendors never took {wanted} pushes"))?
}

/// Lets time pass: something lasts so long by the clock of the demonstration.
pub(super) async fn pass(time: Duration) {
    let until = now_millis() + u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    while now_millis() < until {
        look_again().await;
    }
}

/// Waits until the vendors have nothing more to ask or tell.
pub(super) async fn quiet(played: &Played) -> Result<()> {
    let waited = tokio::time::timeout(WITHIN, async {
        let (mut before, mut looks) = (played.counts().await?, 0);
        while looks < QUIET_LOOKS {
            look_again().await;
            let now = played.counts().await?;
            looks = if now == before { looks + 1 } else { 0 };
            before = now;
        }
        anyhow::Ok(())
    });
    waited.await.context("the vendors did not come to rest")?
}
