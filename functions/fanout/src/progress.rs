//! How much of an audience a page covers. The pages of a message cover all of it, to the last part.

use homing_domain::{Audience, Cursor, ENUMERATION_WHOLE, Message};

/// Parts of [`ENUMERATION_WHOLE`] between the start of a page and the start of the next. It hangs on nothing but the two, so
/// a repeat finds the same.
pub(crate) fn covers(message: &Message, start: Cursor, next: Option<Cursor>) -> u32 {
    let whole = ENUMERATION_WHOLE / u32::from(message.segments());
    let end = next.map_or(whole, |next| position(&message.audience, whole, next));
    end.saturating_sub(position(&message.audience, whole, start))
}

/// How much of a segment lies before the cursor. Ids and keys are spread evenly.
fn position(audience: &Audience, whole: u32, cursor: Cursor) -> u32 {
    match cursor {
        Cursor::Start => 0,
        Cursor::Index(index) => {
            let names = match audience {
                Audience::Devices(devices) => devices.len(),
                Audience::Users(users) => users.len(),
                Audience::Expression(_) | Audience::Uploaded(_) | Audience::All | Audience::RecipientsOf(_) => 0,
            };
            let before = u64::from(whole) * u64::from(index) / (names.max(1) as u64);
            u32::try_from(before).unwrap_or(whole).min(whole)
        }
        Cursor::After(device) => of_bytes(device.as_bytes(), whole),
        Cursor::AfterMember(key) => of_bytes(&key.0, whole),
        Cursor::AfterShard(shard) => of_bytes(shard.as_bytes(), whole),
    }
}

/// The bits of an id below those that name its segment, of which there are `ENUMERATION_WHOLE / whole`.
fn of_bytes(id: &[u8; 16], whole: u32) -> u32 {
    let [a, b, c, d, ..] = *id;
    (u32::from_be_bytes([a, b, c, d]) / (u32::MAX / ENUMERATION_WHOLE + 1)) % whole
}

#[cfg(test)]
mod tests {
    use homing_domain::{DeliveryPolicy, DeviceId, ShardId};

    use super::*;
    use crate::tests::message;
    use crate::tests::world::NOW;

    fn sum(audience: &Audience, cursors: &[Cursor]) -> u32 {
        let message = message(audience.clone());
        let nexts = cursors.iter().skip(1).copied().map(Some).chain([None]);
        cursors.iter().zip(nexts).map(|(start, next)| covers(&message, *start, next)).sum()
    }

    #[test]
    fn pages_cover_a_segment_whatever_they_hold() {
        let device =
            |byte| Cursor::After(DeviceId::from_bytes([0b1010_0000, byte, 7, 9, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]));
        let cursors = [Cursor::Start, device(3), device(4), device(250)];
        assert_eq!(sum(&Audience::All, &cursors), ENUMERATION_WHOLE / 64);
        let all = message(Audience::All);
        assert!(covers(&all, device(4), Some(device(250))) > covers(&all, device(3), Some(device(4))));
        let users = (0..7).map(|n| format!("user-{n}").parse().unwrap()).collect();
        let cursors = [Cursor::Start, Cursor::Index(1), Cursor::Index(5)];
        assert_eq!(sum(&Audience::Users(users), &cursors), ENUMERATION_WHOLE);
        let recall = Audience::RecipientsOf(homing_domain::MessageId::from_bytes([1; 16]));
        let cursors = [Cursor::Start, Cursor::AfterShard(ShardId::from_bytes([0xff; 16]))];
        assert_eq!(sum(&recall, &cursors), ENUMERATION_WHOLE);
        assert!(covers(&message(recall), Cursor::Start, Some(cursors[1])) > ENUMERATION_WHOLE / 2);
    }

    #[test]
    fn all_segments_are_the_whole() {
        let whole = |message: &Message| covers(message, Cursor::Start, None) * u32::from(message.segments());
        assert_eq!(whole(&message(Audience::All)), ENUMERATION_WHOLE);
        assert_eq!(whole(&message(Audience::Devices(Vec::new()))), ENUMERATION_WHOLE);
        let mut in_feed_only = message(Audience::All);
        in_feed_only.options.delivery = DeliveryPolicy::OwnOnly;
        in_feed_only.options.silent = true;
        assert!(in_feed_only.begin_release(NOW, Some(3)));
        assert_eq!((in_feed_only.segments(), whole(&in_feed_only)), (1, ENUMERATION_WHOLE));
    }
}
