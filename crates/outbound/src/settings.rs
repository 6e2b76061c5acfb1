//! What an operator decides.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// A claim on a delivery and a queue's item in work last a minute: whoever waits longer for one answer outlives them.
const ANSWER_WITHIN_MAX: Duration = Duration::from_secs(30);

/// How requests are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpSettings {
    /// A PEM file of certificates that are trusted beside the system's: for a simulator or a proxy.
    pub extra_ca: Option<PathBuf>,
    /// Origins (`http://127.0.0.1:9099`, no path) that the operator names: plain HTTP is allowed there and nowhere else, and a
    /// URL from outside may lead there wherever it is.
    pub redirected: BTreeSet<String>,
    /// HTTP/2 connections to one host that requests are spread over, at least 1. One carries what its server allows at a time
    /// (APNs: about 1,000), all on one core.
    pub connections_per_host: usize,
    /// No answer is waited for longer than this, whatever its caller would wait.
    pub answer_within_max: Duration,
}

impl Default for HttpSettings {
    fn default() -> Self {
        // Two, so that the end of one (GOAWAY, a lost route) never stops everything.
        Self {
            extra_ca: None,
            redirected: BTreeSet::new(),
            connections_per_host: 2,
            answer_within_max: ANSWER_WITHIN_MAX,
        }
    }
}

/// Where mail is handed in.
#[derive(Clone, PartialEq, Eq)]
pub struct MailSettings {
    /// `smtp://host:port` (STARTTLS if the server has it, port 587 if none is named) or `smtps://host:port` (TLS from the start,
    /// port 465), each with `user:password@` before the host if needed; `?tls=required` with `smtp` insists on STARTTLS.
    pub url: String,
    /// The sender: `homing@example.com` or `Homing <homing@example.com>`.
    pub from: String,
}

impl fmt::Debug for MailSettings {
    /// The URL may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailSettings").field("from", &self.from).finish_non_exhaustive()
    }
}

/// Settings that cannot be used. Holds no part of a URL with a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {why}")]
pub struct SetupError {
    /// Which.
    pub setting: &'static str,
    /// Why.
    pub why: String,
}

impl SetupError {
    pub(crate) fn new(setting: &'static str, why: impl fmt::Display) -> Self {
        Self { setting, why: why.to_string() }
    }
}
