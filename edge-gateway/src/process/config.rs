//! The settings as a value. All that is wrong is reported at once.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use homing_credentials::{DeviceKeys, FleetSecret, decode_32};
use homing_domain::ServerId;
use homing_store_aws::AwsSettings;

use super::error::ProcessError;
use super::files;
use super::setting::{Environment, Sources};
use crate::config::{AdmissionLimits, GatewayConfig};

/// Which of the fleet's device keys new devices get.
const DEVICE_KEY: u32 = 1;

/// How logs are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For a person at a terminal.
    #[default]
    Human,
    /// One JSON object per line.
    Json,
}

/// Everything the process needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// The gateway itself.
    pub gateway: GatewayConfig,
    /// Which AWS resources it uses.
    pub aws: AwsSettings,
    /// Certificate chain, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
    /// Where admin requests are answered; `None` = nowhere.
    pub admin_listen: Option<SocketAddr>,
    /// The bearer token of admin requests from elsewhere.
    pub admin_token: Option<String>,
    /// Over which time devices move when the process is told to stop; `None` = as their number suggests.
    pub drain_spread: Option<Duration>,
    /// How long a stop waits for them.
    pub drain_within: Duration,
    /// How long the links that remain may take to end.
    pub stop_within: Duration,
    /// How logs are written.
    pub log_format: LogFormat,
    /// Which logs are written: a `tracing` filter.
    pub log_filter: String,
}

impl Config {
    /// Reads this process's command line, its environment, and the file that one of them names.
    ///
    /// # Errors
    /// [`ProcessError`] with everything that is wrong.
    pub fn of_process(environment: &Environment) -> Result<Self, ProcessError> {
        Self::read(std::env::args_os(), environment)
    }

    /// Reads a given command line, the program's name first.
    ///
    /// # Errors
    /// [`ProcessError`] with everything that is wrong.
    pub fn read<I, T>(arguments: I, environment: &Environment) -> Result<Self, ProcessError>
    where
        I: IntoIterator<Item = T>,
        T: Into<std::ffi::OsString> + Clone,
    {
        let mut reader = Reader { sources: Sources::read(arguments, environment)? };
        let fleet_secret = reader.fleet_secret()?;
        let server_id = reader.server_id()?;
        let keys = DeviceKeys::derived(&fleet_secret, DEVICE_KEY);
        let listen = reader.address("listen");
        let gateway = GatewayConfig {
            advertise_host: reader.needed("advertise-host"),
            advertise_port: reader.optional_number("advertise-port", 1..=65_535).and_then(|port| port.try_into().ok()),
            region: reader.text("region"),
            admission: AdmissionLimits {
                max_links: reader.number("max-links", 1..=4_000_000),
                handshakes_per_second: reader.number("handshakes-per-second", 1..=1_000_000),
                handshakes_per_address_per_second: reader.number("handshakes-per-address-per-second", 1..=1_000_000),
                ..AdmissionLimits::default()
            },
            receipts_linger: reader.number("receipts-linger-millis", 0..=1_000).into(),
            store_calls: reader.number("store-calls", 1..=65_536) as usize,
            notice_receivers: reader.number("notice-receivers", 1..=64) as usize,
            ..GatewayConfig::new(listen, server_id, fleet_secret, keys)
        };
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        let config = Self {
            gateway,
            aws: AwsSettings::from_lookup(|name| environment.variable(name)),
            certificate: reader.needed("certificate").into(),
            key: reader.needed("key").into(),
            admin_listen: (reader.text("admin-listen") != "off").then(|| reader.address("admin-listen")),
            admin_token: Some(reader.text("admin-token")).filter(|token| !token.is_empty()),
            drain_spread: reader.optional_number("drain-spread-seconds", 0..=3_600).map(seconds),
            drain_within: seconds(reader.number("drain-within-seconds", 0..=7_200)),
            stop_within: seconds(reader.number("stop-within-seconds", 1..=600)),
            log_format: reader.log_format(),
            log_filter: reader.text("log-filter"),
        };
        let errors = reader.sources.errors;
        if errors.is_empty() { Ok(config) } else { Err(ProcessError::Configuration(errors)) }
    }
}

/// Turns texts into values and collects what is wrong.
struct Reader {
    sources: Sources,
}

impl Reader {
    fn wrong(&mut self, name: &str, what: &str) {
        let origin = self.sources.find(name).origin;
        self.sources.errors.push(format!("{name} ({origin}): {what}"));
    }

    fn text(&self, name: &str) -> String {
        self.sources.find(name).value.trim().to_owned()
    }

    fn needed(&mut self, name: &str) -> String {
        let text = self.text(name);
        if text.is_empty() {
            self.wrong(name, "must be set");
        }
        text
    }

    fn address(&mut self, name: &str) -> SocketAddr {
        let text = self.text(name);
        text.parse().unwrap_or_else(|_| {
            self.wrong(name, &format!("{text:?} is not an address with a port, as 0.0.0.0:7443 or [::]:7443"));
            SocketAddr::from(([127, 0, 0, 1], 0))
        })
    }

    fn number(&mut self, name: &str, range: RangeInclusive<u32>) -> u32 {
        let text = self.text(name);
        match text.replace('_', "").parse() {
            Ok(number) if range.contains(&number) => number,
            _ => {
                self.wrong(name, &format!("{text:?} is not a number from {} to {}", range.start(), range.end()));
                *range.start()
            }
        }
    }

    fn optional_number(&mut self, name: &str, range: RangeInclusive<u32>) -> Option<u32> {
        (!self.text(name).is_empty()).then(|| self.number(name, range))
    }

    fn fleet_secret(&mut self) -> Result<FleetSecret, ProcessError> {
        let file = self.text("fleet-secret-file");
        let text = if file.is_empty() { self.text("fleet-secret") } else { files::read_text(file.as_ref())? };
        let name = if file.is_empty() { "fleet-secret" } else { "fleet-secret-file" };
        let secret = decode_32(text.trim()).unwrap_or_else(|_| {
            // Never what it holds.
            self.wrong(name, "must be 32 bytes in base64url, the same in the whole installation");
            [0; 32]
        });
        Ok(FleetSecret::new(secret))
    }

    fn server_id(&mut self) -> Result<ServerId, ProcessError> {
        let (text, directory) = (self.text("server-id"), self.text("state-dir"));
        if text.is_empty() && !directory.is_empty() {
            return files::kept_server_id(directory.as_ref());
        }
        if text.is_empty() {
            self.wrong("server-id", "must be set, or state-dir, where one of its own is kept");
            return Ok(ServerId([0; 8]));
        }
        Ok(text.parse().unwrap_or_else(|()| {
            self.wrong("server-id", &format!("{text:?} is not 0x and 16 hexadecimal digits"));
            ServerId([0; 8])
        }))
    }

    fn log_format(&mut self) -> LogFormat {
        match self.text("log-format").as_str() {
            "json" => LogFormat::Json,
            "human" => LogFormat::Human,
            other => {
                self.wrong("log-format", &format!("{other:?} is neither human nor json"));
                LogFormat::Human
            }
        }
    }
}

#[cfg(test)]
mod tests;
