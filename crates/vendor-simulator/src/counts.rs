//! What was counted at a vendor.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What was counted at a vendor since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Requests, without those of `/control`.
    pub requests: u64,
    /// Connections that brought at least one of them.
    #[serde(default)]
    pub connections: u64,
    /// Requests by the version of HTTP that they came over: `HTTP/1.1`, `HTTP/2.0`.
    #[serde(default)]
    pub by_version: BTreeMap<String, u64>,
    /// Credentials that were exchanged for access.
    pub authorisations: u64,
    /// (token, push) pairs taken.
    pub accepted: u64,
    /// (token, push) pairs refused because the token is dead.
    pub dead: u64,
    /// Requests answered with "too fast".
    pub throttled: u64,
    /// Requests that came while the vendor was down.
    pub during_outage: u64,
    /// Pairs of a request that was a repeat, and dropped.
    pub repeats_dropped: u64,
    /// Answers that broke off.
    pub answers_lost: u64,
    /// Requests refused, by the vendor's own code.
    pub refused: BTreeMap<String, u64>,
    /// Callbacks posted and answered with 2xx.
    pub receipts_posted: u64,
    /// Callbacks given up.
    pub receipts_failed: u64,
    /// Receipts for which there was no room.
    pub receipts_dropped: u64,
}
