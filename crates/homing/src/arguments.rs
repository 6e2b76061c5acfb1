//! The command line's shape.

mod audience;
mod bench;
mod channel;
mod device;
mod message;
mod push;
mod schedule;
mod simulate;
mod vendors;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use homing_ports::QueueName;

pub use audience::{AudienceCommand, ListArguments, ListKind};
pub use bench::{BenchArguments, BenchProfile};
pub use channel::{ChannelCommand, OneChannel, PolicyArguments};
pub use device::{DeviceCommand, ReportArguments, Switch, TransportChoice};
pub use message::{AmendArguments, MessageCommand, NewRate, OneMessage, WatchArguments, WatchUntil};
pub use push::{DeliveryChoice, PushArguments};
pub use schedule::ScheduleArguments;
pub use simulate::{SimulateArguments, TagShare};
pub use vendors::VendorsArguments;

use crate::config::Flags;

/// Homing: push messages to devices wherever they roam.
#[derive(Debug, Parser)]
#[command(name = "homing", version, about, max_term_width = 110)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server: HTTP API, workers and gateway in one process
    Serve(Box<ServeArguments>),
    /// Apps and their keys
    #[command(subcommand)]
    App(AppCommand),
    /// What an app has from the device vendors, and how they are asked
    #[command(subcommand)]
    Channel(ChannelCommand),
    /// Register a device, or be one
    #[command(subcommand)]
    Device(DeviceCommand),
    /// Push a message
    Push(Box<PushArguments>),
    /// What became of a message, and control over one that is on its way
    #[command(subcommand)]
    Message(MessageCommand),
    /// Lists that are uploaded once and pushed to by id
    #[command(subcommand)]
    Audience(AudienceCommand),
    /// Items that were given up, and another try for them
    #[command(subcommand)]
    Dlq(DlqCommand),
    /// Be many devices of an app, for trying things out at scale
    Simulate(Box<SimulateArguments>),
    /// Play the nine device vendors, for trying things out
    Vendors(Box<VendorsArguments>),
    /// Measure a server with simulated devices
    Bench(Box<BenchArguments>),
}

