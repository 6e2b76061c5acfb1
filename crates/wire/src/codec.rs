//! Frames to bytes and back.

use bytes::{Buf, Bytes, BytesMut};

use crate::frame::{Frame, FrameType};
use crate::{FIRST_IGNORABLE_TYPE, FRAME_MAX_BYTES, varint};

/// Why bytes are not frames. Each of these ends the link.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DecodeError {
    /// Longer than [`FRAME_MAX_BYTES`].
    #[error("a frame of {length} bytes is longer than {FRAME_MAX_BYTES}")]
    TooLong {
        /// What its length field says.
        length: u64,
    },
    /// A length that leaves no room for the type.
    #[error("a frame without a type")]
    NoType,
    /// A type that this end must know and does not.
    #[error("unknown frame type {code:#x}")]
    UnknownType {
        /// The type.
        code: u64,
    },
    /// The body is no protobuf of its type.
    #[error("malformed {frame_type:?} frame: {source}")]
    Body {
        /// The type.
        frame_type: FrameType,
        /// What the protobuf decoder found.
        source: prost::DecodeError,
    },
}

/// Appends a frame's bytes.
pub fn encode(frame: &Frame, buffer: &mut BytesMut) {
    let code = frame.frame_type() as u64;
    let length = varint::size(code) + frame.body_len();
    buffer.reserve(varint::size(length as u64) + length);
    varint::put(length as u64, buffer);
    varint::put(code, buffer);
    frame.encode_body(buffer);
}

/// Cuts a stream of bytes into frames. Holds at most one unfinished frame and what came with it, and nothing when idle.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: BytesMut,
}

