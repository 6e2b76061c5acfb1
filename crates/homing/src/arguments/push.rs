//! `homing push`.

use clap::Args;

use super::{KeyArguments, ServerArguments};

/// Push a message.
#[derive(Debug, Args)]
pub struct PushArguments {
    /// To this device (id or push token); may be repeated
    #[arg(long, value_name = "ID", group = "audience")]
    pub device: Vec<String>,
    /// To the devices of this user; may be repeated
    #[arg(long, value_name = "USER", group = "audience")]
    pub user: Vec<String>,
    /// To every device of the app
    #[arg(long, group = "audience")]
    pub all: bool,
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
    /// At this moment instead of now, as 2026-12-24T18:00:00+08:00
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// Repeating a push with the same key sends it once [default: a new one]
    #[arg(long, value_name = "KEY")]
    pub idempotency_key: Option<String>,
    /// Whose key is used.
    #[command(flatten)]
    pub key: KeyArguments,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArguments,
}
