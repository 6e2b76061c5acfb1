//! A gateway: the driver of `link::server` machines, performing their effects on the weak ports.
//!
//! It decides nothing about a device; whatever the real gateway must get right about the order of calls stands here in
//! the same order: register before the takeover, receipts durable before `recorded`, one link per device.

mod answer;
mod effect;
mod feed;
mod notice;
mod process;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use homing_domain::mailbox::{Detached, Mailbox, TakenOver, TakeoverRefused, Tombstoned, Trimmed};
use homing_domain::{
    ConnSeq, DeviceId, GatewayRef, HeartbeatSettings, MessageId, Notice, PushBody, Receipt, ServerId, UnixMillis,
    UpstreamId,
};
use homing_link::Transport;
use homing_link::server::{Closing, FeedPage, Greeting, Joining, Leaving, Live, StoreFault, Ticket};
use homing_tests::weak::Owner;

use self::feed::SharedLog;
use crate::agenda::{Event, LinkId};
use crate::wire::{End, WireId, bytes_of};
use crate::world::World;

/// What a link is at the moment.
#[derive(Debug)]
pub(crate) enum Machine {
    Greeting(Greeting),
    Joining(Box<Joining>),
    Live(Box<Live>),
    Leaving(Box<Leaving>),
    /// Being worked on, or gone.
    Nothing,
}

/// A link.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) machine: Machine,
    /// `None` = the transport is over.
    pub(crate) wire: Option<WireId>,
    pub(crate) device: Option<DeviceId>,
    pub(crate) conn_seq: ConnSeq,
    timer_at: UnixMillis,
}

/// A gateway.
#[derive(Debug)]
pub(crate) struct Gateway {
    pub(crate) server_id: ServerId,
    pub(crate) incarnation: u64,
    pub(crate) owner: Owner,
    pub(crate) is_up: bool,
    /// Its first lease stands: devices may connect.
    pub(crate) is_open: bool,
    pub(crate) is_draining: bool,
    /// When its lease was renewed last.
    pub(crate) renewed_at: UnixMillis,
    /// Dispatchers may have believed it dead: one renewal later it reads every mailbox again.
    pub(crate) is_in_doubt: bool,
    /// No renewal succeeds until then.
    pub(crate) cut_off_until: Rc<Cell<UnixMillis>>,
    pub(crate) links: BTreeMap<LinkId, Link>,
    /// The links of each device, the smallest number first: one, but for the moments of a takeover and of leaving.
    pub(crate) registry: BTreeMap<DeviceId, Vec<(ConnSeq, LinkId)>>,
    pub(crate) outbox: Vec<(LinkId, Ticket, Vec<Receipt>)>,
    pub(crate) is_flushing: bool,
    pub(crate) flushes: u64,
    pub(crate) heartbeat: HeartbeatSettings,
    pub(crate) feed: SharedLog,
    /// What devices have of the feed, to be counted.
    pub(crate) counts: BTreeMap<MessageId, u32>,
    pub(crate) counts_on_their_way: BTreeMap<u64, BTreeMap<MessageId, u32>>,
    pub(crate) counted: u64,
    pub(crate) is_counting: bool,
    next_link: LinkId,
}

/// What became of a gateway's port call.
#[derive(Debug)]
pub(crate) enum Done {
    TakenOver(LinkId, Option<Result<TakenOver, TakeoverRefused>>),
    Mailbox(LinkId, Result<Option<Mailbox>, StoreFault>),
    Body(LinkId, MessageId, Result<Option<PushBody>, StoreFault>),
    Tombstoned(LinkId, Result<Tombstoned, StoreFault>),
    Trimmed(LinkId, Result<Trimmed, StoreFault>),
    Detached(LinkId, Result<Detached, StoreFault>),
    Upstream(LinkId, UpstreamId, Result<(), StoreFault>),
    Feed(LinkId, Result<FeedPage, StoreFault>),
    /// The feed was read on; whether there was more.
    FeedRead(bool),
    /// What was counted is durable.
    Counted(u64),
    Flushed(Vec<(LinkId, Ticket)>),
    Notices(Vec<Notice>),
    /// Its lease was renewed.
    Renewed,
    /// Its lease is gone for good: a later life of it exists.
    Outlived,
}

impl Gateway {
    /// A gateway that is down.
    pub(crate) fn new(index: usize) -> Self {
        Self {
            server_id: ServerId([0, 0, 0, 0, 0, 0, 0, u8::try_from(index).unwrap_or(0) + 1]),
            incarnation: 0,
            owner: 0,
            is_up: false,
            is_open: false,
            is_draining: false,
            renewed_at: UnixMillis(0),
            is_in_doubt: true,
            cut_off_until: Rc::new(Cell::new(UnixMillis(0))),
            links: BTreeMap::new(),
            registry: BTreeMap::new(),
            outbox: Vec::new(),
            is_flushing: false,
            flushes: 0,
            heartbeat: HeartbeatSettings::default(),
            feed: SharedLog::default(),
            counts: BTreeMap::new(),
            counts_on_their_way: BTreeMap::new(),
            counted: 0,
            is_counting: false,
            next_link: 0,
        }
    }