impl Decoder {
    /// With nothing read yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes in, in the order in which they were sent.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Bytes that wait for the rest of their frame.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// The next whole frame, `None` when more bytes are needed. Ignorable unknown frames are passed over.
    ///
    /// # Errors
    /// [`DecodeError`]: the stream is of no use from here on.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, DecodeError> {
        loop {
            let Some((code, body)) = self.cut()? else {
                if self.buffer.is_empty() {
                    // An idle link keeps no buffer.
                    self.buffer = BytesMut::new();
                }
                return Ok(None);
            };
            let Some(frame_type) = FrameType::from_code(code) else {
                if code >= FIRST_IGNORABLE_TYPE {
                    continue;
                }
                return Err(DecodeError::UnknownType { code });
            };
            return Frame::decode_body(frame_type, body)
                .map(Some)
                .map_err(|source| DecodeError::Body { frame_type, source });
        }
    }

    fn cut(&mut self) -> Result<Option<(u64, Bytes)>, DecodeError> {
        let Some((length, header)) = varint::read(&self.buffer) else {
            return Ok(None);
        };
        let length_bytes =
            usize::try_from(length).ok().filter(|n| *n <= FRAME_MAX_BYTES).ok_or(DecodeError::TooLong { length })?;
        if length_bytes == 0 {
            return Err(DecodeError::NoType);
        }
        let Some(content) = self.buffer.get(header..header + length_bytes) else {
            return Ok(None);
        };
        let (code, type_bytes) = varint::read(content).ok_or(DecodeError::NoType)?;
        self.buffer.advance(header);
        let mut content = self.buffer.split_to(length_bytes).freeze();
        content.advance(type_bytes);
        Ok(Some((code, content)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::frame::{Ack, Hello, Ping, Pong, Push, Recall, Skip};

    fn bytes_of(frame: &Frame) -> BytesMut {
        let mut buffer = BytesMut::new();
        encode(frame, &mut buffer);
        buffer
    }

    fn push(seq: u64, payload: Vec<u8>) -> Frame {
        Push { seq, message: Bytes::from_static(&[7; 16]), payload: payload.into(), ..Push::default() }.into()
    }

    #[test]
    fn an_empty_ping_is_two_bytes() {
        assert_eq!(bytes_of(&Ping::default().into()).as_ref(), [1, 5]);
    }

    /// Their tags never change. Without one, a frame is what it was before there were feeds, to the byte.
    #[test]
    fn offsets_in_the_feed_have_their_place() {
        let frames: [(Frame, &[u8]); 6] = [
            (Ack { seq: 5, ..Ack::default() }.into(), &[3, 4, 0x08, 5]),
            (Ack { seq: 5, feed_offset: 7, ..Ack::default() }.into(), &[5, 4, 0x08, 5, 0x18, 7]),
            (Pong { feed_offset: 7, ..Pong::default() }.into(), &[3, 6, 0x20, 7]),
            (Push { feed_offset: 7, ..Push::default() }.into(), &[3, 3, 0x48, 7]),
            (Recall { feed_offset: 7, ..Recall::default() }.into(), &[3, 9, 0x20, 7]),
            (Hello { feed_offset: 7, reads_feed: true, ..Hello::default() }.into(), &[5, 1, 0x60, 7, 0x68, 1]),
        ];
        for (frame, bytes) in frames {
            assert_eq!(bytes_of(&frame).as_ref(), bytes);
            let mut decoder = Decoder::new();
            decoder.feed(bytes);
            assert_eq!(decoder.next_frame(), Ok(Some(frame)));
        }
    }

    #[test]
    fn hostile_streams_end() {
        let cases: [(&[u8], DecodeError); 4] = [
            (&[0x80, 0x00, 0x40, 0x00], DecodeError::TooLong { length: 0x4000 }),
            (&[0x00], DecodeError::NoType),
            (&[0x01, 0x3f], DecodeError::UnknownType { code: 0x3f }),
            (&[0x01, 0x40], DecodeError::NoType),
        ];
        for (bytes, error) in cases {
            let mut decoder = Decoder::new();
            decoder.feed(bytes);
            assert_eq!(decoder.next_frame(), Err(error));
        }
        let mut decoder = Decoder::new();
        decoder.feed(&[0x03, 0x08, 0x08, 0xff]);
        assert!(matches!(decoder.next_frame(), Err(DecodeError::Body { frame_type: FrameType::Skip, .. })));
    }

    #[test]
    fn unknown_ignorable_frames_are_passed_over() {
        let mut decoder = Decoder::new();
        decoder.feed(&[0x03, 0x40, 0x40, 0x99]);
        decoder.feed(&bytes_of(&Ping::default().into()));
        assert_eq!(decoder.next_frame(), Ok(Some(Ping::default().into())));
        assert_eq!(decoder.next_frame(), Ok(None));
        assert_eq!(decoder.buffered(), 0);
    }

    #[test]
    fn the_largest_push_fits() {
        let frame = push(u64::MAX, vec![0xee; homing_domain::limits::PAYLOAD_MAX_BYTES]);
        assert!(bytes_of(&frame).len() < FRAME_MAX_BYTES);
    }

    proptest! {
        #[test]
        fn frames_survive_any_cutting(
            seqs in proptest::collection::vec((any::<u64>(), proptest::collection::vec(any::<u8>(), 0..300)), 1..8),
            cut in 1_usize..64,
        ) {
            let mut frames = Vec::new();
            for (seq, payload) in seqs {
                frames.push(push(seq, payload));
                frames.push(Ack { seq, receipts: vec![], feed_offset: 0 }.into());
                frames.push(Skip { to_seq: seq, reason: 3, count: 2 }.into());
            }
            let mut stream = BytesMut::new();
            frames.iter().for_each(|frame| encode(frame, &mut stream));
            let mut decoder = Decoder::new();
            let mut seen = Vec::new();
            for piece in stream.chunks(cut) {
                decoder.feed(piece);
                while let Some(frame) = decoder.next_frame().unwrap() {
                    seen.push(frame);
                }
            }
            prop_assert_eq!(seen, frames);
        }

        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let mut decoder = Decoder::new();
            decoder.feed(&bytes);
            while let Ok(Some(_)) = decoder.next_frame() {}
        }
    }
}
