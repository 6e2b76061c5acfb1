//! Tells the ledger what will never be delivered.

use homing_contract::queue::encode;
use homing_credentials::derive_id;
use homing_domain::{BatchId, Channel, DeviceId, Ended, Event, MessageId, Reason, Receipt, ReceiptBatch, UnixMillis};
use homing_ports::{Error, Outgoing, QueueName, Queues};

/// Reports that these messages ended at this device for this reason. Durable when answered. A mailbox holds far fewer
/// entries than a batch takes.
pub(crate) async fn report_undelivered<P: Queues>(
    ports: &P,
    device: DeviceId,
    messages: &[MessageId],
    reason: Reason,
    now: UnixMillis,
) -> Result<(), Error> {
    if messages.is_empty() {
        return Ok(());
    }
    let receipt = |message: &MessageId| Receipt {
        message: *message,
        device,
        channel: Channel::Own,
        at: now,
        event: Event::Ended(Ended::undelivered(reason, None)),
    };
    let batch =
        ReceiptBatch { id: batch_id(device, messages, reason), receipts: messages.iter().map(receipt).collect() };
    ports.send(QueueName::Receipts, vec![Outgoing::now(encode(&batch))]).await
}

/// The same report has the same id, another has another, so that a repeat counts once.
fn batch_id(device: DeviceId, messages: &[MessageId], reason: Reason) -> BatchId {
    let mut fields: Vec<&[u8]> = vec![reason.name().as_bytes(), device.as_bytes()];
    fields.extend(messages.iter().map(|message| &message.as_bytes()[..]));
    BatchId::from_bytes(derive_id("homing/1 undelivered", &fields))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_report_is_another_batch() {
        let (device, other) = (DeviceId::from_bytes([1; 16]), DeviceId::from_bytes([2; 16]));
        let messages = [MessageId::from_bytes([3; 16]), MessageId::from_bytes([4; 16])];
        let id = batch_id(device, &messages, Reason::Unbound);
        assert_eq!(id, batch_id(device, &messages, Reason::Unbound));
        for another in [
            batch_id(other, &messages, Reason::Unbound),
            batch_id(device, &messages, Reason::Deregistered),
            batch_id(device, &messages[..1], Reason::Unbound),
        ] {
            assert_ne!(id, another);
        }
    }
}
