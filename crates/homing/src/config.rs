//! What can be configured, as a value. Flags win over the environment, that over the file, that over the defaults; all
//! that is wrong is reported at once.

mod outside;
mod setting;
mod source;

use std::net::SocketAddr;
use std::path::PathBuf;

use homing_channels::Origins;
use homing_outbound::{HttpSettings, MailSettings};

pub use setting::{SETTINGS, Setting};
pub use source::{Environment, FileSource, Flags, Source, SourceError};

/// How logs are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For a person at a terminal.
    #[default]
    Human,
    /// One JSON object per line.
    Json,
}

/// A certificate of one's own; without one the development certificate is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// PEM, the leaf first.
    pub certificate: PathBuf,
    /// PEM, unencrypted.
    pub key: PathBuf,
}

/// The gateway's part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayPart {
    /// UDP and TCP. Port 0 = any free one.
    pub listen: SocketAddr,
    /// What devices are told to connect to.
    pub advertise_host: String,
    /// Preferred for near devices; empty = none.
    pub region: String,
    /// Links it takes at most.
    pub max_links: u32,
    /// Handshakes per second it takes at most; the burst is as large.
    pub handshakes_per_second: u32,
    /// Handshakes per second of one source address.
    pub handshakes_per_address_per_second: u32,
}

/// What bounds the callbacks of vendors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Callbacks {
    /// Accepted per second of one app's vendor.
    pub per_second: u32,
    /// How long the body of one may take to arrive, in milliseconds.
    pub within: u64,
}

/// A drill: the process kills itself when it passes a point for the n-th time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drill {
    /// Name of the point.
    pub point: String,
    /// At which passing, from 1.
    pub hit: u64,
}

/// Everything `homing serve` needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where all data is kept.
    pub data_dir: PathBuf,
    /// Further names and addresses of the development certificate.
    pub hosts: Vec<String>,
    /// Plain HTTP, on loopback only. `None` = off.
    pub http: Option<SocketAddr>,
    /// HTTPS. `None` = off.
    pub https: Option<SocketAddr>,
    /// Certificate for HTTPS and device links.
    pub certificate: Option<CertificateFiles>,
    /// The gateway.
    pub gateway: GatewayPart,
    /// Items of one queue in work at the same time.
    pub workers: usize,
    /// Accepted requests per second of an app without a quota of its own.
    pub app_quota_per_second: u32,
    /// What bounds the callbacks of vendors.
    pub callbacks: Callbacks,
    /// How long a graceful stop may take, in milliseconds.
    pub stop_within: u64,
    /// `Authorization: Bearer` of `/metrics` for callers that are not on loopback.
    pub metrics_token: Option<String>,
    /// Where vendors and people reach the API, without a slash at its end. `None` = nobody said so.
    pub public_url: Option<String>,
    /// Where vendors' servers are.
    pub vendor_origins: Origins,
    /// How requests to vendors and webhooks are made.
    pub outbound: HttpSettings,
    /// Where mail is handed in. `None` = nowhere: alerts go by webhook alone.
    pub mail: Option<MailSettings>,
    /// Where what vendors would get is written down, for trying things out. `None` = nothing goes by the channel of a vendor
    /// that an app has no credential of.
    pub stand_in_vendor: Option<PathBuf>,
    /// How logs are written.
    pub log_format: LogFormat,
    /// Which logs are written: a `tracing` filter.
    pub log_filter: String,
    /// Kill the own process somewhere.
    pub drill: Option<Drill>,
}

/// Everything that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<String>);

impl std::fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the configuration is wrong:")?;
        self.0.iter().try_for_each(|error| write!(f, "\n  - {error}"))
    }
}

impl std::error::Error for ConfigErrors {}

impl Config {
    /// Reads every setting from the first of `sources` that has it, else its default.
    ///
    /// # Errors
    /// [`ConfigErrors`] with everything that is wrong, each with the setting's name and where its value came from.
    pub fn read(sources: &[&dyn Source]) -> Result<Self, ConfigErrors> {
        let mut reader = setting::Reader::new(sources);
        let config = Self {
            data_dir: reader.path("data_dir"),
            hosts: reader.list("hosts"),
            http: reader.optional_address("http.listen"),
            https: reader.optional_address("https.listen"),
            certificate: reader.certificate(),
            gateway: GatewayPart {
                listen: reader.address("gateway.listen"),
                advertise_host: reader.text("gateway.advertise_host"),
                region: reader.text("gateway.region"),
                max_links: reader.number("gateway.max_links", 1..=4_000_000),
                handshakes_per_second: reader.number("gateway.handshakes_per_second", 1..=1_000_000),
                handshakes_per_address_per_second: reader
                    .number("gateway.handshakes_per_address_per_second", 1..=1_000_000),
            },
            workers: reader.number("workers", 1..=1_024) as usize,
            app_quota_per_second: reader.number("app_quota_per_second", 1..=1_000_000),
            callbacks: Callbacks {
                per_second: reader.number("callbacks.per_second", 1..=1_000_000),
                // A whole request has 15 s.
                within: u64::from(reader.number("callbacks.within_seconds", 1..=14)) * 1_000,
            },
            stop_within: u64::from(reader.number("stop_within_seconds", 1..=600)) * 1_000,
            metrics_token: Some(reader.text("metrics.token")).filter(|token| !token.is_empty()),
            public_url: reader.public_url(),
            vendor_origins: reader.vendor_origins(),
            outbound: reader.outbound(),
            mail: reader.mail(),
            stand_in_vendor: Some(reader.text("stand_in_vendor")).filter(|file| !file.is_empty()).map(PathBuf::from),
            log_format: reader.log_format(),
            log_filter: reader.text("log.filter"),
            drill: reader.drill(),
        };
        if let Some(http) = config.http.filter(|address| !address.ip().is_loopback()) {
            reader.wrong("http.listen", &format!("plain HTTP is for loopback only, {http} is not; use https.listen"));
        }
        if config.http.is_none() && config.https.is_none() {
            reader.wrong("https.listen", "one of http.listen and https.listen must be on");
        }
        let errors = reader.finish();
        if errors.is_empty() { Ok(config) } else { Err(ConfigErrors(errors)) }
    }
}

#[cfg(test)]
mod tests;
