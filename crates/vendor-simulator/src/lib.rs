//! All nine device vendors, played by one HTTP server: for demonstrations, drills and tests.
//!
//! Each vendor has a path prefix that is its channel's name (`/apns/…`, `/fcm/…`), so that a base URL per vendor is all that
//! a client must be told. It authorises, takes pushes in each vendor's own envelope and within its limits, answers in its
//! words, and posts receipts to the callback URL. Tokens that begin with `invalid` are dead. `/control/…` says what goes wrong
//! ([`Faults`]) and tells what was taken; every accepted push is one line of an append-only log ([`Line`]).
//!
//! It was written from the vendors' documents, and is the independent second party to the code that speaks to them.
//!
//! **Must not know**: how Homing encodes or decodes anything, a queue, a store.

mod actor;
mod apns;
mod asked;
mod bounded;
mod connection;
mod control;
mod counts;
mod faults;
mod fcm;
mod honor;
mod huawei;
mod identity;
mod journal;
mod meizu;
mod oppo;
mod receipts;
mod server;
mod signature;
mod stage;
#[cfg(test)]
mod tests;
mod vivo;
mod webpush;
mod world;
mod xiaomi;

pub use counts::Counts;
pub use faults::{Faults, FaultsError};
pub use journal::Line;
pub use server::Simulator;
pub use world::{Options, StartError};
