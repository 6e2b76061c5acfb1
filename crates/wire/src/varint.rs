//! Variable-length integers of RFC 9000 §16: the two top bits of the first byte say 1, 2, 4 or 8 bytes.

use bytes::BufMut;

/// Largest value.
pub(crate) const MAX: u64 = (1 << 62) - 1;

/// How many bytes `value` takes.
pub(crate) const fn size(value: u64) -> usize {
    match value {
        0..=0x3f => 1,
        0x40..=0x3fff => 2,
        0x4000..=0x3fff_ffff => 4,
        _ => 8,
    }
}

/// Writes `value`, which must not exceed [`MAX`] (types and frame lengths never do).
pub(crate) fn put(value: u64, buffer: &mut impl BufMut) {
    debug_assert!(value <= MAX);
    let bytes = value.to_be_bytes();
    match size(value) {
        1 => buffer.put_u8(bytes[7]),
        2 => buffer.put_slice(&[bytes[6] | 0x40, bytes[7]]),
        4 => buffer.put_slice(&[bytes[4] | 0x80, bytes[5], bytes[6], bytes[7]]),
        _ => {
            buffer.put_u8(bytes[0] | 0xc0);
            buffer.put_slice(&bytes[1..]);
        }
    }
}

/// Reads one integer from the front: its value and how many bytes it took; `None` = more bytes are needed.
pub(crate) fn read(bytes: &[u8]) -> Option<(u64, usize)> {
    let first = *bytes.first()?;
    let length = 1_usize << (first >> 6);
    let rest = bytes.get(1..length)?;
    let value = rest.iter().fold(u64::from(first & 0x3f), |value, byte| value << 8 | u64::from(*byte));
    Some((value, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9000, appendix A.1.
    #[test]
    fn the_samples_of_the_rfc() {
        let samples: [(&[u8], u64); 4] = [
            (&[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c], 151_288_809_941_952_652),
            (&[0x9d, 0x7f, 0x3e, 0x7d], 494_878_333),
            (&[0x7b, 0xbd], 15_293),
            (&[0x25], 37),
        ];
        for (bytes, value) in samples {
            assert_eq!(read(bytes), Some((value, bytes.len())));
            let mut written = Vec::new();
            put(value, &mut written);
            assert_eq!(written, bytes);
        }
        assert_eq!(read(&[0x40, 0x25]), Some((37, 2)), "a longer form than needed is allowed");
        assert_eq!(read(&[0xc2, 0x19]), None);
        assert_eq!(read(&[]), None);
    }
}
