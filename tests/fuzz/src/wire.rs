//! Frames from a stranger.

use bytes::BytesMut;
use homing_wire::{DecodeError, Decoder, FRAME_MAX_BYTES, Frame, encode};

/// The first byte says in what pieces the rest arrives. However it arrives, the frames and the error are the same; what
/// waits for its rest is bounded; and a frame written back is read as the same frame.
pub fn wire_frames(data: &[u8]) {
    let Some((first, stream)) = data.split_first() else { return };
    let piece = usize::from(*first).max(1);
    let whole = frames(stream.chunks(stream.len().max(1)), usize::MAX);
    // Beside what came with the last piece, at most one unfinished frame waits, with its length before it.
    let apart = frames(stream.chunks(piece), FRAME_MAX_BYTES + 8 + piece);
    assert_eq!(whole, apart, "read in pieces of {piece}");
    for frame in &whole.0 {
        assert_reads_back(frame);
    }
}

fn frames<'a>(pieces: impl Iterator<Item = &'a [u8]>, buffered_max: usize) -> (Vec<Frame>, Option<DecodeError>) {
    let mut decoder = Decoder::new();
    let mut frames = Vec::new();
    for piece in pieces {
        decoder.feed(piece);
        loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
        assert!(decoder.buffered() <= buffered_max, "{} bytes wait", decoder.buffered());
    }
    (frames, None)
}

fn assert_reads_back(frame: &Frame) {
    let mut buffer = BytesMut::new();
    encode(frame, &mut buffer);
    // A number that was written short may be longer in its one proper form: then the frame may not fit any more.
    if buffer.len() > FRAME_MAX_BYTES {
        return;
    }
    let mut decoder = Decoder::new();
    decoder.feed(&buffer);
    assert_eq!(decoder.next_frame().as_ref(), Ok(&Some(frame.clone())));
    assert_eq!(decoder.next_frame(), Ok(None));
    assert_eq!(decoder.buffered(), 0);
}