    /// The link with the largest connection number of a device.
    pub(crate) fn newest(&self, device: DeviceId) -> Option<(ConnSeq, LinkId)> {
        self.registry.get(&device).and_then(|links| links.last()).copied()
    }

    /// A link is not to be found any more.
    pub(crate) fn unregister(&mut self, link: LinkId) {
        self.registry.retain(|_, links| {
            links.retain(|(_, of_device)| *of_device != link);
            !links.is_empty()
        });
    }

    /// This life of it.
    pub(crate) const fn reference(&self) -> GatewayRef {
        GatewayRef { server_id: self.server_id, incarnation: self.incarnation }
    }
}

impl World {
    /// A device's connection reached a gateway that is up.
    fn accept(&mut self, gateway: usize, wire: WireId) -> LinkId {
        let now = self.now();
        let transport = if self.random.per_mille(500) { Transport::Quic } else { Transport::Tcp };
        let gateway = &mut self.gateways[gateway];
        gateway.next_link += 1;
        let link = Link {
            machine: Machine::Greeting(Greeting::new(now, transport)),
            wire: Some(wire),
            device: None,
            conn_seq: 0,
            timer_at: UnixMillis::NEVER,
        };
        gateway.links.insert(gateway.next_link, link);
        gateway.next_link
    }

    /// Bytes from a device.
    pub(crate) fn gateway_receive(&mut self, gateway: usize, wire: WireId, bytes: &[u8]) {
        if !self.gateways[gateway].is_up {
            return;
        }
        let found = self.gateways[gateway].links.iter().find(|(_, link)| link.wire == Some(wire)).map(|(id, _)| *id);
        let link = found.unwrap_or_else(|| self.accept(gateway, wire));
        let now = self.now();
        match self.take_machine(gateway, link) {
            Machine::Greeting(mut greeting) => match greeting.receive(bytes) {
                Ok(None) => self.put_machine(gateway, link, Machine::Greeting(greeting)),
                Ok(Some(claim)) => {
                    let joining = Box::new(greeting.identify(claim));
                    self.join(gateway, link, joining);
                }
                Err(closing) => self.refuse(gateway, link, closing),
            },
            Machine::Live(mut live) => {
                live.receive(now, bytes);
                self.put_machine(gateway, link, Machine::Live(live));
            }
            // The device says nothing before its Welcome, and nothing that matters after its link is over.
            other => self.put_machine(gateway, link, other),
        }
        self.pump(gateway, link);
    }

    /// Registered first: hand-offs may come before the takeover is answered.
    fn join(&mut self, gateway: usize, link: LinkId, joining: Box<Joining>) {
        let (device, conn_seq) = (joining.device(), joining.conn_seq());
        let takeover = joining.takeover(self.gateways[gateway].reference(), self.now());
        if let Some(entry) = self.gateways[gateway].links.get_mut(&link) {
            entry.device = Some(device);
            entry.conn_seq = conn_seq;
        }
        self.put_machine(gateway, link, Machine::Joining(joining));
        let newest = self.gateways[gateway].newest(device);
        if let Some((current, _)) = newest.filter(|(current, _)| conn_seq <= *current) {
            // An own link is newer: the store would say the same.
            return self.refuse(gateway, link, Closing::stale(current));
        }
        // Older links stay until the takeover has succeeded.
        self.gateways[gateway].registry.entry(device).or_default().push((conn_seq, link));
        self.call_take_over(gateway, link, device, takeover);
    }

    /// A takeover succeeded: older links of the device are over.
    pub(crate) fn promote(&mut self, gateway: usize, device: DeviceId, conn_seq: ConnSeq) {
        let of_device = self.gateways[gateway].links.iter().filter(|(_, link)| link.device == Some(device));
        let ids: Vec<_> = of_device.filter(|(_, link)| link.conn_seq < conn_seq).map(|(id, _)| *id).collect();
        for id in ids {
            self.hit("link", "superseded in the same gateway");
            self.with_link(gateway, id, |machine, _| match machine {
                Machine::Live(live) => live.superseded(conn_seq),
                Machine::Leaving(leaving) => leaving.superseded(),
                _ => {}
            });
        }
    }

