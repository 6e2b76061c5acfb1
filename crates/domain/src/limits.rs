//! Every limit of the data way: a name, a unit, and why it has this value.

use crate::time::Millis;

/// An app id fits a DNS label's half and every metric label.
pub const APP_ID_MAX_BYTES: usize = 32;
/// A user id: room for any e-mail address's local part, a UUID, or an OpenID subject (255 is its maximum, 128 the habit).
pub const USER_ID_MAX_BYTES: usize = 128;
/// Rendered payload of one push. FCM and APNs both stop at 4,096 bytes, so senders already live within it.
pub const PAYLOAD_MAX_BYTES: usize = 4_096;
/// A payload up to this size stands in the mailbox entry; a larger one is read from the message row.
/// A DynamoDB write is billed per KiB, so two such entries fit the first unit.
pub const INLINE_PAYLOAD_MAX_BYTES: usize = 512;
/// Longest collapse key, as APNs allows.
pub const COLLAPSE_KEY_MAX_BYTES: usize = 64;
/// Devices or users named in one request (JPush takes 1,000 too); larger audiences are uploads.
pub const AUDIENCE_MAX_NAMES: usize = 1_000;
/// Longest text of a tag expression: what fits on a screen, and parses in microseconds.
pub const EXPRESSION_MAX_BYTES: usize = 1_024;
/// Deepest nesting of a tag expression: parsing and evaluating recurse so deep.
pub const EXPRESSION_MAX_DEPTH: usize = 32;
/// Lines of one uploaded list.
pub const UPLOAD_MAX_MEMBERS: u64 = 1_000_000;
/// An uploaded list is deleted after this: long enough for every message that was scheduled with it soon after.
pub const UPLOAD_KEPT_FOR: Millis = 90 * 24 * 3_600_000;
/// Longest name of an uploaded list.
pub const AUDIENCE_NAME_MAX_BYTES: usize = 128;
/// Topics that a device may have opted out of.
pub const DEVICE_MAX_OPT_OUTS: usize = 32;
/// Longest name of a topic.
pub const TOPIC_MAX_BYTES: usize = 64;
/// Renderings of a message beside the default one: the languages of a large country's minorities, or of a continent.
pub const LOCALIZATIONS_MAX: usize = 32;
/// Longest language tag (RFC 5646 asks for 35 at least).
pub const LANGUAGE_TAG_MAX_BYTES: usize = 35;
/// Moments at which parts of one message wait to go on: the time zones of the Earth twice, and as many ends of quiet hours.
pub const MESSAGE_MAX_HOLDS: usize = 192;
/// Holds are rounded up to this, so that a million different quiet hours are few moments.
pub const HOLD_GRANULARITY: Millis = 15 * 60_000;
/// A paused message's jobs look so often whether it goes on, at first...
pub const PAUSE_POLL: Millis = 2_000;
/// ...and so often once it has rested for a minute.
pub const PAUSE_POLL_MAX: Millis = 15_000;
/// Longest pause of a message's enumeration between two pages: a changed rate takes effect within it.
pub const RATE_MAX_PAUSE: Millis = 10_000;
/// A recall is enumerated this long after its message was stopped, so that pages which were being made are stored by then.
pub const RECALL_GRACE: Millis = 5_000;
/// Highest rate of one message, devices per second.
pub const RATE_MAX_PER_SECOND: u32 = 1_000_000;
/// Devices of one user that a push to the user reaches, the most recently seen first: bounds a fan-out page.
pub const USER_MAX_DEVICES: usize = 16;
/// Tags of one device: they are copied into the mailbox item, which should stay near 1 KiB.
pub const DEVICE_MAX_TAGS: usize = 32;
/// Longest tag, in bytes.
pub const TAG_MAX_BYTES: usize = 64;
/// Longest default and maximum time to live: 28 days, FCM's maximum.
pub const TTL_MAX_SECONDS: u32 = 28 * 24 * 3_600;
/// Time to live where the request names none: 3 days (JPush: 1, FCM: 28).
pub const TTL_DEFAULT_SECONDS: u32 = 3 * 24 * 3_600;

/// A change of a device's lane (feed or pages) takes effect after this: longer than a listing is stale, clocks are apart and
/// a write takes, so that whoever judges a release sees every change that was made before it.
pub const LANE_CHANGES_AFTER: Millis = 30_000;
/// Changes of its lane that a device remembers: the older of more frequent ones cannot matter to anything but broadcasts of
/// the same days.
pub const DEVICE_MAX_LANE_CHANGES: usize = 8;
/// Gateways read their feeds again this often: a lost hint costs no more.
pub const FEED_REREAD_EVERY: Millis = 30_000;
/// Entries of a feed that one call reads.
pub const FEED_PAGE_MAX: usize = 256;
/// Messages in one batch of a gateway's counts: far more than broadcasts that run at one time.
pub const FEED_COUNTS_MAX: usize = 256;
/// How long a live device has to acknowledge before its vendor is asked, unless the sender says otherwise.
pub const FALLBACK_DEFAULT: Millis = 10_000;
/// And at most: the longest delay of a queue item.
pub const FALLBACK_MAX: Millis = QUEUE_DELAY_MAX;
/// Whoever claimed a delivery to ask the vendor has failed when nothing came of it for so long.
pub const VENDOR_CLAIM_KEPT_FOR: Millis = 60_000;

/// Addresses that an app's alerts go to: a team's, not a mailing list.
pub const ALERT_EMAILS_MAX: usize = 8;

