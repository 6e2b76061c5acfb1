//! What gateways counted of broadcasts that came by a feed.

use homing_domain::limits::FEED_COUNTS_MAX;
use homing_domain::{BatchId, Channel, Counter, FeedCounts, MessageId, Stage, Tally};
use serde::{Deserialize, Serialize};

use super::text::Text;
use super::{DecodeError, Item};

#[doc(hidden)]
#[derive(Debug, Serialize, Deserialize)]
pub struct FeedCountsWire {
    id: Text<BatchId>,
    changes: Vec<ChangeWire>,
}

/// Of one message.
#[derive(Debug, Serialize, Deserialize)]
struct ChangeWire {
    message: Text<MessageId>,
    /// Devices that acknowledged it: so many more that it was for.
    delivered: u32,
}

/// The only thing that gateways count: a device has it, and so it was for the device.
const DELIVERED: Counter = Counter::Ended(Channel::Own, Stage::Delivered);

impl Item for FeedCounts {
    const KIND: &'static str = "feed_counts";
    type Wire = FeedCountsWire;

    fn to_wire(&self) -> Self::Wire {
        let change = |(message, tally): &(MessageId, Tally)| ChangeWire {
            message: Text(*message),
            delivered: u32::try_from(tally.get(DELIVERED)).unwrap_or(0),
        };
        FeedCountsWire { id: Text(self.id), changes: self.changes.iter().map(change).collect() }
    }

    fn from_wire(wire: Self::Wire) -> Result<Self, DecodeError> {
        let found = wire.changes.len();
        if found > FEED_COUNTS_MAX {
            return Err(DecodeError::TooMany { what: "messages", found, max: FEED_COUNTS_MAX });
        }
        let change = |change: ChangeWire| (change.message.0, Tally::of_feed(change.delivered));
        Ok(Self { id: wire.id.0, changes: wire.changes.into_iter().map(change).collect() })
    }
}
