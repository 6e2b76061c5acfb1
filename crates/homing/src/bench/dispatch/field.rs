//! What the measurements need: vendors, a server that asks them, apps with accounts, devices with addresses.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use homing_contract::http::v1::{
    AppCreated, AudienceRequest, ChannelPolicyRequest, DeliveryName, MessageView, OptionsRequest, PlatformName,
    PushAccepted, PushRequest, RegisterDevice, RegisteredDevice, VendorAddress,
};
use homing_domain::Channel;
use homing_vendor_simulator::Counts;
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Map, Value};

use super::log::VendorLog;
use crate::arguments::BenchArguments;
use crate::bench::target::{REGISTRATIONS_IN_FLIGHT, Target, create_app};
use crate::client::write_private;
use crate::process::vendors::{Account, VendorsCommand, VendorsProcess, accounts};

/// Bytes of the app's own data in each push.
const FILLING: usize = 200;
/// How long the vendors may take a push; nothing is measured that long.
const TTL_SECONDS: i64 = 60;
/// Requests a second that no vendor is asked with here: what binds is the server.
const NO_LIMIT: u32 = 1_000_000;
/// Half of the vendors are told our message id only beside the address that receipts go to. None is posted while it is measured.
const PUBLIC_URL: &str = "https://receipts.bench.example";
/// Longer than any run.
const RECEIPTS_DELAY: Duration = Duration::from_secs(24 * 3_600);
/// Between two looks at a vendor's counts or at a message.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A vendor that is played.
pub(super) struct Played {
    pub(super) channel: Channel,
    pub(super) process: VendorsProcess,
    pub(super) log: VendorLog,
    account: Account,
}

/// An app that may send to vendors.
pub(super) struct App {
    server_key: String,
    client_key: String,
}

pub(super) struct Field {
    pub(super) target: Target,
    pub(super) vendors: Vec<Played>,
    directory: PathBuf,
}

impl Field {
    /// Starts a process for each vendor, and the server.
    pub(super) async fn prepare(arguments: &BenchArguments) -> Result<Self> {
        let parent = arguments.data_dir.clone().unwrap_or_else(std::env::temp_dir);
        let directory = parent.join(format!("homing-bench-vendors-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(&directory)?;
        let (certificate, key) = make_certificate(&directory)?;
        let mut vendors = Vec::new();
        for account in accounts()? {
            let (channel, log) = (account.channel, directory.join(format!("{}.jsonl", account.channel)));
            std::fs::File::create(&log)?;
            let tls = Some((certificate.clone(), key.clone()));
            let program = std::env::current_exe()?;
            let command = VendorsCommand { program, log: log.clone(), receipts_delay: RECEIPTS_DELAY, tls };
            let process = command.start().await?;
            if let Some(known) = &account.known {
                process.put_credential(channel.name(), known).await?;
            }
            vendors.push(Played { channel, process, log: VendorLog::new(log), account });
        }
        let origins: Vec<_> =
            vendors.iter().map(|played| format!("{0}={1}/{0}", played.channel, played.process.url)).collect();
        let flags = [
            ("--public-url", PUBLIC_URL.to_owned()),
            ("--vendors-origins", origins.join(",")),
            ("--outbound-ca", certificate.to_str().context("the data directory's name is no text")?.to_owned()),
        ];
        let flags = flags.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]).collect();
        let target = Target::start_child(arguments, flags).await?;
        Ok(Self { target, vendors, directory })
    }

    /// An app with an account at each vendor of `channels`, which are asked as fast as it goes; one perhaps at a rate.
    pub(super) async fn app(&self, channels: &[Channel], paced: Option<(Channel, u32)>) -> Result<App> {
        let (api, admin) = (&self.target.api, &*self.target.admin);
        let app: AppCreated = create_app(api, admin).await?;
        for played in self.vendors.iter().filter(|played| channels.contains(&played.channel)) {
            let path = format!("/v1/apps/{}/channels/{}", app.app.id, played.channel);
            let _: Value = api.put(&path, admin, &played.account.upload).await.with_context(|| path.clone())?;
            let rate = paced.filter(|(channel, _)| *channel == played.channel).map_or(NO_LIMIT, |(_, rate)| rate);
            let policy = ChannelPolicyRequest {
                per_second: Some(rate),
                burst: Some(rate),
                max_ms: Some(2_000),
                ..ChannelPolicyRequest::default()
            };
            let path = format!("{path}/policy");
            let _: Value = api.put(&path, admin, &policy).await.with_context(|| path.clone())?;
        }
        Ok(App { server_key: app.server_key, client_key: app.client_key })
    }

