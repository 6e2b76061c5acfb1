//! The gateway as a process of its own: settings, certificate files, signals, the admin endpoints. Wires and waits.

mod config;
mod error;
mod files;
mod lifecycle;
mod observe;
mod setting;

pub use config::{Config, LogFormat};
pub use error::ProcessError;
pub use lifecycle::run;
pub use setting::{Environment, SETTINGS, Setting};
