//! Settings of the installation: one item of the directory.
//!
//! | attribute | of the settings |
//! |---|---|
//! | `hb` | heartbeat: map with `q` and `t` (QUIC, TCP: lists of initial, minimum, maximum) and `if` idle factor in % |
//! | `at` | digest of the operator's token |
//! | `rv` | revision |
//!
//! | operation | requests | WRU | RRU |
//! |---|---|---|---|
//! | settings | 1 | | 1 |
//! | replace_settings | 1 | 1 | |

use homing_domain::{HeartbeatSettings, Interval};
use homing_ports::{FleetSettings, Replaced, Result, Settings};

use crate::AwsStore;
use crate::apps::replaces;
use crate::directory::{call, settings_key};
use crate::expression::Expression;
use crate::item::{Damaged, Item, ItemReader, ItemWriter, Table};
use crate::one_item::Written;

impl Settings for AwsStore {
    async fn settings(&self) -> Result<FleetSettings> {
        let call = call("read the settings");
        match self.get(call, settings_key()).await? {
            Some(item) => call.read(read(item)),
            None => Ok(FleetSettings::default()),
        }
    }

    async fn replace_settings(&self, settings: FleetSettings) -> Result<Replaced> {
        let condition = match settings.revision {
            // Before anything was set, the stored revision is 0.
            1 => Expression::absent(),
            revision => match replaces(revision) {
                Some(condition) => condition,
                None => return Ok(Replaced::Changed),
            },
        };
        match self.put(call("replace the settings"), write(&settings), condition).await? {
            Written::Done(_) => Ok(Replaced::Done),
            Written::Refused(_) => Ok(Replaced::Changed),
        }
    }
}

fn write(settings: &FleetSettings) -> Item {
    ItemWriter::of(settings_key())
        .with("hb", heartbeat_value(&settings.heartbeat))
        .with_some("at", settings.admin_token)
        .with("rv", settings.revision)
        .finish()
}

fn read(item: Item) -> std::result::Result<FleetSettings, Damaged> {
    let mut item = ItemReader::new(Table::Directory, item);
    Ok(FleetSettings {
        heartbeat: heartbeat_of(item.take("hb")?)?,
        admin_token: item.take_some("at")?,
        revision: item.take("rv")?,
    })
}

/// Heartbeat settings as a map.
pub(crate) fn heartbeat_value(heartbeat: &HeartbeatSettings) -> Item {
    let interval = |interval: Interval| vec![interval.initial, interval.minimum, interval.maximum];
    ItemWriter::default()
        .with("q", interval(heartbeat.quic))
        .with("t", interval(heartbeat.tcp))
        .with("if", heartbeat.idle_factor_percent)
        .finish()
}

/// Heartbeat settings from their map.
pub(crate) fn heartbeat_of(item: Item) -> std::result::Result<HeartbeatSettings, Damaged> {
    let mut item = ItemReader::new(Table::Directory, item);
    let mut interval = |attribute| {
        let list: Vec<u64> = item.take(attribute)?;
        match list[..] {
            [initial, minimum, maximum] => Ok(Interval { initial, minimum, maximum }),
            _ => Err(item.damaged(attribute)),
        }
    };
    Ok(HeartbeatSettings { quic: interval("q")?, tcp: interval("t")?, idle_factor_percent: item.take("if")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_come_back() {
        let heartbeat = HeartbeatSettings {
            quic: Interval { initial: 2, minimum: 1, maximum: 3 },
            tcp: Interval { initial: 5, minimum: 4, maximum: 6 },
            idle_factor_percent: 170,
        };
        for admin_token in [None, Some([7; 32])] {
            let settings = FleetSettings { heartbeat, admin_token, revision: 9 };
            assert_eq!(read(write(&settings)), Ok(settings));
        }
    }

    #[test]
    fn a_damaged_interval_is_named() {
        let map = ItemWriter::of(heartbeat_value(&HeartbeatSettings::default())).with("t", vec![1_u64, 2]).finish();
        assert_eq!(heartbeat_of(map), Err(Damaged { table: Table::Directory, attribute: "t" }));
    }
}
