//! Whether a request that failed may have arrived.

use std::error::Error;

use homing_ports::CallError;
use hyper_util::client::legacy;

/// What a failed request means for its sender.
pub(crate) fn of(error: &legacy::Error) -> CallError {
    let why = innermost(error);
    if error.is_connect() || causes(error).any(surely_unread) {
        CallError::Unsent(why)
    } else {
        CallError::Unknown(why)
    }
}

/// A cause that says that the server never looked at the request.
fn surely_unread(cause: &(dyn Error + 'static)) -> bool {
    if let Some(error) = cause.downcast_ref::<hyper::Error>() {
        // hyper cancels a request only before its first byte is written.
        return error.is_canceled();
    }
    let Some(error) = cause.downcast_ref::<h2::Error>() else { return false };
    // RFC 9113 section 8.7: REFUSED_STREAM, and streams above the last one that GOAWAY names, were not processed. The streams
    // below it do not end with this error but with that of the closed connection.
    error.is_remote() && (error.is_go_away() || error.reason() == Some(h2::Reason::REFUSED_STREAM))
}

/// The innermost cause says what happened ("connection refused"); the outer ones only where.
pub(crate) fn innermost(error: &(dyn Error + 'static)) -> String {
    causes(error).last().map_or_else(|| error.to_string(), ToString::to_string)
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}