/// Flags of `serve`: each overrides the environment's and the file's value of the setting of its name.
#[derive(Debug, Default, Args)]
pub struct ServeArguments {
    /// Configuration file (TOML)
    #[arg(long, env = "HOMING_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where all data is kept [default: ./data]
    #[arg(long, value_name = "DIRECTORY")]
    pub data_dir: Option<String>,
    /// Further names of the development certificate, comma-separated
    #[arg(long, value_name = "NAMES")]
    pub hosts: Option<String>,
    /// Plain HTTP, loopback only, or "off" [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    pub http_listen: Option<String>,
    /// HTTPS, or "off" [default: 0.0.0.0:8443]
    #[arg(long, value_name = "ADDRESS")]
    pub https_listen: Option<String>,
    /// Own certificate chain (PEM)
    #[arg(long, value_name = "FILE")]
    pub tls_certificate: Option<String>,
    /// Its private key (PEM)
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<String>,
    /// Device links, UDP and TCP [default: 0.0.0.0:7443]
    #[arg(long, value_name = "ADDRESS")]
    pub gateway_listen: Option<String>,
    /// The host name that devices are told [default: localhost]
    #[arg(long, value_name = "HOST")]
    pub gateway_advertise_host: Option<String>,
    /// Devices of this region prefer this gateway
    #[arg(long, value_name = "REGION")]
    pub gateway_region: Option<String>,
    /// Device links it takes at most [default: 200000]
    #[arg(long, value_name = "LINKS")]
    pub gateway_max_links: Option<String>,
    /// New links per second, all together [default: 2000]
    #[arg(long, value_name = "RATE")]
    pub gateway_handshakes_per_second: Option<String>,
    /// New links per second from one address [default: 100]
    #[arg(long, value_name = "RATE")]
    pub gateway_handshakes_per_address_per_second: Option<String>,
    /// Items of one queue in work at the same time [default: 32]
    #[arg(long, value_name = "N")]
    pub workers: Option<String>,
    /// Requests per second of an app without a quota of its own [default: 10000]
    #[arg(long, value_name = "RATE")]
    pub app_quota_per_second: Option<String>,
    /// Callbacks per second of one app's vendor [default: 5000]
    #[arg(long, value_name = "RATE")]
    pub callbacks_per_second: Option<String>,
    /// How long a callback's body may take to arrive [default: 10]
    #[arg(long, value_name = "SECONDS")]
    pub callbacks_within_seconds: Option<String>,
    /// How long a graceful stop may take [default: 20]
    #[arg(long, value_name = "SECONDS")]
    pub stop_within_seconds: Option<String>,
    /// Bearer token of /metrics for callers not on loopback
    #[arg(long, value_name = "TOKEN")]
    pub metrics_token: Option<String>,
    /// Where vendors reach the API, as `https://push.example.com`: they are told to send receipts there
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
    /// For trying out: vendors elsewhere than in production, NAME=URL,… or one URL that each name is behind
    #[arg(long, value_name = "ORIGINS")]
    pub vendors_origins: Option<String>,
    /// Certificates that are trusted beside the system's for vendors and webhooks (PEM)
    #[arg(long, value_name = "FILE")]
    pub outbound_ca: Option<String>,
    /// Origins of your own that webhooks may lead to, comma-separated; plain HTTP is spoken only there
    #[arg(long, value_name = "ORIGINS")]
    pub outbound_origins: Option<String>,
    /// Where alerts are mailed, as smtp://user:password@host:587 or smtps://…; better set as HOMING_MAIL_SMTP_URL
    #[arg(long, value_name = "URL")]
    pub mail_smtp_url: Option<String>,
    /// Their sender, as "Homing <homing@example.com>"
    #[arg(long, value_name = "ADDRESS")]
    pub mail_from: Option<String>,
    /// For trying out: take what is for the devices' vendors, and append it to this file, one JSON line for each push
    #[arg(long, value_name = "FILE")]
    pub stand_in_vendor: Option<String>,
    /// human or json [default: human]
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<String>,
    /// Which logs are written [default: info]
    #[arg(long, value_name = "FILTER")]
    pub log_filter: Option<String>,
    /// Drill: kill the own process at a point
    #[arg(long, hide = true, value_name = "NAME[:N]")]
    pub fail_point: Option<String>,
}

impl ServeArguments {
    /// The flags that were given, by the names of their settings.
    #[must_use]
    pub fn flags(&self) -> Flags {
        let given = [
            ("data_dir", &self.data_dir),
            ("hosts", &self.hosts),
            ("http.listen", &self.http_listen),
            ("https.listen", &self.https_listen),
            ("tls.certificate", &self.tls_certificate),
            ("tls.key", &self.tls_key),
            ("gateway.listen", &self.gateway_listen),
            ("gateway.advertise_host", &self.gateway_advertise_host),
            ("gateway.region", &self.gateway_region),
            ("gateway.max_links", &self.gateway_max_links),
            ("gateway.handshakes_per_second", &self.gateway_handshakes_per_second),
            ("gateway.handshakes_per_address_per_second", &self.gateway_handshakes_per_address_per_second),
            ("workers", &self.workers),
            ("app_quota_per_second", &self.app_quota_per_second),
            ("callbacks.per_second", &self.callbacks_per_second),
            ("callbacks.within_seconds", &self.callbacks_within_seconds),
            ("stop_within_seconds", &self.stop_within_seconds),
            ("metrics.token", &self.metrics_token),
            ("public_url", &self.public_url),
            ("vendors.origins", &self.vendors_origins),
            ("outbound.ca", &self.outbound_ca),
            ("outbound.origins", &self.outbound_origins),
            ("mail.smtp_url", &self.mail_smtp_url),
            ("mail.from", &self.mail_from),
            ("stand_in_vendor", &self.stand_in_vendor),
            ("log.format", &self.log_format),
            ("log.filter", &self.log_filter),
            ("fail_point", &self.fail_point),
        ];
        let values = given.into_iter().filter_map(|(name, value)| Some((name, value.clone()?)));
        Flags(values.collect::<BTreeMap<_, _>>())
    }
}