    /// No link comes of it.
    pub(crate) fn refuse(&mut self, gateway: usize, link: LinkId, closing: Closing) {
        let name = match closing.code {
            homing_wire::CloseCode::StaleConnection => "stale connection",
            homing_wire::CloseCode::Revoked => "revoked",
            homing_wire::CloseCode::Idle => "no hello",
            _ => "refused otherwise",
        };
        self.hit("refusal", name);
        self.close_wire(gateway, link, Some(closing));
        self.forget(gateway, link);
    }

    pub(crate) fn forget(&mut self, gateway: usize, link: LinkId) {
        let gateway = &mut self.gateways[gateway];
        gateway.links.remove(&link);
        gateway.unregister(link);
    }

    /// Sends the last frame, if there is one, and ends the transport.
    pub(crate) fn close_wire(&mut self, gateway: usize, link: LinkId, closing: Option<Closing>) {
        let wire = self.gateways[gateway].links.get_mut(&link).and_then(|link| link.wire.take());
        let Some(wire) = wire else { return };
        if let Some(closing) = closing {
            self.send(wire, End::Device, bytes_of(&closing.frame()));
        }
        self.end_wire(wire, End::Device);
    }

    /// A transport is over for the gateway.
    pub(crate) fn gateway_over(&mut self, gateway: usize, wire: WireId) {
        let found = self.gateways[gateway].links.iter().find(|(_, link)| link.wire == Some(wire)).map(|(id, _)| *id);
        let Some(link) = found else { return };
        if let Some(entry) = self.gateways[gateway].links.get_mut(&link) {
            entry.wire = None;
        }
        match self.take_machine(gateway, link) {
            Machine::Greeting(_) => self.forget(gateway, link),
            Machine::Live(live) => self.leave(gateway, link, live),
            other => self.put_machine(gateway, link, other),
        }
        self.pump(gateway, link);
    }

    /// The link is over: what remains to be done is done in the background.
    pub(crate) fn leave(&mut self, gateway: usize, link: LinkId, live: Box<Live>) {
        let now = self.now();
        // It stays registered until it is gone: its number is taken, and what is handed off to it goes back.
        let mut leaving = live.leave(now);
        if self.gateways[gateway].is_draining {
            leaving.hurry(now);
        }
        self.put_machine(gateway, link, Machine::Leaving(Box::new(leaving)));
    }

    pub(crate) fn take_machine(&mut self, gateway: usize, link: LinkId) -> Machine {
        let link = self.gateways[gateway].links.get_mut(&link);
        link.map_or(Machine::Nothing, |link| std::mem::replace(&mut link.machine, Machine::Nothing))
    }

    pub(crate) fn put_machine(&mut self, gateway: usize, link: LinkId, machine: Machine) {
        if let Some(link) = self.gateways[gateway].links.get_mut(&link) {
            link.machine = machine;
        }
    }

    /// Tells a machine something, then performs what it wants.
    pub(crate) fn with_link(&mut self, gateway: usize, link: LinkId, tell: impl FnOnce(&mut Machine, UnixMillis)) {
        let now = self.now();
        if let Some(entry) = self.gateways[gateway].links.get_mut(&link) {
            tell(&mut entry.machine, now);
            self.pump(gateway, link);
        }
    }

    /// A link's time has come.
    pub(crate) fn link_timer(&mut self, gateway: usize, owner: Owner, link: LinkId) {
        if self.gateways[gateway].owner != owner {
            return;
        }
        let now = self.now();
        let Some(entry) = self.gateways[gateway].links.get_mut(&link) else { return };
        entry.timer_at = UnixMillis::NEVER;
        match &mut entry.machine {
            Machine::Greeting(greeting) => {
                if let Err(closing) = greeting.timeout(now) {
                    return self.refuse(gateway, link, closing);
                }
            }
            Machine::Live(live) if live.next_timeout() <= now => live.timeout(now),
            Machine::Leaving(leaving) if leaving.next_timeout() <= now => leaving.timeout(now),
            _ => {}
        }
        self.pump(gateway, link);
    }

    /// Sets the timer that a link wants, and drops one that is done.
    pub(crate) fn settle_link(&mut self, gateway: usize, link: LinkId) {
        let now = self.now();
        let owner = self.gateways[gateway].owner;
        let Some(entry) = self.gateways[gateway].links.get_mut(&link) else { return };
        let next = match &entry.machine {
            Machine::Greeting(greeting) => greeting.next_timeout(),
            Machine::Live(live) => live.next_timeout(),
            Machine::Leaving(leaving) if leaving.is_finished() => {
                return self.forget(gateway, link);
            }
            Machine::Leaving(leaving) => leaving.next_timeout(),
            Machine::Joining(_) | Machine::Nothing => UnixMillis::NEVER,
        };
        if next < entry.timer_at {
            entry.timer_at = next.max(now);
            let at = entry.timer_at;
            self.at(at, Event::LinkTimer(gateway, owner, link));
        }
    }
}
