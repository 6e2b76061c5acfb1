//! `homing push`.

use clap::{Args, ValueEnum};

use super::{KeyArguments, ScheduleArguments, ServerArguments};

/// Push a message.
#[derive(Debug, Args)]
pub struct PushArguments {
    /// To this device (id or push token); may be repeated
    #[arg(long, value_name = "ID", group = "to")]
    pub device: Vec<String>,
    /// To the devices of this user; may be repeated
    #[arg(long, value_name = "USER", group = "to")]
    pub user: Vec<String>,
    /// To every device of the app
    #[arg(long, group = "to")]
    pub all: bool,
    /// To the devices that an expression holds for: 'vip && (beijing || shanghai) && !muted'
    #[arg(long, value_name = "EXPRESSION", group = "to")]
    pub expression: Option<String>,
    /// To everyone on an uploaded list
    #[arg(long, value_name = "ID", group = "to")]
    pub audience: Option<String>,
    /// Not to this device; may be repeated
    #[arg(long, value_name = "ID")]
    pub exclude_device: Vec<String>,
    /// Not to the devices of this user; may be repeated
    #[arg(long, value_name = "USER")]
    pub exclude_user: Vec<String>,
    /// Not to the devices that this expression holds for
    #[arg(long, value_name = "EXPRESSION")]
    pub exclude_expression: Option<String>,
    /// To nobody on this uploaded list
    #[arg(long, value_name = "ID")]
    pub exclude_audience: Option<String>,
    /// Title of the notification
    #[arg(long)]
    pub title: Option<String>,
    /// Text of the notification
    #[arg(long)]
    pub body: Option<String>,
    /// Data for the app: a JSON object
    #[arg(long, value_name = "JSON")]
    pub data: Option<String>,
    /// How long it is worth delivering; 0 = now or never
    #[arg(long, value_name = "SECONDS")]
    pub ttl: Option<u32>,
    /// Of several pending messages with one key, a device gets the newest
    #[arg(long, value_name = "KEY")]
    pub collapse_key: Option<String>,
    /// high, normal or low
    #[arg(long)]
    pub priority: Option<String>,
    /// Reach at most so many devices a second
    #[arg(long, value_name = "DEVICES")]
    pub rate: Option<u32>,
    /// What it is about: devices that opted out of this topic do not get it
    #[arg(long, value_name = "TOPIC")]
    pub topic: Option<String>,
    /// What it does when it meets quiet hours: hold, drop or ignore [default: hold]
    #[arg(long, value_name = "POLICY")]
    pub quiet_hours: Option<String>,
    /// Opened or dismissed on one of a user's devices, take it back from their others
    #[arg(long)]
    pub sync_read: bool,
    /// By which way
    #[arg(long, value_enum, value_name = "WAY")]
    pub delivery: Option<DeliveryChoice>,
    /// How long a device has to acknowledge before its vendor is asked [default: 10]
    #[arg(long, value_name = "SECONDS")]
    pub fallback_after: Option<u32>,
    /// When.
    #[command(flatten)]
    pub schedule: ScheduleArguments,
    /// Repeating a push with the same key sends it once [default: a new one]
    #[arg(long, value_name = "KEY")]
    pub idempotency_key: Option<String>,
    /// Follow it until it is completed, as `message watch` does
    #[arg(long)]
    pub watch: bool,
    /// Whose key is used.
    #[command(flatten)]
    pub key: KeyArguments,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArguments,
}

/// By which way devices are reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DeliveryChoice {
    /// The own link while it is up, else the vendor; the vendor too if the device does not acknowledge; the default
    OnlineFirst,
    /// The own link and the mailbox, and no vendor
    OwnOnly,
    /// The vendor alone
    VendorOnly,
    /// The own link or the mailbox, and the vendor if the device does not acknowledge
    Fallback,
}
