//! Why the server does not start: each case says what to do, and has its exit code (those of sysexits.h).

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address is in use.
    #[error("{address} ({protocol}) is taken by another program: choose another with --{flag}")]
    AddressTaken {
        /// Which.
        address: SocketAddr,
        /// `"TCP"` or `"UDP"`.
        protocol: &'static str,
        /// The flag that changes it, without dashes.
        flag: &'static str,
    },
    /// An address cannot be listened on for another reason.
    #[error("cannot listen on {address} ({protocol}, --{flag}): {source}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// `"TCP"` or `"UDP"`.
        protocol: &'static str,
        /// The flag that changes it, without dashes.
        flag: &'static str,
        /// Why.
        source: io::Error,
    },
    /// Another process works on the data directory.
    #[error("the data directory {} is in use by another homing process: stop it, or choose another with --data-dir", .0.display())]
    Locked(PathBuf),
    /// The data directory cannot be written.
    #[error("the data directory {} cannot be written: change its owner or mode, or choose another with --data-dir", .0.display())]
    NotWritable(PathBuf),
    /// No space left.
    #[error("no space is left for the data directory {}", .0.display())]
    DiskFull(PathBuf),
    /// A file of the data directory is damaged.
    #[error("{} is damaged: {why}", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// How.
        why: String,
    },
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The certificate or its key cannot be used.
    #[error("the certificate cannot be used: {0}")]
    Certificate(String),
    /// The store cannot be opened for another reason.
    #[error("the store cannot be opened: {0}")]
    Store(String),
    /// What is needed to reach vendors, webhooks or the mail server cannot be used.
    #[error("nobody outside can be reached: {0}")]
    Outbound(String),
    /// The gateway cannot start.
    #[error("the gateway cannot start: {0}")]
    Gateway(String),
}

impl StartError {
    /// The exit code of the process.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::AddressTaken { .. } | Self::Listen { .. } | Self::Gateway(_) => 69,
            Self::Damaged { .. } => 65,
            Self::Store(_) => 70,
            Self::NotWritable(_) => 73,
            Self::DiskFull(_) | Self::File { .. } => 74,
            Self::Locked(_) => 75,
            Self::Certificate(_) | Self::Outbound(_) => 78,
        }
    }

    /// A failed file operation, told as what it means for the operator.
    pub(super) fn of_file(path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::NotWritable(path.parent().unwrap_or(path).to_owned())
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull(path.to_owned()),
            _ => Self::File { path: path.to_owned(), source },
        }
    }

    /// A failed bind.
    pub(super) fn of_bind(address: SocketAddr, protocol: &'static str, flag: &'static str, source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::AddrInUse {
            Self::AddressTaken { address, protocol, flag }
        } else {
            Self::Listen { address, protocol, flag, source }
        }
    }
}
