//! A weak adapter of all ports: in memory, on virtual time, and no better than what the ports promise.
//!
//! Queues repeat, reorder and delay; listings are stale; notices are lost, repeated and reordered; any call may fail
//! before it took effect or after, and its caller may be dropped at any pause inside. All of it is drawn from one seed,
//! so that a run can be repeated exactly.
//!
//! **Must not know**: the machines and stages that are tested on it, a real clock, a real executor.

mod adapter;
mod audiences;
mod check;
mod coverage;
mod devices;
mod events;
mod executor;
mod faults;
mod feeds;
mod gateways;
mod ledger;
mod mailboxes;
mod messages;
mod notices;
mod queues;
mod random;
mod settings;
mod time;
mod timers;
mod tokens;
mod upstreams;
mod vendors;

pub use adapter::{State, Weak};
pub use audiences::AudienceState;
pub use check::Check;
pub use coverage::Coverage;
pub use devices::DeviceState;
pub use executor::{Executor, Owner, Stepped};
pub use faults::{Faults, Weakness};
pub use feeds::FeedState;
pub use gateways::GatewayState;
pub use ledger::LedgerState;
pub use mailboxes::MailboxState;
pub use messages::MessageState;
pub use notices::NoticeState;
pub use queues::QueueState;
pub use random::Random;
pub use settings::SettingsState;
pub use time::Timers;
pub use tokens::TokenState;
pub use upstreams::UpstreamState;
pub use vendors::VendorState;
