//! `homing serve`: everything in one process.

mod certificate;
mod certificate_check;
mod data_dir;
mod disk_probe;
mod error;
mod gateway;
mod greeting;
mod http;
mod lifecycle;
mod listener;
mod local_vendors;
mod logs;
mod operations;
mod stages;
mod stand_in_vendor;
mod start;
mod sweeper;
mod tls;
mod workers;

pub use error::StartError;
pub use greeting::greet;
pub use lifecycle::{Ended, Running, run_until_signalled};
pub use logs::write_logs;
pub use start::start;
