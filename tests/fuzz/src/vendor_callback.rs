//! What reaches the URL for receipts: from a vendor, or from whoever knows it.

use homing_channels::{Callback, CallbackError};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::vendor_app::{NOW, app};

/// Events of one callback at most, with room.
const EVENTS_MAX: usize = 32_768;
/// The longest text of an event: a token.
const TEXT_MAX_BYTES: usize = 4_096;
/// Bytes of events for one byte of a callback: each token may be one byte, with all that is known of its message.
const GROWTH_MAX: usize = 512;

/// A callback is refused, or says something about devices, and no more than fits.
pub fn vendor_callback(data: &[u8]) {
    let Some((channel, rest)) = data.split_first() else { return };
    let app = app(*channel);
    let (headers, body) = split(rest);
    match app.vendor.read_callback(&app.credential, Callback { headers: &headers, body }, NOW) {
        Ok(events) => {
            assert!(events.len() <= EVENTS_MAX, "{} events", events.len());
            let mut kept = 0;
            for event in &events {
                let texts =
                    [Some(&event.token), Some(&event.reason), event.message_id.as_ref(), event.vendor_id.as_ref()];
                for text in texts.into_iter().flatten() {
                    assert!(text.len() <= TEXT_MAX_BYTES, "{event:?}");
                    kept += text.len();
                }
                assert!(!event.token.is_empty(), "{event:?}");
            }
            assert!(kept <= GROWTH_MAX * data.len(), "{kept} bytes of {}", data.len());
        }
        Err(CallbackError::Malformed(why)) => assert!(why.len() <= 256, "{why}"),
        Err(CallbackError::Unauthorized | CallbackError::Unsupported) => {}
    }
}

/// Lines of headers, an empty line, the body. Without an empty line all is body.
fn split(data: &[u8]) -> (HeaderMap, &[u8]) {
    let Some(end) = data.windows(2).position(|two| two == b"\n\n") else { return (HeaderMap::new(), data) };
    let pair = |line: &[u8]| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        Some((name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?))
    };
    let headers = data[..end].split(|byte| *byte == b'\n').filter_map(pair).collect();
    (headers, &data[end + 2..])
}
