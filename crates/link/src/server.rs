//! The gateway's end of a link, one machine per connection, in four types that differ in rights:
//!
//! * [`Greeting`]: has a transport, knows nobody. Gives out the [`Claim`] of a Hello.
//! * [`Joining`]: the claim is proven, the takeover is under way. **Must be registered for hand-offs before the takeover
//!   is called**, because the store may tell a dispatcher about this connection before the answer arrives. Buffers
//!   hand-offs.
//! * [`Live`]: owns the device. Sends what is in the mailbox, in order, and settles what the device acknowledges.
//! * [`Leaving`]: the link is over. Waits for the last receipts to be durable, trims, and gives the device up.
//!
//! The driver performs every [`Effect`] that `poll` gives out, in order, and reports how it went. Answers may arrive late,
//! in any order among different kinds of effects. There is at most one `ReadMailbox`, one `FetchBody`, one `ReadFeed`,
//! one `Tombstone` and one `Trim` under way at a time.

mod claim;
mod closing;
mod effect;
mod feed;
mod greeting;
mod joining;
mod leaving;
mod live;

pub use claim::Claim;
pub use closing::Closing;
pub use effect::{Effect, StoreFault, Ticket};
pub use feed::{FeedLog, FeedPage};
pub use greeting::Greeting;
pub use joining::Joining;
pub use leaving::Leaving;
pub use live::Live;
