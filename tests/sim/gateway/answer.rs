//! Answers of port calls, on their way back to the machines.

use homing_domain::Notice;
use homing_domain::mailbox::{TakenOver, TakeoverRefused};
use homing_link::server::Closing;
use homing_ports::Notices;
use homing_tests::weak::Owner;
use homing_wire::CloseCode;

use super::{Done, Machine};
use crate::agenda::LinkId;
use crate::world::World;

impl World {
    /// A port call of a gateway is answered.
    pub(crate) fn gateway_answer(&mut self, gateway: usize, owner: Owner, done: Done) {
        if self.gateways[gateway].owner != owner || !self.gateways[gateway].is_up {
            return;
        }
        match done {
            Done::TakenOver(link, answer) => self.taken_over(gateway, link, answer),
            Done::Mailbox(link, answer) => self.with_link(gateway, link, |machine, now| {
                if let Machine::Live(live) = machine {
                    live.mailbox(now, answer);
                }
            }),
            Done::Body(link, message, answer) => self.with_link(gateway, link, |machine, now| {
                if let Machine::Live(live) = machine {
                    live.body(now, message, answer.as_ref().map(Option::as_ref).map_err(|fault| *fault));
                }
            }),
            Done::Tombstoned(link, answer) => self.with_link(gateway, link, |machine, now| {
                if let Machine::Live(live) = machine {
                    live.tombstoned(now, answer);
                }
            }),
            Done::Trimmed(link, answer) => self.with_link(gateway, link, |machine, now| match machine {
                Machine::Live(live) => live.trimmed(now, answer),
                Machine::Leaving(leaving) => leaving.trimmed(now, answer),
                _ => {}
            }),
            Done::Detached(link, answer) => self.with_link(gateway, link, |machine, now| {
                if let Machine::Leaving(leaving) = machine {
                    leaving.detached(now, answer);
                }
            }),
            Done::Upstream(link, id, answer) => self.with_link(gateway, link, |machine, now| {
                if let Machine::Live(live) = machine {
                    live.upstream_stored(now, id, answer);
                }
            }),
            Done::Feed(link, page) => self.with_link(gateway, link, |machine, now| {
                if let Machine::Live(live) = machine {
                    live.feed(now, page);
                }
            }),
            Done::FeedRead(has_grown) => self.feed_read(gateway, has_grown),
            Done::Counted(number) => {
                self.gateways[gateway].counts_on_their_way.remove(&number);
            }
            Done::Flushed(tickets) => self.flushed(gateway, tickets),
            Done::Notices(notices) => self.notices(gateway, notices),
            Done::Renewed => self.renewed(gateway),
            Done::Outlived => self.hit("lease", "a gateway learns that it is outlived"),
        }
    }

    fn taken_over(&mut self, gateway: usize, link: LinkId, answer: Option<Result<TakenOver, TakeoverRefused>>) {
        let now = self.now();
        let Machine::Joining(joining) = self.take_machine(gateway, link) else { return };
        let (device, conn_seq) = (joining.device(), joining.conn_seq());
        let taken_over = match answer {
            Some(Ok(taken_over)) => taken_over,
            Some(Err(refused)) => return self.refuse(gateway, link, refused.into()),
            None => {
                self.hit("link", "takeover without an answer");
                self.close_wire(gateway, link, Some(Closing::overload(1_000)));
                let leaving = Box::new(joining.abandon(now));
                self.put_machine(gateway, link, Machine::Leaving(leaving));
                return self.pump(gateway, link);
            }
        };
        self.promote(gateway, device, conn_seq);
        let here = self.gateways[gateway].reference();
        if let Some(previous) = taken_over.previous.filter(|route| route.gateway != here) {
            let weak = self.weak.clone();
            let owner = self.gateways[gateway].owner;
            self.executor.spawn(owner, false, async move {
                let notice = Notice::Superseded { device, by: conn_seq };
                drop(weak.notify(previous.gateway, vec![notice]).await);
            });
        }
        let heartbeat = self.gateways[gateway].heartbeat;
        match joining.welcome(now, taken_over, &heartbeat) {
            Ok(live) => {
                self.trace(|| format!("gateway {gateway} welcomes {device} n {conn_seq}"));
                self.begin(gateway, link, Box::new(live));
            }
            Err(closing) => self.refuse(gateway, link, closing),
        }
    }

    fn begin(&mut self, gateway: usize, link: LinkId, mut live: Box<homing_link::server::Live>) {
        let device = live.device();
        let newest = self.gateways[gateway].newest(device).filter(|(_, newest)| *newest != link);
        let is_live = |id| matches!(self.gateways[gateway].links.get(&id), Some(link) if matches!(link.machine, Machine::Live(_)));
        let by = newest.filter(|(_, newest)| is_live(*newest)).map(|(by, _)| by);
        if let Some(by) = by {
            self.hit("link", "superseded while it joined");
            live.superseded(by);
        } else if self.gateways[gateway].is_draining {
            live.end(Closing::new(CloseCode::Drain));
        }
        let is_over = self.gateways[gateway].links.get(&link).is_some_and(|link| link.wire.is_none());
        if is_over {
            self.hit("link", "transport ended while it joined");
            self.leave(gateway, link, live);
        } else {
            self.put_machine(gateway, link, Machine::Live(live));
        }
        self.pump(gateway, link);
    }
}
