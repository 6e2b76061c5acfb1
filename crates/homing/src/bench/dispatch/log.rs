//! A vendor's log, read along.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

use anyhow::Result;
use homing_vendor_simulator::Line;

/// A message's id as it travels to a vendor, and so stands in the log: without hyphens.
pub(super) fn as_it_travels(message: &str) -> String {
    message.replace('-', "")
}

/// How far a log has been read.
#[derive(Debug)]
pub(super) struct VendorLog {
    path: PathBuf,
    read: u64,
}

impl VendorLog {
    pub(super) const fn new(path: PathBuf) -> Self {
        Self { path, read: 0 }
    }

    /// What was written since the last look. A line that is not whole yet comes with the next one.
    pub(super) fn lines(&mut self) -> Result<Vec<Line>> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.read))?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let whole = text.rfind('\n').map_or(0, |at| at + 1);
        self.read += whole as u64;
        Ok(text.get(..whole).unwrap_or_default().lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn each_line_is_read_once_and_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let mut file = File::create(&path).unwrap();
        let line = |number: u64| {
            format!(r#"{{"number":{number},"at":1,"vendor":"fcm","token":"t","message":"m","request":1}}"#)
        };
        let mut log = VendorLog::new(path);
        assert!(log.lines().unwrap().is_empty());
        write!(file, "{}\n{}", line(1), line(2).get(..9).unwrap()).unwrap();
        assert_eq!(log.lines().unwrap().iter().map(|line| line.number).collect::<Vec<_>>(), [1]);
        writeln!(file, "{}", line(2).get(9..).unwrap()).unwrap();
        assert_eq!(log.lines().unwrap().iter().map(|line| line.number).collect::<Vec<_>>(), [2]);
    }
}
