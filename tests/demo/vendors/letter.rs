//! A letter as it was kept: its headers and its text (RFC 5322), as far as an alert needs them.

/// A letter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Letter {
    /// Names in small letters, values unfolded.
    headers: Vec<(String, String)>,
    /// As it came, still encoded.
    body: String,
}

impl Letter {
    pub(super) fn read(text: &str) -> Self {
        let mut letter = Self::default();
        let mut lines = text.lines();
        for line in lines.by_ref().take_while(|line| !line.is_empty()) {
            match (line.starts_with([' ', '\t']), letter.headers.last_mut(), line.split_once(':')) {
                // A long header goes on in the next line.
                (true, Some((_, value)), _) => {
                    value.push(' ');
                    value.push_str(line.trim());
                }
                (false, _, Some((name, value))) => {
                    letter.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
                }
                _ => {}
            }
        }
        letter.body = lines.collect::<Vec<_>>().join("\n");
        letter
    }

    /// The only header of this name; empty when there is none, or more than one.
    pub(super) fn header(&self, name: &str) -> &str {
        let mut found = self.headers.iter().filter(|(known, _)| known == name);
        match (found.next(), found.next()) {
            (Some((_, value)), None) => value,
            _ => "",
        }
    }

    /// Whether this address is the one that it is for: in the header, and in the envelope that the mail server was given.
    pub(super) fn is_for(&self, address: &str) -> bool {
        let bare = |text: &str| text.rsplit('<').next().unwrap_or_default().trim_end_matches('>').trim().to_owned();
        bare(self.header("to")) == address && bare(self.header("x-rcptto")) == address
    }

    /// Whether its subject, or else its text, says so.
    pub(super) fn says(&self, word: &str) -> bool {
        self.header("subject").contains(word) || self.body.contains(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_unfolded_and_end_at_the_empty_line() {
        let text =
            "To: Operator <o@demo.example>\r\nSubject: one\r\n two\r\nX-RcptTo: o@demo.example\r\n\r\nTo: x@y\r\n";
        let letter = Letter::read(text);
        assert_eq!(letter.header("subject"), "one two");
        assert!(letter.is_for("o@demo.example") && letter.says("two") && letter.says("x@y"));
        assert!(!letter.is_for("x@y") && !letter.says("three"));
        assert!(!Letter::read("To: o@demo.example\n\n").is_for("o@demo.example"), "the envelope says nothing");
        assert_eq!(Letter::read("To: a@b\nTo: c@d\n\n").header("to"), "");
    }
}
