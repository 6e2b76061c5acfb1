//! How an encrypted message travels inside a payload of Homing, from the push service to the device.

/// No JSON begins with it, so a device tells such a payload from its own.
const MARK: u8 = 0x01;
/// What is added to a body: the mark and the number of the subscription.
pub const ENVELOPE_BYTES: usize = 5;

/// A body for one of a device's subscriptions.
#[must_use]
pub fn wrap(subscription: u32, body: &[u8]) -> Vec<u8> {
    [&[MARK][..], &subscription.to_be_bytes(), body].concat()
}

/// The subscription and the body of a payload. `None` = it is another kind of payload.
#[must_use]
pub fn unwrap(payload: &[u8]) -> Option<(u32, &[u8])> {
    let rest = payload.strip_prefix(&[MARK])?;
    let (subscription, body) = rest.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*subscription), body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrapped_is_unwrapped_and_json_is_something_else() {
        let wrapped = wrap(7, b"body");
        assert_eq!(wrapped.len(), ENVELOPE_BYTES + 4);
        assert_eq!(unwrap(&wrapped), Some((7, &b"body"[..])));
        assert_eq!(unwrap(&wrap(u32::MAX, b"")), Some((u32::MAX, &b""[..])));
        for other in [&b"{\"data\":{}}"[..], b"", b"\x01\0\0\0", b"\x02\0\0\0\0"] {
            assert_eq!(unwrap(other), None);
        }
    }
}
