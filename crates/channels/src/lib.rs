//! The contracts of the device vendors: how each is asked to bring a message, what its answer means, how it tells later what
//! became of it, and what an app must have from it.
//!
//! Each vendor is a folder with the same few files: `credential` (what an operator uploads), `access` (what requests are
//! authorised with), `encode` (a message becomes requests), `decode` (an answer becomes outcomes), `callback` (a receipt
//! becomes events). [`Vendor`] is what they have in common, [`vendor`] finds one by its channel. A multi-step exchange is a
//! state machine without input or output ([`Exchange`]); [`operate`] walks it over whatever carries requests.
//!
//! Sources of the rules are the vendors' pages, named where a rule stands.
//!
//! **Must not know**: a store, an HTTP client, a clock, a source of randomness, another vendor's folder.

mod access;
mod addressing;
mod android;
mod app_data;
mod callback;
mod check;
mod china_clock;
mod client_credentials;
mod content;
mod credential;
mod events;
mod exchange;
mod json_answer;
mod merge;
mod one_request;
mod operate;
mod origins;
mod outcome;
mod private_key;
mod retry_after;
#[cfg(test)]
mod scripted;
#[cfg(test)]
mod throwaway_keys;
mod upload;
mod vendor;

pub use access::{Access, Authorization};
pub use callback::{Callback, CallbackError, CallbackEvent, CallbackEventKind};
pub use check::{CheckError, Checked, check};
pub use content::{Category, Click, Content, LiveActivity};
pub use credential::{ClientIdentity, Credential, CredentialError, Secret, Summary};
pub use exchange::{EncodeError, Exchange, Next, Operation, Push, Recipients, Request, Response, Surroundings, Token};
pub use operate::{Accesses, Carrier, CarryError, Failure, fetch_access, operate};
pub use origins::{Origins, Site};
pub use outcome::{Answers, CODE_MAX_CHARS, Class, Outcome};
pub use vendor::{Limits, Vendor, vendor};

pub mod apns;
pub mod fcm;
pub mod honor;
pub mod huawei;
pub mod meizu;
pub mod oppo;
pub mod vivo;
pub mod webpush;
pub mod xiaomi;
