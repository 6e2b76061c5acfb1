//! What dispatch remembers for a moment. Ages are told by the clock port; nothing here has a timer.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use homing_domain::limits::INLINE_PAYLOAD_MAX_BYTES;
use homing_domain::mailbox::{Body, Route};
use homing_domain::{AppId, GatewayRef, Message, MessageId, Millis, Priority, ServerId, UnixMillis};
use homing_ports::{Clock, Gateways, Messages, StageError};

/// Messages that are remembered: more than are being dispatched at one time. Each takes about 5 kB at most.
const MESSAGES_MAX: usize = 64;

/// How old a remembered message may be: a change of its row is seen after this.
const MESSAGE_KEPT_FOR: Millis = 2_000;

/// How old the remembered leases may be. A lease outlives its gateway by up to 15 s, so one second more changes little.
const LEASES_KEPT_FOR: Millis = 1_000;

/// What dispatch needs of a message: everything but its audience.
#[derive(Debug)]
pub(crate) struct Rendered {
    pub(crate) id: MessageId,
    pub(crate) app: AppId,
    pub(crate) payload: Bytes,
    pub(crate) priority: Priority,
    pub(crate) collapse_key: Option<String>,
    pub(crate) is_now_or_never: bool,
    pub(crate) accepted_at: UnixMillis,
    pub(crate) wanted_at: UnixMillis,
    pub(crate) expires_at: UnixMillis,
}

impl Rendered {
    fn new(message: Message) -> Self {
        Self {
            id: message.id,
            wanted_at: message.wanted_at(),
            app: message.app,
            payload: message.payload,
            priority: message.options.priority,
            collapse_key: message.options.collapse_key,
            is_now_or_never: message.options.ttl_seconds == 0,
            accepted_at: message.accepted_at,
            expires_at: message.expires_at,
        }
    }

    /// What stands in a mailbox entry for the payload.
    pub(crate) fn body(&self) -> Body {
        if self.payload.len() <= INLINE_PAYLOAD_MAX_BYTES {
            Body::Inline(self.payload.clone())
        } else {
            Body::Reference
        }
    }
}

/// Messages of late, oldest first.
#[derive(Debug, Default)]
pub(crate) struct MessageCache(Mutex<VecDeque<(UnixMillis, Arc<Rendered>)>>);

impl MessageCache {
    /// The message. One that does not exist is poison: shards are made from message rows only.
    pub(crate) async fn read<P: Messages + Clock>(
        &self,
        ports: &P,
        id: MessageId,
    ) -> Result<Arc<Rendered>, StageError> {
        let now = ports.now();
        if let Some(message) = self.fresh(id, now) {
            return Ok(message);
        }
        let message = ports.message(id).await?.ok_or_else(|| StageError::poison("there is no such message"))?;
        let message = Arc::new(Rendered::new(message));
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|(_, entry)| entry.id != id);
        if entries.len() >= MESSAGES_MAX {
            entries.pop_front();
        }
        entries.push_back((now, Arc::clone(&message)));
        Ok(message)
    }

    fn fresh(&self, id: MessageId, now: UnixMillis) -> Option<Arc<Rendered>> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, message) =
            entries.iter().find(|(read_at, entry)| entry.id == id && is_fresh(*read_at, now, MESSAGE_KEPT_FOR))?;
        Some(Arc::clone(message))
    }
}

/// Which gateways are alive, as of a moment ago.
#[derive(Debug, Default)]
pub(crate) struct LeaseCache(Mutex<Option<(UnixMillis, Arc<Leases>)>>);

/// The last known life of each gateway, and until when it is believed in.
#[derive(Debug)]
pub(crate) struct Leases(HashMap<ServerId, (u64, UnixMillis)>);

impl LeaseCache {
    /// The leases, fit to judge these routes: one that names a gateway younger than the remembered leases makes them be
    /// read again, else a message could wait in the mailbox of a device whose new gateway has read it already.
    pub(crate) async fn read<P: Gateways + Clock>(
        &self,
        ports: &P,
        mut routes: impl Iterator<Item = Route> + Send,
    ) -> Result<Arc<Leases>, StageError> {
        let now = ports.now();
        if let Some(leases) = self.fresh(now)
            && routes.all(|route| leases.knows(route.gateway))
        {
            return Ok(leases);
        }
        let leases = ports.leases().await?.into_iter();
        let leases = leases.map(|lease| (lease.gateway.server_id, (lease.gateway.incarnation, lease.expires_at)));
        let leases = Arc::new(Leases(leases.collect()));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, Arc::clone(&leases)));
        Ok(leases)
    }

    fn fresh(&self, now: UnixMillis) -> Option<Arc<Leases>> {
        let entry = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entry
            .as_ref()
            .filter(|(read_at, _)| is_fresh(*read_at, now, LEASES_KEPT_FOR))
            .map(|(_, leases)| Arc::clone(leases))
    }
}

impl Leases {
    /// The route, if its gateway is alive.
    pub(crate) fn live(&self, route: Option<Route>, now: UnixMillis) -> Option<Route> {
        route.filter(|route| {
            self.0
                .get(&route.gateway.server_id)
                .is_some_and(|(incarnation, expires_at)| *incarnation == route.gateway.incarnation && now < *expires_at)
        })
    }

    /// Whether this life of the gateway is remembered, or is over for sure because a later one is.
    fn knows(&self, gateway: GatewayRef) -> bool {
        self.0.get(&gateway.server_id).is_some_and(|(incarnation, _)| *incarnation >= gateway.incarnation)
    }
}

/// Whether something read then may be used now. A clock that was set back makes it old.
fn is_fresh(read_at: UnixMillis, now: UnixMillis, kept_for: Millis) -> bool {
    read_at <= now && now.since(read_at) < kept_for
}
