//! What others tell a gateway.

use std::sync::Arc;

use homing_domain::{ConnSeq, DeviceId, HandOff, HandOffTarget, Notice, PushBody, Undelivered, UnixMillis};

use super::Machine;
use crate::mutant::Mutant;
use crate::world::World;

impl World {
    /// Notices arrived.
    pub(crate) fn notices(&mut self, gateway: usize, notices: Vec<Notice>) {
        for notice in notices {
            match notice {
                Notice::HandOff(hand_off) => self.hand_off(gateway, hand_off),
                Notice::Reread { device, conn_seq } => {
                    self.hit("notice", "reread");
                    self.tell(gateway, device, conn_seq, |machine, now| match machine {
                        Machine::Joining(joining) => joining.reread(),
                        Machine::Live(live) => live.reread(now),
                        _ => {}
                    });
                }
                Notice::Trim { device, conn_seq } => {
                    self.hit("notice", "trim");
                    self.tell(gateway, device, conn_seq, |machine, now| {
                        if let Machine::Live(live) = machine {
                            live.trim_wanted(now);
                        }
                    });
                }
                Notice::Feed(_) => self.feed_hint(gateway),
                Notice::Superseded { device, by } => self.superseded(gateway, device, by),
                Notice::Revoked { device } => {
                    for (conn_seq, _) in self.gateways[gateway].registry.get(&device).cloned().unwrap_or_default() {
                        self.tell(gateway, device, conn_seq, |machine, _| {
                            if let Machine::Live(live) = machine {
                                live.revoked();
                            }
                        });
                    }
                }
                Notice::HeartbeatChanged => self.heartbeat_changed(gateway),
                Notice::Drain { spread } => self.drain_links(gateway, spread),
            }
        }
    }

    fn hand_off(&mut self, gateway: usize, hand_off: HandOff) {
        let body = Arc::new(hand_off.body);
        for target in hand_off.targets {
            let links = self.gateways[gateway].registry.get(&target.device).cloned().unwrap_or_default();
            let exact = links.iter().find(|(conn_seq, _)| *conn_seq == target.conn_seq);
            let link = match (exact, links.last()) {
                (Some((_, link)), _) => *link,
                (None, Some((newest, link))) if target.conn_seq < *newest => {
                    self.hit("hand-off", "is for an older link");
                    if target.seq > 0 {
                        continue;
                    }
                    *link
                }
                _ => {
                    self.hit("hand-off", "finds no link");
                    self.promote(gateway, target.device, target.conn_seq);
                    self.no_link(gateway, &body, target);
                    continue;
                }
            };
            let forgets = self.is(Mutant::SessionRegisteredAfterTakeover);
            let mut met = "live";
            self.with_link(gateway, link, |machine, now| match machine {
                Machine::Joining(_) if forgets => {}
                Machine::Joining(joining) => {
                    met = "joining";
                    joining.hand_off(Arc::clone(&body), target);
                }
                Machine::Live(live) => live.hand_off(now, &body, target),
                Machine::Leaving(_) => met = "leaving",
                _ => met = "neither",
            });
            if met == "leaving" {
                self.no_link(gateway, &body, target);
            }
            self.hit("hand-off", met);
        }
    }

    fn no_link(&mut self, gateway: usize, body: &PushBody, target: HandOffTarget) {
        let (device, conn_seq, message) = (target.device, target.conn_seq, body.message);
        self.undelivered(gateway, Undelivered { device, conn_seq, message, transient: target.seq == 0 });
    }

    fn superseded(&mut self, gateway: usize, device: DeviceId, by: ConnSeq) {
        self.hit("notice", "superseded");
        self.promote(gateway, device, by);
    }

    fn heartbeat_changed(&mut self, gateway: usize) {
        self.hit("notice", "heartbeat changed");
        let mut heartbeat = self.gateways[gateway].heartbeat;
        let seconds = 20_000 + self.random.below(40) * 1_000;
        heartbeat.quic.initial = seconds.max(heartbeat.quic.minimum);
        self.gateways[gateway].heartbeat = heartbeat;
        let ids: Vec<_> = self.gateways[gateway].links.keys().copied().collect();
        for id in ids {
            self.with_link(gateway, id, |machine, _| {
                if let Machine::Live(live) = machine {
                    live.heartbeat_changed(&heartbeat);
                }
            });
        }
    }

    fn drain_links(&mut self, gateway: usize, spread: u64) {
        self.hit("notice", "drain");
        let ids: Vec<_> = self.gateways[gateway].links.keys().copied().collect();
        for id in ids {
            self.with_link(gateway, id, |machine, _| {
                if let Machine::Live(live) = machine {
                    live.drain(spread);
                }
            });
        }
    }

    /// Tells the link with this number.
    fn tell(
        &mut self,
        gateway: usize,
        device: DeviceId,
        conn_seq: ConnSeq,
        tell: impl FnOnce(&mut Machine, UnixMillis),
    ) {
        let links = self.gateways[gateway].registry.get(&device);
        let found = links.and_then(|links| links.iter().find(|(number, _)| *number == conn_seq));
        if let Some((_, link)) = found.copied() {
            self.with_link(gateway, link, tell);
        }
    }
}
