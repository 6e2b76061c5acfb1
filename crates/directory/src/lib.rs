//! How a device's row is changed, by whichever stage: binding when a device or a business asks, dispatch and receipts when a
//! vendor says that a token is dead.
//!
//! One rule for all of them: read, change, replace on the revision that was read; tell the mailbox first whether the device
//! has a vendor; and keep the index of vendors' tokens behind the row, which decides.
//!
//! **Must not know**: HTTP, queues, which stage calls, any vendor's protocol.

mod cleaning;
mod tokens;
mod update;

pub use cleaning::{
    CLEANING_DEAD_PERCENT_MAX, CLEANING_STOPPED_FOR, CLEANING_TOKENS_MIN, CLEANING_WINDOW, Cleaning, CleaningBreaker,
    CleaningBreakers, VENDOR_CLEANING_STOPPED, tell_cleaning_stopped,
};
pub use tokens::{Forgotten, forget_token, own_token};
pub use update::{TRIES_MAX, UpdateError, replace, update_device};
