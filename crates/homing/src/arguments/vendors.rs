//! `homing vendors`: the nine device vendors, played for trying things out.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

/// How the vendors are played.
#[derive(Debug, Clone, Args)]
pub struct VendorsArguments {
    /// Where they all listen; a vendor's base URL is its name behind it: http://ADDRESS/apns
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9700")]
    pub listen: SocketAddr,
    /// Append every push that a vendor takes to this file, one JSON line for each token
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// How long after a push its receipt is posted
    #[arg(long, value_name = "MS", default_value_t = 500)]
    pub receipts_delay_ms: u64,
    /// What goes wrong from the start (JSON): {"fcm": {"throttle_share": 0.1}, …}
    #[arg(long, value_name = "FILE")]
    pub faults: Option<PathBuf>,
    /// Speak TLS with this certificate chain (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_certificate: Option<PathBuf>,
    /// Its private key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub tls_key: Option<PathBuf>,
}
