//! An app's version as figures name it: short, and one of few.

use std::fmt;

use crate::limits::VERSION_LABEL_MAX_BYTES;

/// A version's name in figures: at most [`VERSION_LABEL_MAX_BYTES`] bytes, never empty.
///
/// Devices report their versions themselves, and whoever holds an app's key may report anything. So figures know the versions
/// of an app by a list of at most [`crate::limits::VERSION_LABELS_MAX`], and all others as [`Self::OTHER`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionLabel {
    bytes: [u8; VERSION_LABEL_MAX_BYTES],
    length: u8,
}

impl VersionLabel {
    /// Versions that are not on the app's list.
    pub const OTHER: Self = Self::fixed(b"other");
    /// Devices that do not say theirs.
    pub const UNKNOWN: Self = Self::fixed(b"unknown");

    const fn fixed(name: &[u8]) -> Self {
        let mut bytes = [0; VERSION_LABEL_MAX_BYTES];
        let mut at = 0;
        while at < name.len() {
            bytes[at] = name[at];
            at += 1;
        }
        Self { bytes, length: at as u8 }
    }

    /// A version's label: its text, if it is short and of letters, digits, `.`, `-`, `+` and `_`. Anything else is
    /// [`Self::OTHER`].
    #[must_use]
    pub fn new(version: &str) -> Self {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-+_".contains(&byte);
        if version.is_empty() || version.len() > VERSION_LABEL_MAX_BYTES || !version.bytes().all(is_plain) {
            return Self::OTHER;
        }
        Self::fixed(version.as_bytes())
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only ASCII ever goes in.
        std::str::from_utf8(&self.bytes[..self.length.into()]).unwrap_or("other")
    }
}

impl fmt::Display for VersionLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for VersionLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_plain_ones_keep_their_text() {
        for text in ["1.2.3", "10.0.0-beta+7", "a", "1234567890123456789012"] {
            assert_eq!(VersionLabel::new(text).as_str(), text);
        }
        for text in ["", "1 2", "1.2\n", "\u{7248}", "12345678901234567890123"] {
            assert_eq!(VersionLabel::new(text), VersionLabel::OTHER);
        }
        assert_eq!(VersionLabel::UNKNOWN.to_string(), "unknown");
    }
}
