//! The first moments of a link: Hello out, Welcome in.

use bytes::Bytes;
use homing_domain::{AppId, ConnSeq, DeviceId, Millis, UnixMillis};
use homing_wire::{Decoder, Frame, Hello, Resumption, Welcome};

use super::arrival::Arrival;
use super::end::Ended;
use super::live::{Live, Place};
use super::memory::{Cursor, Memory};
use crate::Transport;

/// How long a gateway may take from Hello to Welcome: its takeover write may have to be retried.
const WELCOME_TIMEOUT: Millis = 10_000;

/// Who a device is on one connection.
#[derive(Clone, Debug)]
pub struct Introduction {
    /// Whose app.
    pub app: AppId,
    /// Which device.
    pub device: DeviceId,
    /// Which fleet key its secret derives from.
    pub key_id: u32,
    /// Generation of its secret.
    pub credential_generation: u32,
    /// This connection's number: raised, and durable.
    pub conn_seq: ConnSeq,
    /// The proof over this connection's TLS exporter.
    pub auth: [u8; 16],
    /// What the transport is.
    pub transport: Transport,
    /// Hash of the network; 0 = unknown.
    pub network_hash: u64,
    /// Name and version of the SDK.
    pub sdk: String,
}

/// A connection whose device has not been welcomed yet.
#[derive(Debug)]
pub struct Opening {
    decoder: Decoder,
    place: Place,
    cursor: Cursor,
    deadline: UnixMillis,
}

/// What came of the bytes.
#[derive(Debug)]
pub enum Opened {
    /// More are needed.
    Waiting(Opening),
    /// The gateway owns the device: the first effects wait in it.
    Live(Box<Live>),
    /// There is no link.
    Ended(Ended),
}

impl Opening {
    /// Starts, and gives the Hello to be sent.
    #[must_use]
    pub fn new(now: UnixMillis, introduction: &Introduction, memory: &Memory) -> (Self, Frame) {
        let cursor = memory.cursor();
        let hello = Hello {
            device: Bytes::copy_from_slice(introduction.device.as_bytes()),
            app: introduction.app.to_string(),
            epoch: cursor.epoch,
            last_seq: cursor.seq,
            conn_seq: introduction.conn_seq,
            key_id: introduction.key_id,
            credential_generation: introduction.credential_generation,
            auth: Bytes::copy_from_slice(&introduction.auth),
            network_hash: introduction.network_hash,
            sdk: introduction.sdk.clone(),
            window: 0,
            feed_offset: cursor.feed,
            reads_feed: true,
        };
        let opening = Self {
            decoder: Decoder::new(),
            place: Place {
                transport: introduction.transport,
                network_hash: introduction.network_hash,
                conn_seq: introduction.conn_seq,
            },
            cursor,
            deadline: now.plus(WELCOME_TIMEOUT),
        };
        (opening, hello.into())
    }

    /// When to give it up ([`Ended::Unreachable`]).
    #[must_use]
    pub const fn deadline(&self) -> UnixMillis {
        self.deadline
    }

    /// Takes what the gateway sent.
    #[must_use]
    pub fn receive(mut self, now: UnixMillis, bytes: &[u8], memory: &mut Memory) -> Opened {
        self.decoder.feed(bytes);
        match self.decoder.next_frame() {
            Ok(None) => Opened::Waiting(self),
            Ok(Some(Frame::Welcome(welcome))) => self.welcome(now, &welcome, memory),
            Ok(Some(Frame::Close(close))) => Opened::Ended(Ended::Closed(close.into())),
            Ok(Some(_)) | Err(_) => Opened::Ended(Ended::Protocol),
        }
    }

    fn welcome(self, now: UnixMillis, welcome: &Welcome, memory: &mut Memory) -> Opened {
        let (start, commit) = match Resumption::try_from(welcome.resumption) {
            Ok(Resumption::Resumed) if welcome.epoch == self.cursor.epoch => (self.cursor, None),
            Ok(Resumption::Reset) => {
                let seq = welcome.lo.saturating_sub(1);
                let start = Cursor { epoch: welcome.epoch, seq, ..self.cursor };
                (start, Some(memory.step(start, Arrival::Reset)))
            }
            _ => return Opened::Ended(Ended::Protocol),
        };
        let heartbeat = welcome.heartbeat.as_ref();
        let mut live = Live::new(now, self.place, start, heartbeat, self.decoder, memory);
        if let Some(commit) = commit {
            live.begin_with(commit);
        }
        live.receive(now, &[], memory);
        Opened::Live(Box::new(live))
    }
}
