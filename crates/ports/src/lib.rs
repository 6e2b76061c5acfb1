//! What the stages need from the world, as small traits by noun.
//!
//! A stage asks for the nouns it uses (`P: Messages + Queues`) and never learns which adapter serves them. Ports promise
//! only what DynamoDB and SQS promise: a call changes one item atomically (more only where its text says so), a queue
//! delivers at least once and in no order, a listing may be stale. An adapter may be stronger; nobody may rely on it.
//! Any call may fail with [`Fault::Retry`] after it took effect, so every call here may be repeated.
//!
//! **Must not know**: any adapter, any SDK type.

mod apps;
mod audiences;
mod clock;
mod devices;
mod error;
mod events;
mod feeds;
mod gateways;
mod ledger;
mod mailboxes;
mod messages;
mod notices;
mod outbound;
mod queues;
mod settings;
mod stage;
mod statistics;
mod timers;
mod upstreams;
mod vendor_channels;
mod vendor_tokens;
mod vendors;

pub use apps::{Apps, Created, Replaced};
pub use audiences::Audiences;
pub use clock::{Clock, Entropy};
pub use devices::Devices;
pub use error::{Error, Fault, Result};
pub use events::Events;
pub use feeds::Feeds;
pub use gateways::Gateways;
pub use ledger::Ledger;
pub use mailboxes::Mailboxes;
pub use messages::{Accepted, Messages};
pub use notices::{NoticeSource, Notices};
pub use outbound::{Call, CallError, CallIdentity, Letter, Mail, Outbound};
pub use queues::{DeadLetter, Outgoing, QueueName, Queues, ReceiptHandle, Received};
pub use settings::{FleetSettings, Settings};
pub use stage::{Settlement, StageError, settle};
pub use statistics::Statistics;
pub use timers::Timers;
pub use upstreams::{StoredUpstream, Upstreams};
pub use vendor_channels::{Throttles, VendorChannels};
pub use vendor_tokens::VendorTokens;
pub use vendors::{Admission, NoVendors, Vendors};
