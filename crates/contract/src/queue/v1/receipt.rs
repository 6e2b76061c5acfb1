//! Receipt batches: by far the most numerous items, so one receipt must cost well under a microsecond.

use homing_domain::limits::RECEIPT_BATCH_MAX;
use homing_domain::{
    BatchId, Channel, DeviceId, Ended, Event, Fact, MessageId, Reason, Receipt, ReceiptBatch, Stage, UnixMillis,
};
use serde::{Deserialize, Serialize};

use super::text::Text;
use super::{DecodeError, Item};

#[doc(hidden)]
#[derive(Debug, Serialize, Deserialize)]
pub struct ReceiptBatchWire {
    id: Text<BatchId>,
    receipts: Vec<ReceiptWire>,
}

#[derive(Debug, Serialize, Deserialize)]
struct ReceiptWire {
    message: Text<MessageId>,
    device: Text<DeviceId>,
    channel: Text<Channel>,
    at: u64,
    event: EventWire,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum EventWire {
    Ended(EndedWire),
    Fact(FactWire),
}

#[derive(Debug, Serialize, Deserialize)]
struct EndedWire {
    stage: Text<Stage>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<Text<Reason>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    enqueued_at: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sent_at: Option<u64>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FactWire {
    Displayed,
    Opened,
    Dismissed,
}

impl Item for ReceiptBatch {
    const KIND: &'static str = "receipt_batch";
    type Wire = ReceiptBatchWire;

    fn to_wire(&self) -> Self::Wire {
        ReceiptBatchWire { id: Text(self.id), receipts: self.receipts.iter().map(ReceiptWire::new).collect() }
    }

    fn from_wire(wire: Self::Wire) -> Result<Self, DecodeError> {
        let found = wire.receipts.len();
        if found > RECEIPT_BATCH_MAX {
            return Err(DecodeError::TooMany { what: "receipts", found, max: RECEIPT_BATCH_MAX });
        }
        let receipts = wire.receipts.into_iter().map(ReceiptWire::receipt).collect::<Result<_, _>>()?;
        Ok(Self { id: wire.id.0, receipts })
    }
}

impl ReceiptWire {
    const fn new(receipt: &Receipt) -> Self {
        let event = match receipt.event {
            Event::Ended(ended) => EventWire::Ended(EndedWire::new(ended)),
            Event::Fact(Fact::Displayed) => EventWire::Fact(FactWire::Displayed),
            Event::Fact(Fact::Opened) => EventWire::Fact(FactWire::Opened),
            Event::Fact(Fact::Dismissed) => EventWire::Fact(FactWire::Dismissed),
        };
        Self {
            message: Text(receipt.message),
            device: Text(receipt.device),
            channel: Text(receipt.channel),
            at: receipt.at.0,
            event,
        }
    }

    fn receipt(self) -> Result<Receipt, DecodeError> {
        let event = match self.event {
            EventWire::Ended(ended) => Event::Ended(ended.ended()?),
            EventWire::Fact(FactWire::Displayed) => Event::Fact(Fact::Displayed),
            EventWire::Fact(FactWire::Opened) => Event::Fact(Fact::Opened),
            EventWire::Fact(FactWire::Dismissed) => Event::Fact(Fact::Dismissed),
        };
        Ok(Receipt {
            message: self.message.0,
            device: self.device.0,
            channel: self.channel.0,
            at: UnixMillis(self.at),
            event,
        })
    }
}

impl EndedWire {
    const fn new(ended: Ended) -> Self {
        Self {
            stage: Text(ended.stage),
            reason: match ended.reason {
                Some(reason) => Some(Text(reason)),
                None => None,
            },
            enqueued_at: millis(ended.enqueued_at),
            sent_at: millis(ended.sent_at),
        }
    }

    fn ended(self) -> Result<Ended, DecodeError> {
        if !self.stage.0.is_terminal() {
            return Err(DecodeError::Invalid("a delivery cannot end in this stage"));
        }
        Ok(Ended {
            stage: self.stage.0,
            reason: self.reason.map(|Text(reason)| reason),
            enqueued_at: self.enqueued_at.map(UnixMillis),
            sent_at: self.sent_at.map(UnixMillis),
        })
    }
}

const fn millis(at: Option<UnixMillis>) -> Option<u64> {
    match at {
        Some(UnixMillis(at)) => Some(at),
        None => None,
    }
}
