//! `homing channel`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use homing_domain::Channel;

use super::{AdminArguments, ServerArguments};

/// What apps have from vendors.
#[derive(Debug, Subcommand)]
pub enum ChannelCommand {
    /// Set or rotate a credential
    Set {
        #[command(flatten)]
        one: OneChannel,
        /// What the vendor gave, as JSON in the fields of this channel; - = standard input
        #[arg(long, value_name = "FILE", required_unless_present = "subject")]
        file: Option<PathBuf>,
        /// For webpush instead of a file: whom push services may ask, as mailto:ops@example.com. The key is made, or stays
        #[arg(long, value_name = "URL", conflicts_with = "file")]
        subject: Option<String>,
        /// Only check it
        #[arg(long)]
        validate_only: bool,
        /// Ask the vendor first whether it takes it, and store it only then; nothing is brought to anybody
        #[arg(long)]
        check: bool,
        #[command(flatten)]
        admin: AdminArguments,
        #[command(flatten)]
        server: ServerArguments,
    },
    /// List the channels of an app, with the days that certificates are still good
    List {
        /// Its id
        app: String,
        #[command(flatten)]
        admin: AdminArguments,
        #[command(flatten)]
        server: ServerArguments,
    },
    /// Show one, without its secrets
    Show {
        #[command(flatten)]
        one: OneChannel,
        #[command(flatten)]
        admin: AdminArguments,
        #[command(flatten)]
        server: ServerArguments,
    },
    /// Remove one: nothing goes by it any more
    Remove {
        #[command(flatten)]
        one: OneChannel,
        #[command(flatten)]
        admin: AdminArguments,
        #[command(flatten)]
        server: ServerArguments,
    },
    /// Change how a vendor is asked; what is not named stays
    Policy {
        #[command(flatten)]
        one: OneChannel,
        #[command(flatten)]
        policy: PolicyArguments,
        #[command(flatten)]
        admin: AdminArguments,
        #[command(flatten)]
        server: ServerArguments,
    },
}

/// Which channel.
#[derive(Debug, Clone, Args)]
pub struct OneChannel {
    /// The app's id
    pub app: String,
    /// The vendor: apns, fcm, huawei, honor, xiaomi, oppo, vivo, meizu or webpush
    #[arg(value_parser = vendor_name)]
    pub channel: String,
}

/// How a vendor is asked.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct PolicyArguments {
    /// Begin with the defaults instead of what is set
    #[arg(long)]
    pub reset: bool,
    /// Tries until a message is given up for a device
    #[arg(long, value_name = "N")]
    pub max_attempts: Option<u32>,
    /// Wait before the second try; each further one doubles it
    #[arg(long, value_name = "MS")]
    pub base_ms: Option<u64>,
    /// Longest wait
    #[arg(long, value_name = "MS")]
    pub max_ms: Option<u64>,
    /// Requests a second
    #[arg(long, value_name = "RATE")]
    pub per_second: Option<u32>,
    /// Requests at once after a pause
    #[arg(long, value_name = "N")]
    pub burst: Option<u32>,
    /// Devices in one request
    #[arg(long, value_name = "N")]
    pub batch_size: Option<u16>,
    /// Whether a request whose answer was lost is repeated: true or false
    #[arg(long, value_name = "BOOL")]
    pub repeat_unanswered: Option<bool>,
}

fn vendor_name(text: &str) -> Result<String, String> {
    let vendors = Channel::ALL.into_iter().filter(|channel| *channel != Channel::Own).map(Channel::name);
    let vendors: Vec<_> = vendors.collect();
    if vendors.contains(&text) { Ok(text.to_owned()) } else { Err(format!("the vendors are {}", vendors.join(", "))) }
}
