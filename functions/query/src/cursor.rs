//! Where a list of messages goes on: the time and id of the last one shown. Opaque to callers.

use homing_domain::{Message, MessageId, UnixMillis};

pub(crate) fn write(last: &Message) -> String {
    format!("{:x}.{}", last.accepted_at.0, last.id)
}

pub(crate) fn read(cursor: &str) -> Option<(UnixMillis, MessageId)> {
    let (at, id) = cursor.split_once('.')?;
    Some((UnixMillis(u64::from_str_radix(at, 16).ok()?), id.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_cursors_are_refused() {
        let id = MessageId::from_bytes([7; 16]);
        assert_eq!(read(&format!("ff.{id}")), Some((UnixMillis(255), id)));
        for bad in ["", ".", "ff", "ff.", "zz.07070707-0707-0707-0707-070707070707", "ff.x"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
