//! The flags of `bench`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{AdminArguments, TransportChoice};

/// Which measurements are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BenchProfile {
    /// Memory of idle links and handshakes per second
    Idle,
    /// Pushes to one device each, at a rate
    Directed,
    /// Pushes to every device
    Fanout,
    /// Urgent pushes alone, beside broadcasts, and beside another app's flood
    Priority,
    /// Durable accepts per second beside the disk's own rate
    Accept,
    /// Time to open the store again after SIGKILL
    Reopen,
    /// Pushes to played vendors: sends per second of each, and whether one in trouble holds up the others
    Dispatch,
    /// All of them but dispatch, whose devices are others
    All,
}

/// Measure a server with simulated devices.
#[derive(Debug, Args)]
pub struct BenchArguments {
    /// Which measurement
    #[arg(value_enum, default_value_t = BenchProfile::All)]
    pub profile: BenchProfile,
    /// Links held; devices at each vendor in the dispatch profile
    #[arg(long, visible_alias = "links", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub devices: u32,
    /// Which transport
    #[arg(long, value_enum, default_value_t = TransportChoice::Quic)]
    pub transport: TransportChoice,
    /// Pushes per second of the directed profile; at most 100 of them in the dispatch profile
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub rate: u32,
    /// How long each measurement lasts
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub seconds: u64,
    /// Requests in flight at the same time
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=4_096))]
    pub in_flight: u32,
    /// Pending entries of the reopen profile
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=5_000_000))]
    pub pending: u64,
    /// Where the server's data is put, and the disk that is measured [default: a temporary directory]
    #[arg(long, value_name = "DIRECTORY")]
    pub data_dir: Option<PathBuf>,
    /// A running server instead of an own one; reopen is not measured then
    #[arg(long, value_name = "URL", requires = "admin_token")]
    pub server: Option<String>,
    /// That server's process, on this machine, for its memory and processor time
    #[arg(long, value_name = "PID", requires = "server")]
    pub server_pid: Option<u32>,
    /// Certificate to trust [default: the system's]
    #[arg(long, value_name = "FILE", requires = "server")]
    pub ca: Option<PathBuf>,
    /// That server's operator
    #[command(flatten)]
    pub admin: AdminArguments,
    /// Pin the server to this core
    #[arg(long, value_name = "CORE")]
    pub pin_server: Option<u32>,
    /// Print JSON instead of a table
    #[arg(long)]
    pub json: bool,
}
