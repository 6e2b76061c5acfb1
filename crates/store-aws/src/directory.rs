//! The table of everything that is not on the way of a message: who is there, and what is set.
//!
//! | what | `pk` | `sk` | `sp`, `ss` (index `by_segment`) |
//! |---|---|---|---|
//! | app | `a` + app | `-` | `a`, app |
//! | settings | `s` | `-` | |
//! | device | `d` + device | `-` | `d` + app + segment, device |
//! | device of a user | `u` + app + byte 0 + user | device | |
//! | lease of a gateway | `g` | server id | |
//! | upstream message, against a second one | `n` + device | number, 8 bytes | |
//! | upstream message, in its app's list | `l` + app + byte 0 + shard | position, 8 bytes | |
//! | uploaded list | `v` + list | `-` | `v` + app, list |
//! | member of an uploaded list | `w` + list + segment | member key, 16 bytes | |
//! | what is set for a vendor's channel | `c` + app + byte 0 + channel's name | `-` | `c`, app + byte 0 + channel's name |
//! | token bucket of a vendor's channel | `b` + app + byte 0 + channel's name | `-` | |
//! | token at a vendor | `t` + app + byte 0 + channel's name + byte 0 + SHA-256 of the token | `-` | |
//!
//! An app id holds no byte 0, so no key of one app is the start of another's.

use homing_credentials::sha256;
use homing_domain::{AppId, AudienceId, Channel, Device, DeviceId, MemberKey, UserId};

use crate::item::{Item, Table, sorted_key};
use crate::one_item::Call;

/// Sort key of what has its partition for itself.
const ALONE: [u8; 1] = *b"-";

pub(crate) const fn call(operation: &'static str) -> Call {
    Call { operation, table: Table::Directory }
}

pub(crate) fn app_key(id: &AppId) -> Item {
    sorted_key([b"a", id.as_str().as_bytes()].concat(), ALONE)
}

/// The partition of the index that lists all apps.
pub(crate) fn all_apps() -> Vec<u8> {
    b"a".to_vec()
}

pub(crate) fn settings_key() -> Item {
    sorted_key(*b"s", ALONE)
}

pub(crate) fn device_key(id: &DeviceId) -> Item {
    sorted_key([b"d", &id.as_bytes()[..]].concat(), ALONE)
}

/// The partition of the index that lists one segment of an app's devices.
pub(crate) fn segment_partition(app: &AppId, segment: u8) -> Vec<u8> {
    [b"d", app.as_str().as_bytes(), &[0, segment]].concat()
}

/// The segment partition of a device.
pub(crate) fn segment_of(device: &Device) -> Vec<u8> {
    segment_partition(&device.app, Device::segment(&device.id))
}

/// The partition of a user's devices.
pub(crate) fn user_partition(app: &AppId, user: &UserId) -> Vec<u8> {
    [b"u", app.as_str().as_bytes(), &[0], user.as_str().as_bytes()].concat()
}

/// The partition of all leases.
pub(crate) fn leases_partition() -> Vec<u8> {
    b"g".to_vec()
}

/// The partition of what one device sent.
pub(crate) fn sent_partition(device: &DeviceId) -> Vec<u8> {
    [b"n", &device.as_bytes()[..]].concat()
}

/// One partition of an app's list of upstream messages.
pub(crate) fn upstream_partition(app: &AppId, shard: u8) -> Vec<u8> {
    [b"l", app.as_str().as_bytes(), &[0, shard]].concat()
}

pub(crate) fn audience_key(id: &AudienceId) -> Item {
    sorted_key([b"v", &id.as_bytes()[..]].concat(), ALONE)
}

/// The partition of the index that lists an app's uploaded lists.
pub(crate) fn audiences_partition(app: &AppId) -> Vec<u8> {
    [b"v", app.as_str().as_bytes()].concat()
}

/// The partition of the members of one segment.
pub(crate) fn members_partition(id: &AudienceId, segment: u8) -> Vec<u8> {
    [b"w", &id.as_bytes()[..], &[segment]].concat()
}

pub(crate) fn member_key(id: &AudienceId, key: MemberKey) -> Item {
    sorted_key(members_partition(id, key.segment()), key.0)
}

/// Where a channel of an app stands among all of its kind: ordered by app, then by the channel's name.
pub(crate) fn channel_config_place(app: &AppId, channel: Channel) -> Vec<u8> {
    [app.as_str().as_bytes(), &[0], channel.name().as_bytes()].concat()
}

pub(crate) fn channel_config_key(app: &AppId, channel: Channel) -> Item {
    sorted_key([&b"c"[..], &channel_config_place(app, channel)].concat(), ALONE)
}

/// The partition of the index that lists what is set for all channels of all apps.
pub(crate) fn all_channel_configs() -> Vec<u8> {
    b"c".to_vec()
}

pub(crate) fn bucket_key(app: &AppId, channel: Channel) -> Item {
    sorted_key([&b"b"[..], &channel_config_place(app, channel)].concat(), ALONE)
}

pub(crate) fn token_key(app: &AppId, channel: Channel, token: &str) -> Item {
    let place = channel_config_place(app, channel);
    sorted_key([&b"t"[..], &place, &[0], &sha256(token.as_bytes())].concat(), ALONE)
}
