//! The device's end of the link, as machines: bytes and events in, effects out, time as an argument.
//!
//! A driver (the device SDK, or the simulation) owns the transport, the durable store and one [`Memory`] per device, and
//! goes round like this:
//!
//! 1. [`Memory::raise_connection`], write the number durably, connect, then [`Opening::new`], whose Hello goes out first.
//! 2. Give what arrives to [`Opening::receive`] until it is a [`Live`] (or the link is refused).
//! 3. Give bytes to [`Live::receive`], call [`Live::timeout`] at [`Live::next_timeout`], and after each call perform what
//!    [`Live::poll`] yields. Each [`Effect::Commit`] is written durably, in order and with its cursor in **one** write;
//!    only then comes [`Memory::committed`] with its number, followed by [`Live::update`]: the Ack may go out now.
//! 4. When a link ends, [`Live::broken`] if its transport broke, then [`Reconnect::ended`] says when to try again, or to stop.
//!
//! A second link may be opened while the first still runs (after a GoAway). Its number gives the first one up: what still
//! comes on that one ends it, because the second Hello has said how far the device is. So wait for
//! [`Memory::is_settled`] before [`Memory::raise_connection`].

mod arrival;
mod end;
mod heartbeat;
mod live;
mod memory;
mod opening;
mod receipts;
mod reconnect;
mod seen;
mod upstream;

pub use arrival::{Arrival, Commit, Loss, Message};
pub use end::{Closed, Ended};
pub use heartbeat::{Failed, Learned, Lesson, NETWORKS_MAX, Networks, PROBES_A_DAY_MAX, Power};
pub use live::{Effect, Live};
pub use memory::{Cursor, Memory, Saved};
pub use opening::{Introduction, Opened, Opening};
pub use receipts::{OutboxFull, RECEIPTS_MAX};
pub use reconnect::{Backoff, Next, Reconnect, Stop};
pub use seen::SeenIds;
pub use upstream::{UPS_MAX, Upload};
