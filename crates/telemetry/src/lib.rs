//! Observable events as declared types: each is one struct, and [`emit`](MessageAccepted::emit) makes its log line and its
//! metrics, so that nobody invents names or labels at the place where something happens.
//!
//! Logs are `tracing` events that carry the message, device or gateway they are about; one trace of a message is a search
//! for its id. What happens once per device is at `debug`, what happens once per message, link or fault is louder.
//! Metrics go to whatever recorder `main` installed; their names, units and meanings stand in [`metric`], and no label
//! takes its values from outside except the app id. Times are in milliseconds in events, in seconds in metrics.
//!
//! **Must not know**: exporters, subscribers, ports, secrets or payloads.

pub mod metric;

mod bus;
mod callback;
mod certificate;
mod delivery;
mod feed;
mod http;
mod link;
mod message;
mod schedule;
mod store;
mod vendor;
mod worker;

#[cfg(test)]
mod tests;

pub use bus::Told;
pub use callback::CallbackTaken;
pub use certificate::CertificateExpiring;
pub use delivery::{DeliveryEnded, HandedOff, MailboxOverflowed, UndeliveredSeen};
pub use feed::{FeedCounted, FeedPushed, FeedRead};
pub use http::HttpAnswered;
pub use link::{HandshakeRefused, LinkClosed, LinkOpened, LinksLive, PresenceDropped};
pub use message::{
    AudienceExpanded, MessageAccepted, MessageClosed, MessageControlled, MessageReleased, ShardDispatched,
};
pub use schedule::{MessageDue, OverdueSwept};
pub use store::StoreCommitted;
pub use vendor::{CircuitOpened, CleaningStopped, CredentialRefused, LeftToVendor, QuotaSpent, TokenDied, VendorAsked};
pub use worker::{DeadLettered, ItemDone, QueueDepth, WorkerFailed};

use homing_domain::Millis;

/// Milliseconds as the seconds that metrics are kept in.
fn seconds(millis: Millis) -> f64 {
    std::time::Duration::from_millis(millis).as_secs_f64()
}

/// A size as a metric's number. Every size here is bounded far below 2^32, where it would stop.
fn number(size: usize) -> f64 {
    f64::from(u32::try_from(size).unwrap_or(u32::MAX))
}