/// Devices in one shard: about 12 kB of ids, far below the 256 KiB of an SQS message, and a short retry unit.
pub const SHARD_MAX_DEVICES: usize = 256;
/// Segments that an audience of everyone is split into, each with its cursor, so that workers share the enumeration.
pub const FANOUT_SEGMENTS: u8 = 64;
/// Entries a mailbox holds. At 64 x (header + inline payload) an item stays far below DynamoDB's 400 KiB.
pub const MAILBOX_MAX_ENTRIES: usize = 64;
/// Ids of trimmed entries that a mailbox remembers, against a redelivered shard. Twice the 32 of an overflow's half, so
/// that what an overflow dropped is remembered beside what was acknowledged before it. 8 bytes each.
pub const MAILBOX_MAX_TRIMMED_IDS: usize = 64;
/// Refused messages that a mailbox remembers with their reason, so that a repeated shard gets the same answer even when the
/// device could take the message by then. Refusals are rare and their repeats come soon; 9 bytes each.
pub const MAILBOX_MAX_REFUSALS: usize = 16;
/// Message ids that a device remembers, against the same message arriving by two channels or from a re-created mailbox.
pub const DEVICE_MAX_SEEN_IDS: usize = 256;

/// Unacknowledged messages on one link.
pub const WINDOW_MAX_MESSAGES: usize = 32;
/// Unacknowledged payload bytes on one link.
pub const WINDOW_MAX_BYTES: usize = 64 * 1_024;
/// Hand-offs held for a session whose takeover is under way; beyond it the session re-reads its mailbox.
pub const PENDING_MAX_HAND_OFFS: usize = 32;
/// Receipts in one batch: one SQS message of 256 KiB holds about twice as many.
pub const RECEIPT_BATCH_MAX: usize = 512;
/// Receipts (displayed, opened) in one Ack or one HTTPS request.
pub const RECEIPTS_PER_REQUEST_MAX: usize = 100;
/// Upstream message from a device.
pub const UPSTREAM_MAX_BYTES: usize = 4_096;
/// Upstream messages of one link that wait to become durable; the next one is answered "busy".
pub const UPSTREAM_MAX_IN_FLIGHT: usize = 8;
/// Topic of an upstream message.
pub const UPSTREAM_TOPIC_MAX_BYTES: usize = 128;

/// A gateway renews its lease this often.
pub const LEASE_RENEW_EVERY: Millis = 5_000;
/// A lease is valid this long after its last renewal: three missed renewals.
pub const LEASE_VALID_FOR: Millis = 15_000;
/// A gateway that could not renew for so long takes no new links: 5 s before others stop believing in it.
pub const LEASE_STOP_ACCEPTING_AFTER: Millis = 10_000;
/// A closed link's route is detached after this pause, so that a roaming device does not flap.
pub const DETACH_AFTER: Millis = 30_000;
/// An accepted message whose job may have been lost is looked at again after this.
pub const ACCEPTED_SWEEP_AFTER: Millis = 60_000;
/// What is still pending is closed as expired this long after the message expires.
pub const CLOSE_AFTER_EXPIRY: Millis = 3_600_000;
/// A message may be scheduled this far ahead: a year covers every yearly occasion, and as long its row waits.
pub const SCHEDULE_MAX_AHEAD: Millis = 365 * 24 * 3_600_000;
/// A release time may lie this far back, and then means at once: clocks differ, and a request takes its time.
pub const SCHEDULE_PAST_TOLERANCE: Millis = 60_000;
/// Occurrences that a recurring message may be limited to: one every second for eleven days. Without a limit it has no end.
pub const SERIES_MAX_OCCURRENCES: u32 = 1_000_000;
/// A full mailbox of a live device is tried again after this.
pub const FULL_MAILBOX_RETRY: Millis = 1_000;
/// An idempotency key is honoured at least this long; a message row lives longer than that anyway.
pub const IDEMPOTENCY_KEPT_FOR: Millis = 24 * 3_600_000;
/// Longest Idempotency-Key header.
pub const IDEMPOTENCY_KEY_MAX_BYTES: usize = 255;
/// Message rows and delivery rows are kept this long: the 30 days of history that the statistics promise.
pub const HISTORY_KEPT_FOR: Millis = 30 * 24 * 3_600_000;

/// Longest delay of a queue item: SQS's 15 minutes. What must wait longer is delayed again.
pub const QUEUE_DELAY_MAX: Millis = 15 * 60_000;
/// How long a hand-off of a "now or never" message may take from dispatch to the link. Its time to live is 0, which no
/// hand-off could meet; half a minute bridges a busy gateway and a dead one's lease.
pub const NOW_OR_NEVER_HAND_OFF: Millis = 30_000;

/// Longest name of an app's version in figures, in bytes: a semantic version with a short suffix.
pub const VERSION_LABEL_MAX_BYTES: usize = 22;
/// Versions of an app that figures tell apart; beyond it they are one. More would make a message's numbers outgrow their item.
pub const VERSION_LABELS_MAX: usize = 32;
/// Figures by the minute are kept this long: for today's page and a look at yesterday.
pub const STATISTICS_MINUTES_KEPT_FOR: Millis = 2 * 24 * 3_600_000;
/// Figures by the hour are kept this long: the 30 days of history and the hours around them.
pub const STATISTICS_HOURS_KEPT_FOR: Millis = 32 * 24 * 3_600_000;
/// Figures by the day are kept this long: a year, and what came before the same day of it.
pub const STATISTICS_DAYS_KEPT_FOR: Millis = 400 * 24 * 3_600_000;
/// Periods of one answer: a day of minutes, two months of hours, and some.
pub const STATISTICS_MAX_PERIODS: usize = 1_500;
/// Periods that one batch of receipts adds to: what a transaction of DynamoDB takes (100 items), without the batch's mark.
pub const STATISTICS_PERIODS_PER_BATCH: usize = 99;
