//! `homing audience`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{KeyArguments, ServerArguments};

/// What the lines of a list name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListKind {
    /// Your own names of users
    Users,
    /// Device ids or push tokens
    Devices,
}

/// Uploaded lists.
#[derive(Debug, Subcommand)]
pub enum AudienceCommand {
    /// Upload a list: one name per line, a million at most
    Upload {
        /// The file, or "-" for standard input
        file: PathBuf,
        /// What its lines name
        #[arg(long, value_enum, default_value_t = ListKind::Users)]
        kind: ListKind,
        /// What people call the list
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        key: KeyArguments,
        #[command(flatten)]
        server: ServerArguments,
    },
    /// List uploaded lists
    List {
        #[command(flatten)]
        key: KeyArguments,
        #[command(flatten)]
        server: ServerArguments,
    },
    /// Show a list
    Show(ListArguments),
    /// Delete a list, when the messages to it are released
    Delete(ListArguments),
}

/// A list of an app.
#[derive(Debug, Clone, Args)]
pub struct ListArguments {
    /// Its id
    pub audience: String,
    /// Whose key is used.
    #[command(flatten)]
    pub key: KeyArguments,
    /// Which server.
    #[command(flatten)]
    pub server: ServerArguments,
}
