//! `homing message`.

use clap::Subcommand;

use super::{KeyArguments, ServerArguments};

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
}
