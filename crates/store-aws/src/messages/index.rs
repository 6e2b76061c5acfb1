//! Keys of the two indexes. Both are spread over partitions by the message's id, so that no app and no minute is bound to
//! what one partition can write; who reads asks all of them at once and merges.

use aws_smithy_types::Blob;
use homing_domain::{AppId, MessageId, UnixMillis};

use crate::item::binary;

/// Partitions of `by_app` for each app. One takes 1,000 WRU a second, so an app may accept 16,000 messages a second. Who
/// lists them pays for a look at each.
pub(super) const APP_SHARDS: u8 = 16;

/// Partitions of `due`, for all apps together. A message writes there four times, so that an installation may accept 16,000
/// messages a second; only the sweep of each minute looks at them.
pub(super) const DUE_SHARDS: u8 = 64;

/// Bytes of a time at the start of a sort key.
const TIME_BYTES: usize = 8;

/// Partition of `by_app`: the app, then the shard.
pub(super) fn app_partition(app: &AppId, id: &MessageId) -> Blob {
    app_shard(app, shard_of(id, APP_SHARDS))
}

/// One partition of `by_app`.
pub(super) fn app_shard(app: &AppId, shard: u8) -> Blob {
    binary([app.as_str().as_bytes(), &[shard]].concat())
}

/// Sort key of `by_app`.
pub(super) fn app_sort(accepted_at: UnixMillis, id: &MessageId) -> Blob {
    time_and_id(accepted_at, id)
}

/// Partition of `due`.
pub(super) fn due_partition(id: &MessageId) -> Blob {
    due_shard(shard_of(id, DUE_SHARDS))
}

/// One partition of `due`.
pub(super) fn due_shard(shard: u8) -> Blob {
    binary([shard])
}

/// Sort key of `due`.
pub(super) fn due_sort(at: UnixMillis, id: &MessageId) -> Blob {
    time_and_id(at, id)
}

/// The start of all sort keys of a moment: less than each of them, more than all earlier ones.
pub(super) fn at(moment: UnixMillis) -> Blob {
    binary(moment.0.to_be_bytes())
}

/// The message that a sort key ends with.
pub(super) fn id_in(sort: &[u8]) -> Option<MessageId> {
    sort.get(TIME_BYTES..).and_then(MessageId::from_slice)
}

fn time_and_id(at: UnixMillis, id: &MessageId) -> Blob {
    binary([&at.0.to_be_bytes()[..], id.as_bytes()].concat())
}

/// The id's low half is random or a hash in both of its forms.
fn shard_of(id: &MessageId, shards: u8) -> u8 {
    u8::try_from(id.short_hash() % u64::from(shards)).unwrap_or_default()
}
