//! Leases of gateways: one item each, all in one partition, so that one query reads the fleet.
//!
//! | attribute | of the lease |
//! |---|---|
//! | `in` | incarnation |
//! | `ho` `po` `rg` | host, port, region |
//! | `li` `cp` | links, capacity |
//! | `dr` | there if it takes no new links |
//! | `ex` | expires at |
//! | `en` | there if it has ended: this incarnation does not come back |
//! | `ttl` | a day later |
//!
//! | operation | requests | WRU | RRU |
//! |---|---|---|---|
//! | renew_lease | 1, the first also makes the gateway's queue | 1 | |
//! | end_lease | 1 | 1 | |
//! | leases | 1 | | 1 per 4 KiB: for 30 gateways with short host names |
//!
//! # How large a fleet may be
//! One partition answers 3,000 RRU and takes 1,000 WRU a second. Renewals every 5 s let 5,000 gateways in. Reads bind sooner:
//! every process that dispatches keeps the leases for 1 s, and every one that routes asks as well, so a fleet of `g` gateways
//! and `p` such processes needs `p * g / 30` RRU a second: 90,000 gateways times processes, say 400 gateways read by 225
//! processes, or 100 by 900. Beyond that reads are throttled and tried again: dispatch slows down, nothing is lost. A larger
//! installation runs as several.

use homing_domain::{GatewayRef, Lease, Load, Millis, ServerId, UnixMillis};
use homing_ports::{Clock as _, Gateways, Result};

use crate::AwsStore;
use crate::directory::{call, leases_partition};
use crate::expression::Expression;
use crate::item::{Damaged, Item, ItemReader, ItemWriter, Table, binary, expiry, sorted_key};
use crate::one_item::{Query, Written};
use crate::schema::TTL;

/// How long a lease is remembered after it expired: an old incarnation that wakes up within it finds the newer one.
const REMEMBERED_FOR: Millis = 24 * 3_600_000;

/// An older incarnation is replaced; this one goes on unless it has ended.
fn renew(lease: &Lease) -> Expression {
    Expression::condition("attribute_not_exists(#pk) OR #in < :me OR (#in = :me AND attribute_not_exists(#en))")
        .value("me", lease.gateway.incarnation)
}

fn end(gateway: GatewayRef, kept_until: UnixMillis) -> Expression {
    Expression::update("SET #en = :ended, #ex = :never, #ttl = :ttl")
        .when("#in = :me")
        .value("me", gateway.incarnation)
        .value("ended", true)
        .value("never", UnixMillis(0))
        .value("ttl", expiry(kept_until))
}

impl Gateways for AwsStore {
    async fn renew_lease(&self, lease: Lease) -> Result<bool> {
        // Before anybody can learn of the gateway: what it is told from then on has a place.
        self.ensure_inbox(lease.gateway).await?;
        let condition = renew(&lease);
        match self.put(call("renew the lease"), write(&lease), condition).await? {
            Written::Done(_) => Ok(true),
            Written::Refused(_) => Ok(false),
        }
    }

    async fn end_lease(&self, gateway: GatewayRef) -> Result<()> {
        self.close_inbox(gateway);
        let end = end(gateway, self.now().plus(REMEMBERED_FOR));
        // Refused = a newer incarnation, or none at all: nothing is left to end.
        self.update(call("end the lease"), key(gateway.server_id), end).await.map(|_| ())
    }

    async fn leases(&self) -> Result<Vec<Lease>> {
        let call = call("list the leases");
        let query = Query::of(Expression::key("#pk = :leases").value("leases", binary(leases_partition())));
        call.read_all(self.list(call, query, usize::MAX).await?, read)
    }
}

fn key(server_id: ServerId) -> Item {
    sorted_key(leases_partition(), server_id.0)
}

fn write(lease: &Lease) -> Item {
    ItemWriter::of(key(lease.gateway.server_id))
        .with("in", lease.gateway.incarnation)
        .with("ho", lease.host.clone())
        .with("po", lease.port)
        .with("rg", lease.region.clone())
        .with("li", lease.load.links)
        .with("cp", lease.load.capacity)
        .with_some("dr", lease.draining.then_some(true))
        .with("ex", lease.expires_at)
        .with(TTL, expiry(lease.expires_at.plus(REMEMBERED_FOR)))
        .finish()
}

fn read(item: Item) -> std::result::Result<Lease, Damaged> {
    let mut item = ItemReader::new(Table::Directory, item);
    Ok(Lease {
        gateway: GatewayRef { server_id: ServerId(item.take("sk")?), incarnation: item.take("in")? },
        host: item.take("ho")?,
        port: item.take("po")?,
        region: item.take("rg")?,
        load: Load { links: item.take("li")?, capacity: item.take("cp")? },
        draining: item.take_some("dr")?.unwrap_or(false),
        expires_at: item.take("ex")?,
    })
}

#[cfg(test)]
mod tests;
