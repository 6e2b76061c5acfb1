//! Why the process does not start or go on: each case says what to do, and has its exit code (those of sysexits.h).

use std::io;
use std::path::{Path, PathBuf};

use crate::gateway::StartError;

/// The process cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The command line, or a request for help.
    #[error("{0}")]
    Arguments(clap::Error),
    /// Settings are wrong: all of them, each with its name and where it stands.
    #[error("the configuration is wrong:{}", .0.iter().map(|error| format!("\n  - {error}")).collect::<String>())]
    Configuration(Vec<String>),
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file holds something else than it should.
    #[error("{}: {why}", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// How.
        why: String,
    },
    /// The admin endpoints cannot be served.
    #[error("cannot listen for admin requests (admin-listen): {0}")]
    AdminListen(io::Error),
    /// The gateway does not start.
    #[error(transparent)]
    Gateway(#[from] StartError),
    /// The system refuses threads or signals.
    #[error("the system refuses: {0}")]
    System(io::Error),
}

impl ProcessError {
    pub(super) fn file(path: &Path, source: io::Error) -> Self {
        Self::File { path: path.to_owned(), source }
    }

    /// The exit code of the process.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Arguments(error) => u8::try_from(error.exit_code()).unwrap_or(64),
            Self::Damaged { .. } => 65,
            Self::AdminListen(_) | Self::Gateway(_) => 69,
            Self::System(_) => 71,
            Self::File { .. } => 74,
            Self::Configuration(_) => 78,
        }
    }
}
