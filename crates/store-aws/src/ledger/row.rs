//! The item of a delivery.
//!
//! | attribute | what |
//! |---|---|
//! | `pk` | message, and the first four bits of the device id as a byte |
//! | `sk` | device |
//! | `c`, `s`, `r` | channel, stage, reason |
//! | `e`, `l` | when its mailbox entry was made, when it was last sent |
//! | `z` | the end: `a` when, `b` by which batch |
//! | `y` | the end that `z` replaced: `c` channel, `s` stage, `b` batch |
//! | `d`, `o`, `m` | displayed, opened, dismissed: as `z` |
//! | `k` | when somebody last set out to ask the device's vendor |
//! | `f` | first known to be sent: as `z` |
//! | `i` | what the device was: `a` app, `u` user, `p` platform, `w` version of the app, `t` since when it is known |
//! | `v`, `ttl` | version, time to live |

use homing_domain::{BatchId, Delivery, DeviceId, DeviceSnapshot, MessageId, Recorded, ReplacedEnd, VersionLabel};

use crate::item::{Damaged, Item, ItemReader, ItemWriter, Table, sorted_key};
use crate::schema::{PARTITION_KEY, SORT_KEY};

/// Partitions that the rows of a message are spread over.
pub(super) const PARTITIONS: u8 = 16;

const MESSAGE_BYTES: usize = 16;

/// Which partition of its message a device's row is in. Devices in the order of their ids are in partitions in order.
pub(super) fn nibble(device: &DeviceId) -> u8 {
    device.as_bytes()[0] >> 4
}

/// The partition key.
pub(super) fn partition(message: &MessageId, nibble: u8) -> [u8; MESSAGE_BYTES + 1] {
    let mut key = [nibble; MESSAGE_BYTES + 1];
    key[..MESSAGE_BYTES].copy_from_slice(message.as_bytes());
    key
}

/// The key of a row.
pub(super) fn key(message: &MessageId, device: &DeviceId) -> Item {
    sorted_key(partition(message, nibble(device)), *device.as_bytes())
}

/// The item, but for its version and time to live.
pub(super) fn write(row: &Delivery) -> ItemWriter {
    let replaced =
        |end: ReplacedEnd| ItemWriter::default().with("c", end.channel).with("s", end.stage).with("b", end.by).finish();
    ItemWriter::of(key(&row.message, &row.device))
        .with("c", row.channel)
        .with("s", row.stage)
        .with_some("r", row.reason)
        .with_some("e", row.enqueued_at)
        .with_some("l", row.sent_at)
        .with_some("z", row.ended.map(recorded))
        .with_some("y", row.replaced.map(replaced))
        .with_some("d", row.displayed.map(recorded))
        .with_some("o", row.opened.map(recorded))
        .with_some("m", row.dismissed.map(recorded))
        .with_some("k", row.claimed_at)
        .with_some("f", row.sent.map(recorded))
        .with_some("i", row.about.as_ref().map(snapshot))
}

fn snapshot(about: &DeviceSnapshot) -> Item {
    ItemWriter::default()
        .with("a", about.app.clone())
        .with_some("u", about.user.clone())
        .with("p", about.platform)
        .with("w", about.version.as_str().to_owned())
        .with("t", about.since)
        .finish()
}

fn recorded(recorded: Recorded) -> Item {
    ItemWriter::default().with("a", recorded.at).with("b", recorded.by).finish()
}

/// The row of an item.
pub(super) fn read(item: Item) -> Result<Delivery, Damaged> {
    let mut item = ItemReader::new(Table::Ledger, item);
    let partition = item.take::<[u8; MESSAGE_BYTES + 1]>(PARTITION_KEY)?;
    let mut message = [0; MESSAGE_BYTES];
    message.copy_from_slice(&partition[..MESSAGE_BYTES]);
    Ok(Delivery {
        message: MessageId::from_bytes(message),
        device: item.take(SORT_KEY)?,
        channel: item.take("c")?,
        stage: item.take("s")?,
        reason: item.take_some("r")?,
        enqueued_at: item.take_some("e")?,
        sent_at: item.take_some("l")?,
        ended: item.take_some("z")?.map(read_recorded).transpose()?,
        replaced: item.take_some("y")?.map(read_replaced).transpose()?,
        displayed: item.take_some("d")?.map(read_recorded).transpose()?,
        opened: item.take_some("o")?.map(read_recorded).transpose()?,
        dismissed: item.take_some("m")?.map(read_recorded).transpose()?,
        claimed_at: item.take_some("k")?,
        sent: item.take_some("f")?.map(read_recorded).transpose()?,
        about: item.take_some("i")?.map(read_snapshot).transpose()?,
    })
}

fn read_snapshot(map: Item) -> Result<DeviceSnapshot, Damaged> {
    let mut map = ItemReader::new(Table::Ledger, map);
    Ok(DeviceSnapshot {
        app: map.take("a")?,
        user: map.take_some("u")?,
        platform: map.take("p")?,
        version: VersionLabel::new(&map.take::<String>("w")?),
        since: map.take("t")?,
    })
}

fn read_recorded(map: Item) -> Result<Recorded, Damaged> {
    let mut map = ItemReader::new(Table::Ledger, map);
    Ok(Recorded { at: map.take("a")?, by: map.take::<BatchId>("b")? })
}

fn read_replaced(map: Item) -> Result<ReplacedEnd, Damaged> {
    let mut map = ItemReader::new(Table::Ledger, map);
    Ok(ReplacedEnd { channel: map.take("c")?, stage: map.take("s")?, by: map.take("b")? })
}

#[cfg(test)]
mod tests {
    use homing_domain::{Channel, Platform, Reason, Stage, UnixMillis};

    use super::*;

    #[test]
    fn every_field_comes_back() {
        let (message, device) = (MessageId::from_bytes([1; 16]), DeviceId::from_bytes([0xf2; 16]));
        let recorded = |n: u8| Some(Recorded { at: UnixMillis(n.into()), by: BatchId::from_bytes([n; 16]) });
        let full = Delivery {
            message,
            device,
            channel: Channel::Fcm,
            stage: Stage::Failed,
            reason: Some(Reason::Overflow),
            enqueued_at: Some(UnixMillis(8)),
            sent_at: Some(UnixMillis(9)),
            ended: recorded(1),
            replaced: Some(ReplacedEnd {
                channel: Channel::Own,
                stage: Stage::Expired,
                by: BatchId::from_bytes([2; 16]),
            }),
            displayed: recorded(3),
            opened: recorded(4),
            dismissed: recorded(5),
            claimed_at: Some(UnixMillis(6)),
            sent: recorded(6),
            about: Some(DeviceSnapshot {
                app: "shop".parse().unwrap(),
                user: Some("ada".parse().unwrap()),
                platform: Platform::Harmony,
                version: VersionLabel::new("1.2.3"),
                since: UnixMillis(7),
            }),
        };
        for row in [full, Delivery::new(message, device, Channel::Own)] {
            assert_eq!(read(write(&row).finish()), Ok(row));
        }
    }

    #[test]
    fn damage_is_named() {
        let row = Delivery::new(MessageId::from_bytes([1; 16]), DeviceId::from_bytes([2; 16]), Channel::Own);
        let mut item = write(&row).finish();
        item.remove("s").unwrap();
        assert_eq!(read(item), Err(Damaged { table: Table::Ledger, attribute: "s" }));
    }
}
