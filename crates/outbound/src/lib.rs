//! What leaves the installation for others than devices: an HTTP client for vendors and businesses, and mail.
//!
//! A request follows no redirect, is bounded in time and in what is read of its answer, and says whether it surely never left
//! ([`homing_ports::CallError`]): only then may it be repeated. A URL that came from outside is taken nowhere but to public
//! addresses.
//!
//! **Must not know**: a vendor, an app, a store.

mod address;
mod client;
mod failure;
mod identities;
mod mail;
mod resolve;
mod settings;
mod tls;

pub use client::HttpOutbound;
pub use mail::{NoMail, SmtpMail};
pub use settings::{HttpSettings, MailSettings, SetupError};