    /// Registers devices with addresses at a vendor. Their model is the vendor's name, by which they are found.
    pub(super) async fn register(&self, app: &App, channel: Channel, devices: u32) -> Result<Vec<String>> {
        let tokens: Vec<String> = match channel {
            Channel::WebPush => {
                let made = self.vendor(channel)?.process.subscriptions(devices).await?;
                made.iter().map(Value::to_string).collect()
            }
            _ => (0..devices).map(|number| token(channel, number)).collect(),
        };
        if tokens.len() != devices as usize {
            bail!("{channel} has only {} devices", tokens.len());
        }
        let platform = match channel {
            Channel::Apns => PlatformName::Ios,
            Channel::WebPush => PlatformName::Web,
            _ => PlatformName::Android,
        };
        let one = |token: String| {
            let mut request = RegisterDevice::new(platform);
            request.model = Some(channel.name().to_owned());
            request.vendor = Some(VendorAddress { channel: channel.name().to_owned(), token });
            async move { self.target.register_one(&app.client_key, &request).await }
        };
        let registered = stream::iter(tokens).map(one).buffer_unordered(REGISTRATIONS_IN_FLIGHT);
        let registered: Vec<RegisteredDevice> = registered.try_collect().await?;
        Ok(registered.into_iter().map(|device| device.device_id).collect())
    }

    /// Pushes to the vendors of an audience; the message's id.
    pub(super) async fn push(&self, app: &App, audience: AudienceRequest) -> Result<String> {
        let data = Map::from_iter([("filling".to_owned(), Value::from("x".repeat(FILLING)))]);
        let options = OptionsRequest {
            delivery: Some(DeliveryName::VendorOnly),
            ttl_seconds: Some(TTL_SECONDS),
            ..OptionsRequest::default()
        };
        let mut request = PushRequest { audience, data: Some(data), options: Some(options), ..PushRequest::default() };
        request.notification =
            Some(serde_json::from_value(serde_json::json!({ "title": "bench", "body": "vendors" }))?);
        let key = uuid::Uuid::new_v4().to_string();
        let accepted: PushAccepted = self.target.api.push(&app.server_key, &key, &request).await?;
        Ok(accepted.message_id)
    }

    /// Waits until nobody of a message is pending; how many were handed to a vendor.
    pub(super) async fn settled(&self, app: &App, message: &str, devices: u32, within: Duration) -> Result<i64> {
        let path = format!("/v1/messages/{message}");
        let waited = tokio::time::timeout(within, async {
            loop {
                let view: MessageView = self.target.api.get(&path, &app.server_key).await?;
                if view.balance.targeted == i64::from(devices) && view.balance.pending == 0 {
                    return anyhow::Ok(view.balance.handed_off);
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        });
        waited.await.with_context(|| format!("a message did not settle within {} s", within.as_secs()))?
    }

    /// What a vendor counted.
    pub(super) async fn counts(&self, channel: Channel) -> Result<Counts> {
        let mut counts = self.vendor(channel)?.process.counts().await?;
        counts.remove(channel.name()).context("a vendor without counts")
    }

    pub(super) fn vendor(&self, channel: Channel) -> Result<&Played> {
        self.vendors.iter().find(|played| played.channel == channel).context("a vendor that is not played")
    }

    /// Ends everything, and removes what was written.
    pub(super) async fn clear(self) -> Result<()> {
        self.target.stop().await?;
        for played in self.vendors {
            played.process.end().await?;
        }
        Ok(std::fs::remove_dir_all(&self.directory)?)
    }
}

fn token(channel: Channel, number: u32) -> String {
    match channel {
        Channel::Apns => format!("a9{number:062x}"),
        Channel::Oppo => format!("CN_{number:032x}"),
        _ => format!("{channel}-token-{number:06}"),
    }
}

/// A certificate that the vendors show, and the server is told to trust.
fn make_certificate(directory: &Path) -> Result<(PathBuf, PathBuf)> {
    let (certificate, key) = (directory.join("vendors.pem"), directory.join("vendors.key"));
    let pair = KeyPair::generate()?;
    let made = CertificateParams::new(vec!["127.0.0.1".to_owned()])?.self_signed(&pair)?;
    std::fs::write(&certificate, made.pem())?;
    write_private(&key, pair.serialize_pem().as_bytes())?;
    Ok((certificate, key))
}
