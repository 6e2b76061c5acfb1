//! Bodies as text that SQS takes.

use std::borrow::Cow;

use homing_ports::{Error, Fault, Result};

/// Longest body, in bytes. SQS itself takes 1 MiB; the ports promise 256 KiB, which EventBridge Scheduler and Lambda's
/// event sources take too.
const BODY_MAX_BYTES: usize = 256 << 10;

/// The body as SQS takes it. SQS refuses U+FFFE and U+FFFF, which JSON allows, but only inside strings: so they can be
/// written as escapes.
pub(crate) fn sqs_text<'b>(body: &'b [u8], operation: &'static str) -> Result<Cow<'b, str>> {
    let broken = |why: String| Error::with_source(Fault::Broken, operation, why);
    if body.len() > BODY_MAX_BYTES {
        return Err(broken(format!("a body of {} bytes, at most {BODY_MAX_BYTES} fit", body.len())));
    }
    let text = std::str::from_utf8(body).map_err(|error| broken(format!("a body that is no text: {error}")))?;
    if text.contains(['\u{fffe}', '\u{ffff}']) {
        return Ok(Cow::Owned(text.replace('\u{fffe}', "\\ufffe").replace('\u{ffff}', "\\uffff")));
    }
    Ok(Cow::Borrowed(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noncharacters_are_escaped_and_mean_the_same() {
        let body = serde_json::to_vec("券🎉\u{fffe}\u{ffff}").unwrap();
        let text = sqs_text(&body, "send").unwrap();
        assert_eq!(text, "\"券🎉\\ufffe\\uffff\"");
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), "券🎉\u{fffe}\u{ffff}");
    }

    #[test]
    fn what_sqs_cannot_take_is_broken() {
        assert!(matches!(sqs_text(b"plain", "send").unwrap(), Cow::Borrowed("plain")));
        assert_eq!(sqs_text(b"\xff", "send").unwrap_err().fault, Fault::Broken);
        assert!(sqs_text(&vec![b'x'; BODY_MAX_BYTES], "send").is_ok());
        assert_eq!(sqs_text(&vec![b'x'; BODY_MAX_BYTES + 1], "send").unwrap_err().fault, Fault::Broken);
    }
}
