//! What dispatch remembers for a moment. Ages are told by the clock port; nothing here has a timer.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use homing_domain::mailbox::{Body, Route};
use homing_domain::{
    AppId, Audience, Channel, DeliveryPolicy, FeedOffset, Flow, GatewayRef, Message, MessageId, Millis, Priority,
    Reason, ServerId, UnixMillis,
};
use homing_ports::{Clock, Gateways, Messages, StageError};

/// Messages that are remembered: more than are being dispatched at one time. Each takes about 5 kB, and as much again for
/// each of its languages.
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
    /// Whose turn its items take in queues.
    pub(crate) group: Box<str>,
    /// Whether it goes on, as of [`MESSAGE_KEPT_FOR`] ago at most.
    pub(crate) flow: Flow,
    /// What it takes back, if it shows nothing itself.
    pub(crate) takes_back: Option<TakesBack>,
    /// By variant: the default, then each language.
    payloads: Vec<Bytes>,
    /// What single channels bring beside, in their vendors' own words.
    overrides: Vec<(Channel, Bytes)>,
    pub(crate) priority: Priority,
    pub(crate) collapse_key: Option<String>,
    pub(crate) is_now_or_never: bool,
    /// By which way its devices are reached.
    delivery: DeliveryPolicy,
    /// Its entry in the feed of its app comes after this one, if it has one.
    pub(crate) feed_after: Option<FeedOffset>,
    pub(crate) accepted_at: UnixMillis,
    pub(crate) wanted_at: UnixMillis,
    pub(crate) expires_at: UnixMillis,
}

/// A message that is taken back, and why.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TakesBack {
    pub(crate) message: MessageId,
    pub(crate) reason: Reason,
}

impl TakesBack {
    /// From all whom it was for: its sender wants it back. From some: they have seen it elsewhere.
    fn of(message: &Message) -> Option<Self> {
        let reason = match message.audience {
            Audience::RecipientsOf(_) => Reason::Recalled,
            _ => Reason::ReadElsewhere,
        };
        message.recalls.map(|message| Self { message, reason })
    }
}

impl Rendered {
    fn new(message: Message) -> Self {
        let languages = message.localizations.iter().map(|localized| localized.payload.clone());
        let payloads = std::iter::once(message.payload.clone()).chain(languages);
        Self {
            id: message.id,
            wanted_at: message.wanted_at(),
            group: message.queue_group(),
            flow: message.control.flow,
            takes_back: TakesBack::of(&message),
            app: message.app,
            payloads: payloads.collect(),
            overrides: message.overrides,
            priority: message.options.priority,
            collapse_key: message.options.collapse_key,
            // What takes something back finds its way to a device that is away now.
            is_now_or_never: message.options.ttl_seconds == 0 && message.recalls.is_none(),
            delivery: message.options.delivery,
            feed_after: message.feed_after,
            accepted_at: message.accepted_at,
            expires_at: message.expires_at,
        }
    }

    /// The payload in this rendering: the default one when there is no such.
    pub(crate) fn payload(&self, variant: u8) -> Bytes {
        self.payloads.get(usize::from(variant)).or_else(|| self.payloads.first()).cloned().unwrap_or_default()
    }

    /// What the business wrote for this channel.
    pub(crate) fn overrides(&self, channel: Channel) -> Option<Bytes> {
        self.overrides.iter().find(|(of, _)| *of == channel).map(|(_, json)| json.clone())
    }

    /// What stands in a mailbox entry for the payload.
    pub(crate) fn body(&self, variant: u8) -> Body {
        Body::of(&self.payload(variant), self.recalls())
    }

    /// Whether it goes by the vendors alone. What takes a message back goes where mailboxes are.
    pub(crate) fn is_vendor_only(&self) -> bool {
        self.delivery == DeliveryPolicy::VendorOnly && self.takes_back.is_none()
    }

    /// How long a device that has a vendor and an entry in its mailbox may take before the vendor is asked; `None` = it is
    /// not asked. "Now or never" and what takes a message back stay on the own link.
    pub(crate) const fn asks_vendor_after(&self, is_live: bool) -> Option<Millis> {
        if self.is_now_or_never || self.takes_back.is_some() {
            return None;
        }
        match self.delivery {
            DeliveryPolicy::OnlineFirst { .. } if !is_live => Some(0),
            DeliveryPolicy::OnlineFirst { fallback_after } | DeliveryPolicy::Fallback { fallback_after } => {
                Some(fallback_after)
            }
            DeliveryPolicy::OwnOnly | DeliveryPolicy::VendorOnly => None,
        }
    }

    /// The message that it takes back.
    pub(crate) fn recalls(&self) -> Option<MessageId> {
        self.takes_back.map(|TakesBack { message, .. }| message)
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
        match self.fresh(id, ports.now()) {
            Some(message) => Ok(message),
            None => self.read_anew(ports, id).await,
        }
    }

    /// The message as it stands now.
    pub(crate) async fn read_anew<P: Messages + Clock>(
        &self,
        ports: &P,
        id: MessageId,
    ) -> Result<Arc<Rendered>, StageError> {
        let now = ports.now();
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
