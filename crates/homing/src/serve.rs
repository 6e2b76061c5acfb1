//! `homing serve`: everything in one process.

mod certificate;
mod data_dir;
mod error;
mod listener;
mod logs;
mod operations;
mod sweeper;
mod tls;
mod workers;

pub use error::StartError;
pub use logs::write_logs;
