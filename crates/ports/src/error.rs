//! The one error of all ports: it carries the decision, not the cause's type.

use std::fmt;

/// What the caller should do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It may or may not have happened; do it again, later. Throttled, timed out, connection lost.
    Retry,
    /// Somebody else changed the item in between: read it again and decide anew.
    Conflict,
    /// It cannot succeed: a bug, damaged data, a full disk. Tell a person.
    Broken,
}

/// A port call failed.
#[derive(Debug)]
pub struct Error {
    /// What the caller should do.
    pub fault: Fault,
    /// What was tried, in words: `"enqueue into the mailbox"`.
    pub operation: &'static str,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The result of a port call.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Without a cause.
    #[must_use]
    pub const fn new(fault: Fault, operation: &'static str) -> Self {
        Self { fault, operation, source: None }
    }

    /// With its cause.
    #[must_use]
    pub fn with_source(
        fault: Fault,
        operation: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { fault, operation, source: Some(source.into()) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcome = match self.fault {
            Fault::Retry => "did not succeed this time",
            Fault::Conflict => "met a concurrent change",
            Fault::Broken => "is broken",
        };
        write!(f, "{} {outcome}", self.operation)?;
        match &self.source {
            Some(source) => write!(f, ": {source}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
