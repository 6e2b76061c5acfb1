//! Unambiguous input of hashes and codes: every field is preceded by its length, so that no two lists of fields look alike.

use aws_lc_rs::{digest, hmac};

/// HMAC-SHA256 over a label and fields.
pub(crate) fn mac(key: &[u8; 32], label: &str, fields: &[&[u8]]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    for field in std::iter::once(&label.as_bytes()).chain(fields) {
        context.update(&length(field));
        context.update(field);
    }
    array(context.sign().as_ref())
}

/// SHA-256 over a label and fields.
pub(crate) fn hash(label: &str, fields: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for field in std::iter::once(&label.as_bytes()).chain(fields) {
        context.update(&length(field));
        context.update(field);
    }
    array(context.finish().as_ref())
}

/// The first 32 bytes of a SHA-256 output, which are all of it.
pub(crate) fn array(output: &[u8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(output);
    bytes
}

/// Four bytes, big-endian. No field here comes near 4 GiB: all have limits in kilobytes.
fn length(field: &[u8]) -> [u8; 4] {
    u32::try_from(field.len()).unwrap_or(u32::MAX).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_field_ends_matters() {
        assert_ne!(hash("l", &[b"ab", b"c"]), hash("l", &[b"a", b"bc"]));
        assert_ne!(hash("l", &[b"ab"]), hash("la", &[b"b"]));
        assert_ne!(mac(&[1; 32], "l", &[b"", b"a"]), mac(&[1; 32], "l", &[b"a", b""]));
    }
}
