//! `homing device`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{KeyArguments, ServerArguments};

/// Register a device, or be one.
#[derive(Debug, Subcommand)]
pub enum DeviceCommand {
    /// Register a new device and keep its credentials in a file
    Register {
        /// Bind it to this user
        #[arg(long)]
        user: Option<String>,
        /// Where its credentials are kept [default: device-ID.json]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// What it runs
        #[arg(long, default_value = "other")]
        platform: String,
        /// Which vendor it has an address at: apns, fcm, huawei, honor, xiaomi, oppo, vivo, meizu or webpush
        #[arg(long, value_name = "CHANNEL", requires = "vendor_token")]
        vendor_channel: Option<String>,
        /// Its address there
        #[arg(long, value_name = "TOKEN", requires = "vendor_channel")]
        vendor_token: Option<String>,
        /// Whose key is used.
        #[command(flatten)]
        key: KeyArguments,
        /// Which server.
        #[command(flatten)]
        server: ServerArguments,
    },
    /// Say what a device is and what its person wants to be spared; without flags, show it
    Report(Box<ReportArguments>),
    /// Give a device an endpoint that any Web Push library can send to; prints the subscription as browsers do
    Subscribe {
        /// The file that register wrote [default: the last one registered]
        device: Option<PathBuf>,
        /// The public key of the one application server that may send, in base64url [default: whoever knows the endpoint]
        #[arg(long, value_name = "KEY")]
        application_server_key: Option<String>,
        /// Tells the device's subscriptions apart
        #[arg(long, value_name = "N", default_value_t = 0)]
        subscription: u32,
        /// Which server.
        #[command(flatten)]
        server: ServerArguments,
    },
    /// Hold a device's link and print what arrives
    Listen {
        /// The file that register wrote [default: the last one registered]
        device: Option<PathBuf>,
        /// Which transport
        #[arg(long, value_enum, default_value_t = TransportChoice::Auto)]
        transport: TransportChoice,
        /// End after this many messages
        #[arg(long, value_name = "N")]
        count: Option<u64>,
        /// Which server.
        #[command(flatten)]
        server: ServerArguments,
    },
}

/// What a device says of itself. What is left out stays as it is.
#[derive(Debug, Args)]
pub struct ReportArguments {
    /// The file that register wrote [default: the last one registered]
    pub device: Option<PathBuf>,
    /// It has this tag; may be repeated, and replaces the tags it had
    #[arg(long, value_name = "TAG")]
    pub tag: Vec<String>,
    /// Its language, as zh-CN
    #[arg(long, value_name = "LANGUAGE")]
    pub locale: Option<String>,
    /// Its time zone, as Asia/Shanghai
    #[arg(long, value_name = "ZONE")]
    pub timezone: Option<String>,
    /// Its version of the app
    #[arg(long, value_name = "VERSION")]
    pub app_version: Option<String>,
    /// Its version of the operating system
    #[arg(long, value_name = "VERSION")]
    pub os_version: Option<String>,
    /// Whether the person lets the app show notifications
    #[arg(long, value_enum, value_name = "ON|OFF")]
    pub notifications: Option<Switch>,
    /// When the person is left alone, as 22:00-07:00, or "never"
    #[arg(long, value_name = "HOURS")]
    pub quiet_hours: Option<String>,
    /// The person does not want this topic; may be repeated, and replaces those before
    #[arg(long, value_name = "TOPIC")]
    pub opt_out: Vec<String>,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArguments,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// Yes
    On,
    /// No
    Off,
}

/// Which transport a link uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TransportChoice {
    /// QUIC, and TCP if that does not answer
    Auto,
    /// QUIC only
    Quic,
    /// TCP with TLS only
    Tcp,
}
