//! Cuts chunks of bytes into lines, and holds no more than one line and the chunk.

use axum::body::Bytes;

/// Longest line: twice the longest name of a user. Of a longer one nothing is kept but its number.
pub const LINE_MAX_BYTES: usize = 256;
/// What some editors write before a text in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A line that is not blank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Counted from 1, blank ones included.
    pub number: u64,
    /// Without its end.
    pub text: Result<String, LineFault>,
}

/// Why a line is no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineFault {
    /// Longer than [`LINE_MAX_BYTES`].
    #[error("must be at most {LINE_MAX_BYTES} bytes")]
    TooLong,
    /// Not UTF-8.
    #[error("must be UTF-8")]
    NotUtf8,
}

/// The lines of a text that comes in chunks.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    chunk: Bytes,
    /// The beginning of a line whose end has not come.
    begun: Vec<u8>,
    is_too_long: bool,
    /// Of the last line that ended.
    number: u64,
}

impl Splitter {
    /// Takes the next chunk in, after all lines of the last one were taken out.
    pub(super) fn feed(&mut self, chunk: Bytes) {
        debug_assert!(self.chunk.is_empty(), "the chunk before is used up");
        self.chunk = chunk;
    }

    /// The next line that ends in the chunk; `None` = the chunk is used up.
    pub(super) fn next_line(&mut self) -> Option<Line> {
        while let Some(end) = self.chunk.iter().position(|byte| *byte == b'\n') {
            let rest = self.chunk.split_to(end + 1);
            self.extend(&rest[..end]);
            if let Some(line) = self.end_line() {
                return Some(line);
            }
        }
        let rest = std::mem::take(&mut self.chunk);
        self.extend(&rest);
        None
    }

    /// What stands behind the last end of a line, once there are no more chunks.
    pub(super) fn last_line(&mut self) -> Option<Line> {
        self.end_line()
    }

    fn extend(&mut self, bytes: &[u8]) {
        // One byte more, for the carriage return before the line's end, and the mark before the first line.
        let room = LINE_MAX_BYTES + 1 + BYTE_ORDER_MARK.len();
        self.is_too_long |= self.begun.len() + bytes.len() > room;
        if !self.is_too_long {
            self.begun.extend_from_slice(bytes);
        }
    }

    fn end_line(&mut self) -> Option<Line> {
        self.number += 1;
        let bytes = std::mem::take(&mut self.begun);
        let number = self.number;
        let mut text = bytes.strip_suffix(b"\r").unwrap_or(&bytes);
        if number == 1 {
            text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
        }
        if std::mem::take(&mut self.is_too_long) || text.len() > LINE_MAX_BYTES {
            return Some(Line { number, text: Err(LineFault::TooLong) });
        }
        match std::str::from_utf8(text) {
            Ok(text) if text.trim().is_empty() => None,
            Ok(text) => Some(Line { number, text: Ok(text.to_owned()) }),
            Err(_) => Some(Line { number, text: Err(LineFault::NotUtf8) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(chunks: &[&[u8]]) -> Vec<Line> {
        let mut splitter = Splitter::default();
        let mut lines = Vec::new();
        for chunk in chunks {
            splitter.feed(Bytes::copy_from_slice(chunk));
            while let Some(line) = splitter.next_line() {
                lines.push(line);
            }
        }
        lines.extend(splitter.last_line());
        lines
    }

    #[test]
    fn a_wrong_line_keeps_its_number_and_harms_no_other() {
        let long = [b'x'; LINE_MAX_BYTES + 1];
        let longest = [b'y'; LINE_MAX_BYTES];
        let text = [b"a\n \t\n", &long[..], b"\n\xff\n", &longest[..], b"\r\nb"].concat();
        for chunk in [1, 3, 200, 10_000] {
            let lines = split(&text.chunks(chunk).collect::<Vec<_>>());
            let expected = [
                (1, Ok("a".to_owned())),
                (3, Err(LineFault::TooLong)),
                (4, Err(LineFault::NotUtf8)),
                (5, Ok("y".repeat(LINE_MAX_BYTES))),
                (6, Ok("b".to_owned())),
            ];
            assert_eq!(lines, expected.map(|(number, text)| Line { number, text }), "in chunks of {chunk}");
        }
    }

    #[test]
    fn an_endless_line_takes_no_memory() {
        let mut splitter = Splitter::default();
        for _ in 0..1_000 {
            splitter.feed(Bytes::from_static(&[b'x'; 1_000]));
            assert_eq!(splitter.next_line(), None);
            assert!(splitter.begun.len() <= 1_004);
        }
        assert_eq!(splitter.last_line(), Some(Line { number: 1, text: Err(LineFault::TooLong) }));
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_name() {
        assert_eq!(split(&[b"\xef\xbb\xbfalice\nbob"])[0].text, Ok("alice".to_owned()));
    }
}
