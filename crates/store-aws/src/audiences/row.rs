//! Uploaded lists as items.
//!
//! | attribute | of the list |
//! |---|---|
//! | `id` `a` `nm` | id, app, name |
//! | `mk` | what its lines name |
//! | `ca` `ex` | created at, expires at |
//! | `mb` | how many members; missing while it is uploaded |
//! | `sp` `ss` | key of the index |
//! | `ttl` | when it expires |
//!
//! | attribute | of a member |
//! |---|---|
//! | `us` | user; missing on a list of devices |
//! | `ttl` | when the list expires |

use homing_domain::{Member, MemberKey, UploadedAudience};

use crate::directory::{audience_key, audiences_partition, member_key};
use crate::item::{Damaged, Item, ItemReader, ItemWriter, Table, binary, expiry};
use crate::schema::{DEVICES_BY_SEGMENT, SORT_KEY, TTL};

pub(super) fn write(audience: &UploadedAudience) -> Item {
    ItemWriter::of(audience_key(&audience.id))
        .with("id", audience.id)
        .with("a", audience.app.clone())
        .with_some("nm", audience.name.clone())
        .with("mk", audience.kind)
        .with("ca", audience.created_at)
        .with("ex", audience.expires_at)
        .with_some("mb", audience.members)
        .with(DEVICES_BY_SEGMENT.partition, binary(audiences_partition(&audience.app)))
        .with(DEVICES_BY_SEGMENT.sort, audience.id)
        .with(TTL, expiry(audience.expires_at))
        .finish()
}

pub(super) fn read(item: Item) -> Result<UploadedAudience, Damaged> {
    let mut item = ItemReader::new(Table::Directory, item);
    Ok(UploadedAudience {
        id: item.take("id")?,
        app: item.take("a")?,
        name: item.take_some("nm")?,
        kind: item.take("mk")?,
        created_at: item.take("ca")?,
        expires_at: item.take("ex")?,
        members: item.take_some("mb")?,
    })
}

pub(super) fn write_member(audience: &UploadedAudience, member: &Member) -> Item {
    ItemWriter::of(member_key(&audience.id, member.key))
        .with_some("us", member.user.clone())
        .with(TTL, expiry(audience.expires_at))
        .finish()
}

pub(super) fn read_member(item: Item) -> Result<Member, Damaged> {
    let mut item = ItemReader::new(Table::Directory, item);
    Ok(Member { key: MemberKey(item.take(SORT_KEY)?), user: item.take_some("us")? })
}
