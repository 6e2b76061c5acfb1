//! Checks of texts that many shapes share.

use crate::http::{Checked, Violations};

/// A text of `1..=max` bytes without control characters.
pub(super) fn line(text: &str, max: usize, pointer: &str) -> Checked<()> {
    let mut wrong = Violations::default();
    if text.is_empty() {
        wrong.add("empty", pointer, "must not be empty");
    } else if text.len() > max {
        wrong.add("too_long", pointer, format!("must be at most {max} bytes of UTF-8"));
    } else if text.chars().any(char::is_control) {
        wrong.add("invalid_text", pointer, "must not hold control characters");
    }
    wrong.or(())
}

/// The same for a text that may be absent.
pub(super) fn optional_line(text: Option<&String>, max: usize, pointer: &str) -> Checked<()> {
    text.map_or(Ok(()), |text| line(text, max, pointer))
}

/// An absolute `https:` or `http:` address.
pub(super) fn web_address(text: &str, max: usize, pointer: &str) -> Checked<()> {
    line(text, max, pointer)?;
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    match rest {
        Some(rest) if !rest.is_empty() && !text.contains(' ') => Ok(()),
        _ => Err(Violations::one("invalid_url", pointer, "must be an absolute http or https address")),
    }
}
