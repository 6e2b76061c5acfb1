//! The frames of the device link, `homing/1`, and their bytes (device-link design, section 2).
//!
//! A frame is `length | type | body`: two variable-length integers as in RFC 9000 §16, then a protobuf body. `length`
//! counts the bytes after itself. Unknown types from 0x40 on are skipped, unknown ones below close the link; unknown
//! fields of a body are skipped, so that either end may be newer.
//!
//! **Must not know**: transports, runtimes, what a frame means to either end (that is `link`).

mod codec;
mod frame;
mod varint;

pub use codec::{DecodeError, Decoder, encode};
pub use frame::{
    Ack, Close, CloseCode, FactKind, FactReceipt, Frame, FrameType, GoAway, HeartbeatConfig, HeartbeatInterval, Hello,
    PayloadEncoding, Ping, Pong, Probe, Push, PushPriority, Recall, Resumption, Skip, SkipReason, Up, UpAck, UpCode,
    Welcome,
};

/// ALPN of the protocol, on QUIC and on TLS over TCP.
pub const ALPN: &[u8] = b"homing/1";

/// Longest frame after its length, in bytes: a payload of 4,096 B, a topic or key, and headers, with room to grow.
/// It also bounds what a link buffers of an unfinished frame.
pub const FRAME_MAX_BYTES: usize = 8 * 1_024;

/// Types from here on may be skipped by an end that does not know them.
pub const FIRST_IGNORABLE_TYPE: u64 = 0x40;
