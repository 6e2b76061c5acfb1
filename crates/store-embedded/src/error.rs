//! What can go wrong: at open ([`OpenError`], for a person to read), and later ([`StoreError`], which becomes the ports'
//! error and carries its decision).

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;

use homing_ports::Fault;

use crate::table::Table;

/// The store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("the data directory {} is in use by another process; stop it first, or choose another directory", path.display())]
    Locked {
        /// Which directory.
        path: PathBuf,
    },
    /// The directory cannot be made or written.
    #[error("the data directory {} cannot be written: {source}", path.display())]
    NotWritable {
        /// Which directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No space is left.
    #[error("the disk of the data directory {} is full; make room and start again", path.display())]
    DiskFull {
        /// Which directory.
        path: PathBuf,
    },
    /// Written by a later release.
    #[error("the data directory {} has format {found}, this release knows formats up to {known}; use a newer release", path.display())]
    NewerFormat {
        /// Which directory.
        path: PathBuf,
        /// What it says.
        found: u32,
        /// What this release writes.
        known: u32,
    },
    /// The files are damaged, or not this store's.
    #[error("the data directory {} cannot be read: {reason}", path.display())]
    Damaged {
        /// Which directory.
        path: PathBuf,
        /// What the engine says.
        reason: String,
    },
}

impl OpenError {
    pub(crate) fn from_engine(path: &std::path::Path, error: fjall::Error) -> Self {
        let path = path.to_owned();
        match error {
            fjall::Error::Locked => Self::Locked { path },
            fjall::Error::Io(source) | fjall::Error::Storage(fjall::LsmError::Io(source)) => {
                Self::from_io(path, source)
            }
            other => Self::Damaged { path, reason: other.to_string() },
        }
    }

    pub(crate) fn from_io(path: PathBuf, source: std::io::Error) -> Self {
        match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::DiskFull { path },
            ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::NotADirectory
            | ErrorKind::AlreadyExists => Self::NotWritable { path, source },
            _ => Self::Damaged { path, reason: source.to_string() },
        }
    }

    pub(crate) fn from_store(path: &std::path::Path, error: StoreError) -> Self {
        match error {
            StoreError::Engine(error) => Self::from_engine(path, error),
            StoreError::DiskFull => Self::DiskFull { path: path.to_owned() },
            other => Self::Damaged { path: path.to_owned(), reason: other.to_string() },
        }
    }
}

/// Something inside the store failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// The engine.
    #[error(transparent)]
    Engine(#[from] fjall::Error),
    /// A group of operations could not be made durable; none of it is visible.
    #[error("the disk failed: {0}; restart")]
    Commit(Arc<fjall::Error>),
    /// The engine's own writing in the background failed, and it did not say why.
    #[error("writing to the disk failed in the background (is it full?); make room and restart")]
    Background,
    /// No space is left. The engine takes no more writes in this process: it cannot know what the disk has.
    #[error("the disk is full; make room and restart")]
    DiskFull,
    /// A row that cannot be read.
    #[error("damaged row in table {}: {what}", table.name())]
    Damaged {
        /// Which table.
        table: Table,
        /// What is wrong.
        what: &'static str,
    },
    /// The committer has ended.
    #[error("the store is closed")]
    Closed,
    /// Something is larger than its limit.
    #[error("{what} is larger than its limit of {limit}")]
    TooLarge {
        /// What.
        what: &'static str,
        /// How large it may be.
        limit: usize,
    },
    /// A bounded inbox has no room now.
    #[error("the inbox is full")]
    InboxFull,
}

impl StoreError {
    /// Says why a commit failed.
    pub(crate) fn from_commit(error: &Arc<fjall::Error>) -> Self {
        let kind = match &**error {
            fjall::Error::Poisoned => return Self::Background,
            fjall::Error::Io(source) | fjall::Error::Storage(fjall::LsmError::Io(source)) => Some(source.kind()),
            _ => None,
        };
        match kind {
            Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge) => Self::DiskFull,
            _ => Self::Commit(Arc::clone(error)),
        }
    }

    /// As an error of the ports.
    pub(crate) fn in_port(self, operation: &'static str) -> homing_ports::Error {
        let fault = match self {
            Self::InboxFull => Fault::Retry,
            Self::Engine(_)
            | Self::Commit(_)
            | Self::Background
            | Self::DiskFull
            | Self::Damaged { .. }
            | Self::Closed
            | Self::TooLarge { .. } => Fault::Broken,
        };
        homing_ports::Error::with_source(fault, operation, self)
    }
}

/// What operations inside the store answer.
pub(crate) type StoreResult<T> = Result<T, StoreError>;
