//! The nouns of Homing and the rules that hold between them, as pure values.
//!
//! Everything that decides what happens to a message lives here once: the stages and their legal moves, the balance,
//! the delivery row, the limits, and the mailbox of a device as a pure model that the embedded store runs, the
//! simulation weakens, and the DynamoDB expressions are checked against.
//!
//! **Must not know**: async runtimes, JSON, HTTP, any SDK, a clock or a source of randomness. The present time and new
//! ids come in as arguments.

mod app;
mod audience;
mod balance;
mod bus_event;
mod channel_config;
mod delivery;
mod device;
mod expression;
mod feed;
mod funnel;
mod gateway;
mod hand_off;
mod heartbeat;
mod id;
mod job;
pub mod limits;
pub mod mailbox;
mod message;
mod period;
mod preferences;
mod reason;
mod receipt;
mod schedule;
mod stage;
mod throttle;
mod time;
mod upload;
mod upstream;
mod vendor;
mod version_label;

pub use app::{AlertSettings, App, KeyDigest, ServerKey};
pub use audience::{Audience, Exclusion};
pub use balance::{Balance, Breakdown, Counter, ENUMERATION_WHOLE, Step, Tally};
pub use bus_event::{BusEvent, EventSettings, Presence, UpstreamRoute};
pub use channel_config::{ChannelConfig, ChannelCredential, ChannelPolicy};
pub use delivery::{Claimed, Delivery, DeviceSnapshot, Recorded, ReplacedEnd, Snapshots};
pub use device::{Device, DeviceProfile, Platform, VendorToken};
pub use expression::{Expression, ExpressionError};
pub use feed::{FeedAction, FeedCounts, FeedEntry, FeedHint, FeedJob, Lane, LaneChange};
pub use funnel::Funnel;
pub use gateway::{GatewayRef, Lease, Load, ServerId};
pub use hand_off::{HandOff, HandOffTarget, Notice, PushBody};
pub use heartbeat::{HeartbeatSettings, HeartbeatSettingsError, Interval};
pub use id::{
    AppId, AudienceId, BatchId, ConnSeq, DeviceId, Epoch, FeedOffset, IdError, MessageId, Seq, ShardId, UserHash,
    UserId,
};
pub use job::{AudienceJob, CloseJob, Cursor, DueTick, HeldJob, Shard, Target, Undelivered, VendorJob};
pub use message::{
    AmendedContent, AmendedRelease, Amendment, ChangeRefused, Control, DeliveryPolicy, Flow, Localization, Message,
    MessageChange, Options, Priority,
};
pub use period::{Granularity, Period};
pub use preferences::{Preferences, QuietHours, QuietHoursPolicy};
pub use reason::Reason;
pub use receipt::{Channel, Ended, Event, Fact, Receipt, ReceiptBatch};
pub use schedule::{Recurrence, Schedule, WallTime};
pub use stage::{IllegalMove, Stage};
pub use throttle::{Granted, Rate, Throttle};
pub use time::{Millis, UnixMillis};
pub use upload::{Member, MemberKey, MemberKind, UploadedAudience};
pub use upstream::{Upstream, UpstreamId};
pub use vendor::{ChannelJob, VendorAddress, VendorAnswer, VendorPush};
pub use version_label::VersionLabel;
