//! What is set for a channel, and its token bucket, as items.
//!
//! | attribute | of what is set |
//! |---|---|
//! | `a` `c` | app, channel |
//! | `cr` | credential: map with `sl` sealed, `ki` kind, `pb` what is public (list of maps with `n` name, `w` value), `ex` expires at, `ua` uploaded at, `wd` days that its owner was told of |
//! | `po` | policy: map with `am` tries at most, `ba` and `mx` first and longest wait, `ps` per second, `bu` burst, `bm` batch at most, `ru` there if unanswered requests are repeated |
//! | `rv` | revision |
//! | `sp` `ss` | key of the index |
//!
//! | attribute | of a bucket |
//! |---|---|
//! | `pm` `pu` | paid at (microseconds), paused until |
//! | `rv` | revision |

use homing_domain::{AppId, Channel, ChannelConfig, ChannelCredential, ChannelPolicy, Throttle};

use crate::directory::{all_channel_configs, bucket_key, channel_config_key, channel_config_place};
use crate::item::{Damaged, Item, ItemReader, ItemWriter, Table, binary};
use crate::schema::DEVICES_BY_SEGMENT;

pub(super) fn write(config: &ChannelConfig) -> Item {
    ItemWriter::of(channel_config_key(&config.app, config.channel))
        .with("a", config.app.clone())
        .with("c", config.channel)
        .with_some("cr", config.credential.as_ref().map(write_credential))
        .with("po", write_policy(&config.policy))
        .with("rv", config.revision)
        .with(DEVICES_BY_SEGMENT.partition, binary(all_channel_configs()))
        .with(DEVICES_BY_SEGMENT.sort, binary(channel_config_place(&config.app, config.channel)))
        .finish()
}

fn write_credential(credential: &ChannelCredential) -> Item {
    let public = |(name, value): &(String, String)| {
        ItemWriter::default().with("n", name.clone()).with("w", value.clone()).finish()
    };
    ItemWriter::default()
        .with("sl", credential.sealed.clone())
        .with("ki", credential.kind.clone())
        .with("pb", credential.public.iter().map(public).collect::<Vec<_>>())
        .with_some("ex", credential.expires_at)
        .with("ua", credential.uploaded_at)
        .with_some("wd", credential.warned_days)
        .finish()
}

fn write_policy(policy: &ChannelPolicy) -> Item {
    ItemWriter::default()
        .with("am", policy.attempts_max)
        .with("ba", policy.base)
        .with("mx", policy.max)
        .with_some("ps", policy.per_second)
        .with_some("bu", policy.burst)
        .with_some("bm", policy.batch_max)
        .with_some("ru", policy.repeats_unanswered.then_some(true))
        .finish()
}

pub(super) fn read(item: Item) -> Result<ChannelConfig, Damaged> {
    let mut item = ItemReader::new(Table::Directory, item);
    Ok(ChannelConfig {
        app: item.take("a")?,
        channel: item.take("c")?,
        credential: item.take_some("cr")?.map(read_credential).transpose()?,
        policy: read_policy(item.take("po")?)?,
        revision: item.take("rv")?,
    })
}

fn read_credential(map: Item) -> Result<ChannelCredential, Damaged> {
    let mut map = ItemReader::new(Table::Directory, map);
    let public = |map: Item| {
        let mut map = ItemReader::new(Table::Directory, map);
        Ok((map.take("n")?, map.take("w")?))
    };
    Ok(ChannelCredential {
        sealed: map.take("sl")?,
        kind: map.take("ki")?,
        public: map.take::<Vec<Item>>("pb")?.into_iter().map(public).collect::<Result<_, _>>()?,
        expires_at: map.take_some("ex")?,
        uploaded_at: map.take("ua")?,
        warned_days: map.take_some("wd")?,
    })
}

fn read_policy(map: Item) -> Result<ChannelPolicy, Damaged> {
    let mut map = ItemReader::new(Table::Directory, map);
    Ok(ChannelPolicy {
        attempts_max: map.take("am")?,
        base: map.take("ba")?,
        max: map.take("mx")?,
        per_second: map.take_some("ps")?,
        burst: map.take_some("bu")?,
        batch_max: map.take_some("bm")?,
        repeats_unanswered: map.take_some("ru")?.unwrap_or(false),
    })
}

pub(super) fn write_bucket(app: &AppId, channel: Channel, throttle: &Throttle) -> Item {
    let (paid_at_micros, paused_until) = throttle.parts();
    ItemWriter::of(bucket_key(app, channel))
        .with("pm", paid_at_micros)
        .with("pu", paused_until)
        .with("rv", throttle.revision)
        .finish()
}

pub(super) fn read_bucket(item: Item) -> Result<Throttle, Damaged> {
    let mut item = ItemReader::new(Table::Directory, item);
    Ok(Throttle::restored(item.take("pm")?, item.take("pu")?, item.take("rv")?))
}
