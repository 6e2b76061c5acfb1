//! Apps as items.
//!
//! | attribute | of the app |
//! |---|---|
//! | `a` `nm` | id, name |
//! | `ks` | server keys: list of maps with `dg` digest, `hi` hint, `ca` created at, `ex` expires at |
//! | `ck` | client key's digest |
//! | `qu` | quota per second |
//! | `hb` | heartbeat of its own (see `settings_row`) |
//! | `mc` `po` | there if it is told of completed messages, of presence |
//! | `uq` `ub` | queue that upstream messages go to; there if they go to the bus |
//! | `ae` `aw` | addresses and URL that its alerts go to; missing when there are none |
//! | `ca` `rv` | created at, revision |
//! | `sp` `ss` | key of the index |

use homing_domain::{AlertSettings, App, EventSettings, ServerKey, UpstreamRoute};

use crate::directory::{all_apps, app_key};
use crate::item::{Damaged, Item, ItemReader, ItemWriter, Table, binary};
use crate::schema::DEVICES_BY_SEGMENT;
use crate::settings_row::{heartbeat_of, heartbeat_value};

pub(super) fn write(app: &App) -> Item {
    let (queue, bus) = match &app.upstream {
        UpstreamRoute::Poll => (None, None),
        UpstreamRoute::Queue(url) => (Some(url.clone()), None),
        UpstreamRoute::Bus => (None, Some(true)),
    };
    ItemWriter::of(app_key(&app.id))
        .with("a", app.id.clone())
        .with("nm", app.name.clone())
        .with("ks", app.server_keys.iter().map(write_key).collect::<Vec<_>>())
        .with("ck", app.client_key)
        .with_some("qu", app.quota_per_second)
        .with_some("hb", app.heartbeat.as_ref().map(heartbeat_value))
        .with_some("mc", app.events.message_completed.then_some(true))
        .with_some("po", app.events.presence.then_some(true))
        .with_some("uq", queue)
        .with_some("ub", bus)
        .with_some("ae", (!app.alerts.emails.is_empty()).then(|| app.alerts.emails.clone()))
        .with_some("aw", app.alerts.webhook_url.clone())
        .with("ca", app.created_at)
        .with("rv", app.revision)
        .with(DEVICES_BY_SEGMENT.partition, binary(all_apps()))
        .with(DEVICES_BY_SEGMENT.sort, binary(app.id.as_str()))
        .finish()
}

fn write_key(key: &ServerKey) -> Item {
    ItemWriter::default()
        .with("dg", key.digest)
        .with("hi", key.hint.clone())
        .with("ca", key.created_at)
        .with_some("ex", key.expires_at)
        .finish()
}

pub(super) fn read(item: Item) -> Result<App, Damaged> {
    let mut item = ItemReader::new(Table::Directory, item);
    let keys: Vec<Item> = item.take("ks")?;
    let upstream = match item.take_some("uq")? {
        Some(url) => UpstreamRoute::Queue(url),
        None if item.take_some("ub")?.unwrap_or(false) => UpstreamRoute::Bus,
        None => UpstreamRoute::Poll,
    };
    Ok(App {
        id: item.take("a")?,
        name: item.take("nm")?,
        server_keys: keys.into_iter().map(read_key).collect::<Result<_, _>>()?,
        client_key: item.take("ck")?,
        quota_per_second: item.take_some("qu")?,
        heartbeat: item.take_some("hb")?.map(heartbeat_of).transpose()?,
        events: EventSettings {
            message_completed: item.take_some("mc")?.unwrap_or(false),
            presence: item.take_some("po")?.unwrap_or(false),
        },
        upstream,
        alerts: AlertSettings { emails: item.take_some("ae")?.unwrap_or_default(), webhook_url: item.take_some("aw")? },
        created_at: item.take("ca")?,
        revision: item.take("rv")?,
    })
}

fn read_key(item: Item) -> Result<ServerKey, Damaged> {
    let mut item = ItemReader::new(Table::Directory, item);
    Ok(ServerKey {
        digest: item.take("dg")?,
        hint: item.take("hi")?,
        created_at: item.take("ca")?,
        expires_at: item.take_some("ex")?,
    })
}
