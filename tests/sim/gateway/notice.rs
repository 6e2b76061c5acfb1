//! What others tell a gateway.

use std::sync::Arc;

use homing_domain::{ConnSeq, DeviceId, HandOff, Notice, Undelivered};

use super::Machine;
use crate::mutant::Mutant;
use crate::world::World;

impl World {
    /// Notices arrived.
    pub(crate) fn notices(&mut self, gateway: usize, notices: Vec<Notice>) {
        for notice in notices {
            match notice {
                Notice::HandOff(hand_off) => self.hand_off(gateway, hand_off),
                Notice::Reread { device, .. } => {
                    self.hit("notice", "reread");
                    self.tell(gateway, device, |machine, now| match machine {
                        Machine::Joining(joining) => joining.reread(),
                        Machine::Live(live) => live.reread(now),
                        _ => {}
                    });
                }
                Notice::Trim { device, .. } => {
                    self.hit("notice", "trim");
                    self.tell(gateway, device, |machine, now| {
                        if let Machine::Live(live) = machine {
                            live.trim_wanted(now);
                        }
                    });
                }
                Notice::Superseded { device, by } => self.superseded(gateway, device, by),
                Notice::Revoked { device } => self.tell(gateway, device, |machine, _| {
                    if let Machine::Live(live) = machine {
                        live.revoked();
                    }
                }),
                Notice::HeartbeatChanged => self.heartbeat_changed(gateway),
                Notice::Drain { spread } => self.drain_links(gateway, spread),
            }
        }
    }

    fn hand_off(&mut self, gateway: usize, hand_off: HandOff) {
        let body = Arc::new(hand_off.body);
        for target in hand_off.targets {
            let link = self.gateways[gateway].registry.get(&target.device).copied();
            let Some(link) = link else {
                self.hit("hand-off", "finds no link");
                let Undelivered { .. } = self.no_link(gateway, &body, target);
                continue;
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
                _ => met = "neither",
            });
            self.hit("hand-off", met);
        }
    }

    fn no_link(
        &mut self,
        gateway: usize,
        body: &homing_domain::PushBody,
        target: homing_domain::HandOffTarget,
    ) -> Undelivered {
        let undelivered = Undelivered {
            device: target.device,
            conn_seq: target.conn_seq,
            message: body.message,
            transient: target.seq == 0,
        };
        self.undelivered(gateway, undelivered);
        undelivered
    }

    fn superseded(&mut self, gateway: usize, device: DeviceId, by: ConnSeq) {
        self.hit("notice", "superseded");
        let of_device = self.gateways[gateway].links.iter().filter(|(_, link)| link.device == Some(device));
        let ids: Vec<_> = of_device.filter(|(_, link)| link.conn_seq < by).map(|(id, _)| *id).collect();
        for id in ids {
            self.with_link(gateway, id, |machine, _| match machine {
                Machine::Live(live) => live.superseded(by),
                Machine::Leaving(leaving) => leaving.superseded(),
                _ => {}
            });
        }
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

    /// Tells the link of a device.
    fn tell(&mut self, gateway: usize, device: DeviceId, tell: impl FnOnce(&mut Machine, homing_domain::UnixMillis)) {
        if let Some(link) = self.gateways[gateway].registry.get(&device).copied() {
            self.with_link(gateway, link, tell);
        }
    }
}
