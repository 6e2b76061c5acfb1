//! `homing message`.

use clap::{Args, Subcommand, ValueEnum};

use super::{KeyArguments, ScheduleArguments, ServerArguments};

/// What became of a message.
#[derive(Debug, Subcommand)]
pub enum MessageCommand {
    /// Its stage and balance
    Show {
        /// Its id
        message: String,
        #[command(flatten)]
        key: KeyArguments,
        #[command(flatten)]
        server: ServerArguments,
    },
    /// Never release it: while it waits for its time
    Cancel {
        /// Its id
        message: String,
        #[command(flatten)]
        key: KeyArguments,
        #[command(flatten)]
        server: ServerArguments,
    },
    /// Change it: while it waits for its time
    Amend(Box<AmendArguments>),
    /// Every stop on its way to one device
    Trace {
        /// Its id
        message: String,
        /// Which device [default: the last one registered]
        #[arg(long)]
        device: Option<String>,
        #[command(flatten)]
        key: KeyArguments,
        #[command(flatten)]
        server: ServerArguments,
    },
    /// Follow it until it is completed; the exit code says how it ended
    ///
    /// Exit codes: 0 it got there; 3 it was aborted, recalled or cancelled; 4 the time was over; 1 anything else.
    Watch {
        #[command(flatten)]
        watch: WatchArguments,
        #[command(flatten)]
        message: OneMessage,
    },
    /// Reach nobody else for now
    Pause(OneMessage),
    /// Go on where it was paused
    Resume(OneMessage),
    /// Reach nobody else, for ever; who has it keeps it
    Abort(OneMessage),
    /// Reach nobody else, and take it back from whoever has it
    Recall(OneMessage),
    /// Reach at most so many devices a second from now on
    Rate {
        /// Devices per second, or "none"
        #[arg(value_parser = rate)]
        rate: NewRate,
        #[command(flatten)]
        message: OneMessage,
    },
}

/// Devices per second; `None` = as fast as it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewRate(pub Option<u32>);

fn rate(text: &str) -> Result<NewRate, String> {
    match text {
        "none" => Ok(NewRate(None)),
        _ => text
            .parse()
            .map(|rate| NewRate(Some(rate)))
            .map_err(|_| "a number of devices per second, or none".to_owned()),
    }
}

/// A message of an app.
#[derive(Debug, Clone, Args)]
pub struct OneMessage {
    /// Its id
    pub message: String,
    /// Whose key is used.
    #[command(flatten)]
    pub key: KeyArguments,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArguments,
}

/// What a watch waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum WatchUntil {
    /// Every device it is for is known
    Released,
    /// Nothing of it is pending any more
    #[default]
    Completed,
}

/// How a message is followed.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct WatchArguments {
    /// What to wait for
    #[arg(long, value_enum, default_value_t)]
    pub until: WatchUntil,
    /// Give up after so many seconds, with exit code 4
    #[arg(long, value_name = "SECONDS")]
    pub timeout: Option<u64>,
}

/// What about a message is changed. What is not named stays; title, body and data are one.
#[derive(Debug, Args)]
pub struct AmendArguments {
    /// Its id
    pub message: String,
    /// Title of the notification
    #[arg(long)]
    pub title: Option<String>,
    /// Text of the notification
    #[arg(long)]
    pub body: Option<String>,
    /// Data for the app: a JSON object
    #[arg(long, value_name = "JSON")]
    pub data: Option<String>,
    /// At once
    #[arg(long, conflicts_with = "when")]
    pub now: bool,
    /// When.
    #[command(flatten)]
    pub schedule: ScheduleArguments,
    /// Whose key is used.
    #[command(flatten)]
    pub key: KeyArguments,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArguments,
}
