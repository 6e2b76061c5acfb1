//! Devices come, change hands and go: registration, reports, binding to users, tags, deregistration.
//!
//! A device is two items, its mailbox and its row in the directory, and every change that touches both goes to the mailbox
//! first, because there messages to the wrong user or to a deregistered device are stopped, and there dispatch looks whether a
//! vendor may be asked. What the mailbox then says will never be delivered is told to the ledger. Which lane broadcasts take
//! to a device is noted in its row with each write. A vendor's token is one device's: whoever reports it last has it, which is
//! what an app that was installed anew needs.
//!
//! **Must not know**: other functions, how links work, any adapter.

mod bind;
mod deregister;
mod http;
mod receipts;
mod register;
mod report;

pub use bind::bind_user;
pub use deregister::deregister;
pub use homing_directory::{UpdateError, update_device};
pub use http::router;
pub use register::{RegisterError, Registration, register};
pub use report::report_device;

#[cfg(test)]
mod tests;
