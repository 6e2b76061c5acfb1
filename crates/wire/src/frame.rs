//! What stands in each frame. Field numbers are append-only: a number once used never changes its meaning.

use bytes::Bytes;
use prost::{Enumeration, Message};

/// Declares the frames once: the enum, its types, and how bodies are read and written.
macro_rules! frames {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        /// The types of frames that this end knows.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum FrameType {
            $($(#[$doc])* $name = $code,)*
        }

        impl FrameType {
            /// The known type with this number.
            #[must_use]
            pub const fn from_code(code: u64) -> Option<Self> {
                match code {
                    $($code => Some(Self::$name),)*
                    _ => None,
                }
            }
        }

        /// One frame.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Frame {
            $($(#[$doc])* $name($name),)*
        }

        impl Frame {
            /// Its type.
            #[must_use]
            pub const fn frame_type(&self) -> FrameType {
                match self {
                    $(Self::$name(_) => FrameType::$name,)*
                }
            }

            pub(crate) fn body_len(&self) -> usize {
                match self {
                    $(Self::$name(body) => body.encoded_len(),)*
                }
            }

            pub(crate) fn encode_body(&self, buffer: &mut bytes::BytesMut) {
                match self {
                    $(Self::$name(body) => body.encode_raw(buffer),)*
                }
            }

            pub(crate) fn decode_body(frame_type: FrameType, body: Bytes) -> Result<Self, prost::DecodeError> {
                Ok(match frame_type {
                    $(FrameType::$name => Self::$name($name::decode(body)?),)*
                })
            }
        }

        $(impl From<$name> for Frame {
            fn from(body: $name) -> Self {
                Self::$name(body)
            }
        })*
    };
}

frames! {
    /// Device → gateway, first frame: who it is and where it stands.
    Hello = 0x01,
    /// Gateway → device: it owns the device now.
    Welcome = 0x02,
    /// Gateway → device: a message.
    Push = 0x03,
    /// Device → gateway: everything up to here is safe, and what the person did.
    Ack = 0x04,
    /// Device → gateway: heartbeat.
    Ping = 0x05,
    /// Gateway → device: heartbeat's answer.
    Pong = 0x06,
    /// Gateway → device: the timed downlink probe that a Ping asked for.
    Probe = 0x07,
    /// Gateway → device: these seqs will never come.
    Skip = 0x08,
    /// Gateway → device: take back a message that may have been shown.
    Recall = 0x09,
    /// Gateway → device: connect elsewhere.
    GoAway = 0x0a,
    /// Device → gateway: a message to the business.
    Up = 0x0b,
    /// Gateway → device: that message is durable, or why not.
    UpAck = 0x0c,
    /// Gateway → device: heartbeat settings changed.
    HeartbeatConfig = 0x0e,
    /// Either way: the last frame.
    Close = 0x0f,
}

/// First frame of a device.
#[derive(Clone, PartialEq, Message)]
pub struct Hello {
    /// Device id, 16 bytes.
    #[prost(bytes = "bytes", tag = "1")]
    pub device: Bytes,
    /// App id.
    #[prost(string, tag = "2")]
    pub app: String,
    /// Life of the mailbox that `last_seq` belongs to.
    #[prost(uint64, tag = "3")]
    pub epoch: u64,
    /// Largest n such that everything up to n was durably processed or skipped.
    #[prost(uint64, tag = "4")]
    pub last_seq: u64,
    /// Connection number, raised and persisted before this frame is sent.
    #[prost(uint64, tag = "5")]
    pub conn_seq: u64,
    /// Which fleet key the device's secret derives from.
    #[prost(uint32, tag = "6")]
    pub key_id: u32,
    /// Generation of the device's secret.
    #[prost(uint32, tag = "7")]
    pub credential_generation: u32,
    /// MAC over the TLS exporter, 16 bytes: bound to this connection.
    #[prost(bytes = "bytes", tag = "8")]
    pub auth: Bytes,
    /// Hash of the network it is on, for heartbeat statistics.
    #[prost(uint64, tag = "9")]
    pub network_hash: u64,
    /// Name and version of the SDK.
    #[prost(string, tag = "10")]
    pub sdk: String,
    /// Unacknowledged messages that it can hold; 0 = the default.
    #[prost(uint32, tag = "11")]
    pub window: u32,
    /// Offset in the app's feed up to which everything was durably processed or is not for this device.
    #[prost(uint64, tag = "12")]
    pub feed_offset: u64,
    /// The device keeps `feed_offset` of Push, Recall and Pong, and acknowledges it. One that does not gets the same messages
    /// as "now or never" ones, again on each link until they expire, and knows them by their ids.
    #[prost(bool, tag = "13")]
    pub reads_feed: bool,
}

/// How a link goes on from the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Enumeration)]
#[repr(i32)]
pub enum Resumption {
    /// Everything after `last_seq` follows.
    Resumed = 0,
    /// The cursor does not fit: the device takes the new epoch and `lo - 1`; the app should synchronise.
    Reset = 1,
}

/// A heartbeat interval of one transport, in milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Message)]
pub struct HeartbeatInterval {
    /// First interval on an unknown network.
    #[prost(uint32, tag = "1")]
    pub initial: u32,
    /// Never more often.
    #[prost(uint32, tag = "2")]
    pub minimum: u32,
    /// Never less often.
    #[prost(uint32, tag = "3")]
    pub maximum: u32,
}

/// Heartbeat settings of the transport that the link runs on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Message)]
pub struct HeartbeatConfig {
    /// The interval.
    #[prost(message, optional, tag = "1")]
    pub interval: Option<HeartbeatInterval>,
    /// The gateway declares the link dead after this many per cent of the announced interval, plus 10 s.
    #[prost(uint32, tag = "2")]
    pub idle_factor_percent: u32,
}

/// The gateway owns the device.
#[derive(Clone, PartialEq, Message)]
pub struct Welcome {
    /// How it goes on.
    #[prost(enumeration = "Resumption", tag = "1")]
    pub resumption: i32,
    /// Life of the mailbox.
    #[prost(uint64, tag = "2")]
    pub epoch: u64,
    /// First seq that is kept.
    #[prost(uint64, tag = "3")]
    pub lo: u64,
    /// Last seq given out.
    #[prost(uint64, tag = "4")]
    pub hi: u64,
    /// Heartbeat settings.
    #[prost(message, optional, tag = "5")]
    pub heartbeat: Option<HeartbeatConfig>,
    /// The gateway's clock, milliseconds since 1970.
    #[prost(uint64, tag = "6")]
    pub server_ms: u64,
}

/// How the payload is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Enumeration)]
#[repr(i32)]
pub enum PayloadEncoding {
    /// UTF-8 JSON.
    Json = 0,
    /// RFC 8291 aes128gcm, end to end.
    Aes128Gcm = 1,
}

impl PayloadEncoding {
    /// What a payload is: one that is encrypted for its device begins with a byte that no JSON begins with.
    #[must_use]
    pub fn of(payload: &[u8]) -> Self {
        if payload.first() == Some(&0x01) { Self::Aes128Gcm } else { Self::Json }
    }
}

/// Urgency of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Enumeration)]
#[repr(i32)]
pub enum PushPriority {
    /// The default.
    Normal = 0,
    /// May wait.
    Low = 1,
    /// A person waits.
    High = 2,
}

/// A message.
#[derive(Clone, PartialEq, Message)]
pub struct Push {
    /// Its number; 0 = none ("now or never"): acknowledged by a receipt.
    #[prost(uint64, tag = "1")]
    pub seq: u64,
    /// Message id, 16 bytes.
    #[prost(bytes = "bytes", tag = "2")]
    pub message: Bytes,
    /// When it was accepted, milliseconds since 1970.
    #[prost(uint64, tag = "3")]
    pub accepted_ms: u64,
    /// Not shown from here on, milliseconds since 1970.
    #[prost(uint64, tag = "4")]
    pub expires_ms: u64,
    /// Urgency.
    #[prost(enumeration = "PushPriority", tag = "5")]
    pub priority: i32,
    /// A newer message with this key replaces what is shown.
    #[prost(string, tag = "6")]
    pub collapse_key: String,
    /// How to read the payload.
    #[prost(enumeration = "PayloadEncoding", tag = "7")]
    pub encoding: i32,
    /// The payload.
    #[prost(bytes = "bytes", tag = "8")]
    pub payload: Bytes,
    /// Set when it came by the app's feed: its offset there. It has no seq then.
    #[prost(uint64, tag = "9")]
    pub feed_offset: u64,
}

/// What a receipt from the device says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Enumeration)]
#[repr(i32)]
pub enum FactKind {
    /// A message without a seq is safe on the device.
    Received = 0,
    /// Shown.
    Displayed = 1,
    /// Opened.
    Opened = 2,
    /// Swiped away.
    Dismissed = 3,
}

/// One receipt from the device; idempotent by (message, kind).
#[derive(Clone, PartialEq, Message)]
pub struct FactReceipt {
    /// Message id, 16 bytes.
    #[prost(bytes = "bytes", tag = "1")]
    pub message: Bytes,
    /// What happened.
    #[prost(enumeration = "FactKind", tag = "2")]
    pub kind: i32,
    /// When, milliseconds since 1970, by the device's clock.
    #[prost(uint64, tag = "3")]
    pub at_ms: u64,
}

/// Cumulative acknowledgement.
#[derive(Clone, PartialEq, Message)]
pub struct Ack {
    /// Everything up to here is durably processed or skipped.
    #[prost(uint64, tag = "1")]
    pub seq: u64,
    /// What the person did; at most 100.
    #[prost(message, repeated, tag = "2")]
    pub receipts: Vec<FactReceipt>,
    /// The same for the app's feed; 0 = nothing new.
    #[prost(uint64, tag = "3")]
    pub feed_offset: u64,
}

/// Heartbeat.
#[derive(Clone, PartialEq, Message)]
pub struct Ping {
    /// An acknowledgement that rides along.
    #[prost(message, optional, tag = "1")]
    pub ack: Option<Ack>,
    /// Send a Probe after so many milliseconds, unless something else goes out; 0 = none.
    #[prost(uint32, tag = "2")]
    pub probe_after_ms: u32,
    /// The next Ping comes within so many milliseconds; 0 = unchanged.
    #[prost(uint32, tag = "3")]
    pub next_ms: u32,
}

/// Heartbeat's answer.
#[derive(Clone, PartialEq, Message)]
pub struct Pong {
    /// The device's address as the gateway sees it; empty = unchanged.
    #[prost(string, tag = "1")]
    pub observed: String,
    /// Move elsewhere.
    #[prost(message, optional, tag = "2")]
    pub go_away: Option<GoAway>,
    /// Heartbeat settings changed.
    #[prost(message, optional, tag = "3")]
    pub heartbeat: Option<HeartbeatConfig>,
    /// Up to this offset nothing of the app's feed is for the device beyond what it has; 0 = unchanged.
    #[prost(uint64, tag = "4")]
    pub feed_offset: u64,
}

/// The timed downlink probe.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Message)]
pub struct Probe {}

/// Why seqs are skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Enumeration)]
#[repr(i32)]
pub enum SkipReason {
    /// Their time ran out.
    Expired = 0,
    /// Recalled by the sender.
    Recalled = 1,
    /// A newer one with the same collapse key exists.
    Collapsed = 2,
    /// The mailbox was full: messages are lost, the app should synchronise.
    Overflow = 3,
    /// Addressed to a user who no longer uses the device.
    Unbound = 4,
}

/// Seqs that will never come.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Message)]
pub struct Skip {
    /// The last skipped seq; the first is the one after the last Push or Skip.
    #[prost(uint64, tag = "1")]
    pub to_seq: u64,
    /// Why.
    #[prost(enumeration = "SkipReason", tag = "2")]
    pub reason: i32,
    /// How many seqs.
    #[prost(uint64, tag = "3")]
    pub count: u64,
}

/// Take back a message. It is a message of its own: numbered, acknowledged and skipped like a Push.
#[derive(Clone, PartialEq, Message)]
pub struct Recall {
    /// Id of the message to take back, 16 bytes.
    #[prost(bytes = "bytes", tag = "1")]
    pub message: Bytes,
    /// Its own number; 0 = none: nothing to acknowledge.
    #[prost(uint64, tag = "2")]
    pub seq: u64,
    /// Id of the recall itself, 16 bytes; empty = none.
    #[prost(bytes = "bytes", tag = "3")]
    pub recall: Bytes,
    /// Set when it came by the app's feed: its offset there. It has no seq then.
    #[prost(uint64, tag = "4")]
    pub feed_offset: u64,
}

/// Connect elsewhere.
#[derive(Clone, PartialEq, Message)]
pub struct GoAway {
    /// Within a random part of so many milliseconds.
    #[prost(uint32, tag = "1")]
    pub spread_ms: u32,
    /// `host:port` to use; empty = ask the router.
    #[prost(string, tag = "2")]
    pub address: String,
}

/// A message to the business.
#[derive(Clone, PartialEq, Message)]
pub struct Up {
    /// The device's own number: a repeat has the same.
    #[prost(uint64, tag = "1")]
    pub id: u64,
    /// What it is about.
    #[prost(string, tag = "2")]
    pub topic: String,
    /// The payload.
    #[prost(bytes = "bytes", tag = "3")]
    pub payload: Bytes,
}

/// What became of an Up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Enumeration)]
#[repr(i32)]
pub enum UpCode {
    /// Durable.
    Stored = 0,
    /// Too many under way, or the store does not answer: send it again later.
    Busy = 1,
    /// Too large or malformed: never send it again.
    Refused = 2,
}

/// Answer to an Up.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Message)]
pub struct UpAck {
    /// Of which Up.
    #[prost(uint64, tag = "1")]
    pub id: u64,
    /// What became of it.
    #[prost(enumeration = "UpCode", tag = "2")]
    pub code: i32,
}

/// Why a link ends. Over QUIC the same number is the application error code of the connection close.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Enumeration)]
#[repr(i32)]
pub enum CloseCode {
    /// The device leaves cleanly, or no reason is needed.
    Normal = 0,
    /// A connection with a larger number took over (`detail` = that number).
    Superseded = 1,
    /// This connection number is not new (`detail` = the fence).
    StaleConnection = 2,
    /// The MAC is wrong, or the secret is of an old generation.
    Authentication = 3,
    /// The device is deregistered.
    Revoked = 4,
    /// Come back after `retry_after_ms`.
    Overload = 5,
    /// The other end broke the protocol.
    Protocol = 6,
    /// The gateway is being drained.
    Drain = 7,
    /// Nothing was heard for too long.
    Idle = 8,
}

/// The last frame.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Message)]
pub struct Close {
    /// Why.
    #[prost(enumeration = "CloseCode", tag = "1")]
    pub code: i32,
    /// Come back not before so many milliseconds; 0 = as the backoff says.
    #[prost(uint32, tag = "2")]
    pub retry_after_ms: u32,
    /// A number that belongs to the code.
    #[prost(uint64, tag = "3")]
    pub detail: u64,
}
