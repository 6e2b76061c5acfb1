//! A list cut into parts at the ends of lines.

use std::io::{self, BufRead as _, BufReader, Read};

use bytes::Bytes;

/// Lines of one part: seconds of a store's work, so that no part runs into the time limit of a request.
const LINES_MAX: u64 = 20_000;
/// Bytes of one part, in which the largest request of API Gateway and Lambda (6 MB) fits three times.
const BYTES_MAX: usize = 2 * 1_024 * 1_024;
/// A line longer than this is cut: the server refuses its first piece as too long, and the rest as well.
const LINE_MAX_BYTES: u64 = 64 * 1_024;

/// Some lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) text: Bytes,
    /// How many lines came before it.
    pub(super) lines_before: u64,
}

/// The parts of a text.
pub(super) struct Parts<R> {
    input: BufReader<R>,
    lines: u64,
}

impl<R: Read> Parts<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input: BufReader::new(input), lines: 0 }
    }

    /// The next part; `None` = that was all.
    pub(super) fn next_part(&mut self) -> io::Result<Option<Part>> {
        let lines_before = self.lines;
        let mut text = Vec::new();
        while self.lines - lines_before < LINES_MAX && text.len() < BYTES_MAX {
            if self.input.by_ref().take(LINE_MAX_BYTES).read_until(b'\n', &mut text)? == 0 {
                break;
            }
            self.lines += 1;
        }
        Ok((!text.is_empty()).then(|| Part { text: text.into(), lines_before }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_end_where_lines_end_and_know_their_place() {
        let text = (0..45_000).map(|line| format!("user-{line}\n")).collect::<String>() + "last";
        let mut parts = Parts::new(text.as_bytes());
        let mut whole = Vec::new();
        let mut before = Vec::new();
        while let Some(part) = parts.next_part().unwrap() {
            assert_eq!(whole.iter().filter(|byte| **byte == b'\n').count() as u64, part.lines_before);
            before.push(part.lines_before);
            whole.extend_from_slice(&part.text);
        }
        assert_eq!(before, [0, 20_000, 40_000]);
        assert_eq!(whole, text.as_bytes());
    }

    #[test]
    fn a_part_is_small_however_long_its_lines_are() {
        let text = vec![b'x'; 5 * BYTES_MAX];
        let mut parts = Parts::new(&text[..]);
        let mut whole = 0;
        while let Some(part) = parts.next_part().unwrap() {
            assert!(part.text.len() <= BYTES_MAX + 64 * 1_024);
            whole += part.text.len();
        }
        assert_eq!(whole, text.len());
        assert_eq!(Parts::new(&b""[..]).next_part().unwrap(), None);
    }
}
