//! The log: one line for each push that was taken for a token.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// Lines kept in memory for `GET /control/log`: the file has them all.
const RECENT_MAX: usize = 100_000;

/// A push that was taken for a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Its number, from 1.
    pub number: u64,
    /// When it was taken: milliseconds since 1970.
    pub at: u64,
    /// The vendor, by its channel's name.
    pub vendor: String,
    /// For whom. Of a web push subscription its endpoint.
    pub token: String,
    /// Our message id as it travelled; empty when none did.
    pub message: String,
    /// The number of the request that brought it: several tokens may share one.
    pub request: u64,
}

/// The log's end in memory, and its file.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    file: Option<File>,
    recent: VecDeque<Line>,
    written: u64,
}

impl Journal {
    /// What is in the file stays. Only its owner may read it: it holds tokens.
    pub(crate) fn open(path: Option<&Path>) -> io::Result<Self> {
        let open = |path| OpenOptions::new().append(true).create(true).mode(0o600).open(path);
        Ok(Self { file: path.map(open).transpose()?, ..Self::default() })
    }

    /// The number of the next line.
    pub(crate) const fn next_number(&self) -> u64 {
        self.written + 1
    }

    /// Writes lines, all of them or none: whoever reads along never sees half a line.
    pub(crate) fn write(&mut self, lines: Vec<Line>) -> io::Result<()> {
        if let Some(file) = &mut self.file {
            let mut bytes = Vec::new();
            for line in &lines {
                serde_json::to_writer(&mut bytes, line)?;
                bytes.push(b'\n');
            }
            file.write_all(&bytes)?;
        }
        self.written += lines.len() as u64;
        self.recent.extend(lines);
        let surplus = self.recent.len().saturating_sub(RECENT_MAX);
        self.recent.drain(..surplus);
        Ok(())
    }

    /// Lines after a number, oldest first, of one vendor or of all.
    pub(crate) fn after(&self, number: u64, vendor: Option<&str>, limit: usize) -> Vec<&Line> {
        let wanted = |line: &&Line| line.number > number && vendor.is_none_or(|vendor| vendor == line.vendor);
        self.recent.iter().filter(wanted).take(limit).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(number: u64, vendor: &str) -> Line {
        Line { number, at: 1, vendor: vendor.into(), token: "t".into(), message: "m".into(), request: 1 }
    }

    #[test]
    fn lines_are_in_the_file_and_the_last_in_memory() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let mut journal = Journal::open(Some(&path)).unwrap();
        journal.write(vec![line(1, "apns"), line(2, "fcm")]).unwrap();
        journal.write(vec![line(3, "apns")]).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let read: Vec<Line> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(read, [line(1, "apns"), line(2, "fcm"), line(3, "apns")]);
        assert_eq!(journal.after(0, Some("apns"), 9), [&line(1, "apns"), &line(3, "apns")]);
        assert_eq!(journal.after(1, None, 1), [&line(2, "fcm")]);
        assert_eq!(journal.next_number(), 4);
        journal.write((4..4 + RECENT_MAX as u64).map(|number| line(number, "fcm")).collect()).unwrap();
        assert_eq!(journal.after(0, None, 1)[0].number, 4, "memory is bounded");
    }
}
