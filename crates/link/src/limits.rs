//! Limits of the link: a name, a unit, and why it has this value. Those that other stages share stand in
//! [`homing_domain::limits`].

use homing_domain::Millis;

/// A connection that has said no Hello for so long is closed: several round trips of the slowest mobile network.
pub const HELLO_TIMEOUT: Millis = 5_000;
/// A device acknowledges at the latest so long after it has a message safe: one radio tail covers both.
pub const ACK_DELAY_MAX: Millis = 100;
/// A link whose oldest unacknowledged message is older than this is closed; resume repairs it. Far beyond the app's
/// callback and a retransmission over a bad network.
pub const ACK_LATE_AFTER: Millis = 60_000;
/// A hand-off that leaves a gap waits so long for the missing one before the mailbox is read: hand-offs of two workers
/// overtake each other by a few milliseconds.
pub const GAP_PATIENCE: Millis = 50;
/// A store call that did not succeed is made again after this.
pub const STORE_RETRY_AFTER: Millis = 1_000;
/// The mailbox of an idle link is read again this often, against lost hints that nothing else reveals.
pub const REREAD_EVERY: Millis = 6 * 3_600_000;
/// What is acknowledged and told is trimmed at the latest after this.
pub const TRIM_AFTER: Millis = 60_000;
/// More acknowledged entries than this are trimmed at once: a quarter of what a mailbox holds.
pub const TRIM_AT_ENTRIES: usize = 16;
/// Acknowledged entries that take more than this are trimmed at once: a store bills each write by the KiB of the item.
pub const TRIM_AT_BYTES: usize = 740;
/// Receipts of one link that wait to become durable. Beyond it the link sends no more and its input is not read, so that
/// a queue that stands still slows devices down instead of filling memory.
pub const UNRECORDED_MAX: usize = 256;
/// "Now or never" pushes of one link that wait for their receipt.
pub const TRANSIENT_MAX: usize = 32;
/// Pings that may come at once. A device sends one per interval, and a few when it probes a network.
pub const PING_BURST: u32 = 16;
/// One more Ping is allowed each time this has passed.
pub const PING_EVERY: Millis = 500;