/// Which server to talk to, and how to answer.
#[derive(Debug, Clone, Args)]
pub struct ServerArguments {
    /// The server's API
    #[arg(long, env = "HOMING_SERVER", default_value = "http://127.0.0.1:8080", value_name = "URL")]
    pub server: String,
    /// Certificate to trust for https [default: ./data/dev-cert.pem if it is there, else the system's]
    #[arg(long, env = "HOMING_CA", value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Where created keys are kept between commands
    #[arg(long, env = "HOMING_PROFILE", default_value = "homing-profile.json", value_name = "FILE")]
    pub profile: PathBuf,
    /// Print JSON instead of tables
    #[arg(long)]
    pub json: bool,
}

/// An app whose key is used.
#[derive(Debug, Clone, Args)]
pub struct KeyArguments {
    /// The app [default: the last one created or used]
    #[arg(long, env = "HOMING_APP", value_name = "APP")]
    pub app: Option<String>,
    /// Its server key [default: the one in the profile]
    #[arg(long, env = "HOMING_TOKEN", hide_env_values = true, value_name = "KEY")]
    pub token: Option<String>,
}

/// Apps and their keys.
#[derive(Debug, Subcommand)]
pub enum AppCommand {
    /// Create an app and keep its keys in the profile
    Create {
        /// Its id: a-z, 0-9 and -
        app: String,
        /// What people call it [default: its id]
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        admin: AdminArguments,
        #[command(flatten)]
        server: ServerArguments,
    },
    /// List apps
    List {
        #[command(flatten)]
        admin: AdminArguments,
        #[command(flatten)]
        server: ServerArguments,
    },
    /// Make a new server key; the old one stays valid for a while
    RotateKey {
        /// Its id
        app: String,
        /// How long the old key stays valid [default: the server's, a day]
        #[arg(long, value_name = "SECONDS")]
        grace_seconds: Option<u64>,
        #[command(flatten)]
        admin: AdminArguments,
        #[command(flatten)]
        server: ServerArguments,
    },
}

/// The operator.
#[derive(Debug, Clone, Args)]
pub struct AdminArguments {
    /// The token printed at the server's first start
    #[arg(long, env = "HOMING_ADMIN_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub admin_token: Option<String>,
}

/// Items that were given up.
#[derive(Debug, Subcommand)]
pub enum DlqCommand {
    /// List dead letters with the reason why each was given up
    List {
        /// Only of this queue: intake, due, audience, dispatch, receipts or close
        #[arg(long, value_name = "QUEUE", value_parser = queue_name)]
        queue: Option<String>,
        /// How many of each queue
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
        limit: u32,
        #[command(flatten)]
        admin: AdminArguments,
        #[command(flatten)]
        server: ServerArguments,
    },
    /// Send dead letters to their queue again
    Redrive {
        /// Which queue: intake, due, audience, dispatch, receipts or close
        #[arg(long, value_name = "QUEUE", value_parser = queue_name)]
        queue: String,
        /// This one; may be repeated
        #[arg(long = "id", value_name = "ID", required_unless_present = "all", conflicts_with = "all")]
        ids: Vec<String>,
        /// All of the queue
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        admin: AdminArguments,
        #[command(flatten)]
        server: ServerArguments,
    },
}

fn queue_name(text: &str) -> Result<String, String> {
    let names = QueueName::ALL.map(QueueName::name);
    if names.contains(&text) { Ok(text.to_owned()) } else { Err(format!("the queues are {}", names.join(", "))) }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::config::SETTINGS;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_setting_has_its_flag() {
        let serve = Arguments::command().find_subcommand("serve").unwrap().clone();
        let flags: Vec<_> = serve.get_arguments().filter_map(|argument| argument.get_long()).collect();
        for setting in SETTINGS {
            let flag = setting.name.replace(['.', '_'], "-");
            assert!(flags.contains(&flag.as_str()), "--{flag} is missing");
        }
    }

    #[test]
    fn flags_carry_the_names_of_settings() {
        let Arguments { command: Command::Serve(serve) } =
            Arguments::try_parse_from(["homing", "serve", "--gateway-listen", "[::]:1", "--workers", "2"]).unwrap()
        else {
            panic!("not serve")
        };
        assert_eq!(serve.flags().0, BTreeMap::from([("gateway.listen", "[::]:1".into()), ("workers", "2".into())]));
    }
}
