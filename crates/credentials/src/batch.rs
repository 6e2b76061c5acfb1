//! The id of a batch of receipts that is made from nothing but its content.

use homing_domain::{BatchId, Event, Receipt};

use crate::ids::derive_id;

/// The batch id of these receipts: the same for a repeat that says the same, another as soon as a device, a message or an
/// end differs. Counting goes once per batch id, so two batches of one id must change the same rows. Times are left out:
/// a repeat reports the same end at a later time.
#[must_use]
pub fn receipt_batch_id(receipts: &[Receipt]) -> BatchId {
    let mut content = Vec::with_capacity(receipts.len() * 64);
    for receipt in receipts {
        content.extend_from_slice(receipt.message.as_bytes());
        content.extend_from_slice(receipt.device.as_bytes());
        let (what, why) = match receipt.event {
            Event::Ended(ended) => (ended.stage.name(), ended.reason.map_or("", |reason| reason.name())),
            Event::Fact(fact) => (fact.name(), ""),
        };
        // Names never hold a control character, so the text ends where it ends.
        for name in [receipt.channel.name(), what, why] {
            content.extend_from_slice(name.as_bytes());
            content.push(0);
        }
    }
    BatchId::from_bytes(derive_id("homing/1 receipts", &[&content]))
}

#[cfg(test)]
mod tests {
    use homing_domain::{Channel, DeviceId, Ended, MessageId, Reason, UnixMillis};

    use super::*;

    fn receipt(device: u8, reason: Option<Reason>, at: u64) -> Receipt {
        let ended = reason.map_or_else(|| Ended::delivered(None, None), |reason| Ended::undelivered(reason, None));
        Receipt {
            message: MessageId::from_bytes([1; 16]),
            device: DeviceId::from_bytes([device; 16]),
            channel: Channel::Own,
            at: UnixMillis(at),
            event: Event::Ended(ended),
        }
    }

    #[test]
    fn a_repeat_has_the_same_id_at_any_time() {
        assert_eq!(receipt_batch_id(&[receipt(1, None, 5)]), receipt_batch_id(&[receipt(1, None, 6)]));
    }

    #[test]
    fn other_rows_or_ends_have_another_id() {
        let one = receipt_batch_id(&[receipt(1, None, 5)]);
        assert_ne!(one, receipt_batch_id(&[receipt(2, None, 5)]));
        assert_ne!(one, receipt_batch_id(&[receipt(1, Some(Reason::Offline), 5)]));
        assert_ne!(one, receipt_batch_id(&[receipt(1, None, 5), receipt(2, None, 5)]));
    }
}
