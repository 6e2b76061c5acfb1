//! A gateway's life: start, lease, inbox, crash, clean stop.

use std::rc::Rc;

use homing_domain::limits::LEASE_VALID_FOR;
use homing_domain::{Lease, Load, Millis};
use homing_link::server::Closing;
use homing_ports::{Gateways, NoticeSource};
use homing_wire::CloseCode;

use super::{Done, Machine};
use crate::agenda::Event;
use crate::mutant::Mutant;
use crate::wire::End;
use crate::world::{Answer, World};

/// After so long without a renewal others may believe it dead: caches and listings of leases are up to 3 s old.
const DOUBT_AFTER: Millis = LEASE_VALID_FOR - 3_000;
/// A gateway waits so long for a notice before it asks again.
const NOTICES_WAIT: u64 = 600_000;

impl World {
    /// Starts a gateway that is down, in a new life.
    pub(crate) fn start_gateway(&mut self, gateway: usize) {
        if self.gateways[gateway].is_up {
            return;
        }
        let owner = self.new_owner();
        let entry = &mut self.gateways[gateway];
        entry.is_up = true;
        entry.is_draining = false;
        entry.is_open = false;
        entry.is_in_doubt = true;
        let cut_off_until = entry.cut_off_until.clone();
        entry.incarnation += 1;
        entry.owner = owner;
        entry.feed = Rc::default();
        let reference = entry.reference();
        self.trace(|| format!("gateway {gateway} starts as {reference}"));
        self.reread_feed(gateway);
        let (weak, answers, pace) = (self.weak.clone(), self.answers.clone(), self.pace.clone());
        self.executor.spawn(owner, false, async move {
            loop {
                let lease = Lease {
                    gateway: reference,
                    host: "gateway".to_owned(),
                    port: 443,
                    region: String::new(),
                    load: Load::default(),
                    draining: false,
                    expires_at: weak.lock().now.plus(pace.valid_for.get()),
                };
                if weak.lock().now < cut_off_until.get() {
                    weak.sleep(1_000).await;
                    continue;
                }
                let done = match weak.renew_lease(lease).await {
                    Ok(true) => Done::Renewed,
                    Ok(false) => Done::Outlived,
                    Err(_) => {
                        weak.sleep(1_000).await;
                        continue;
                    }
                };
                answers.borrow_mut().push_back(Answer::Gateway(gateway, owner, Box::new(done)));
                weak.sleep(pace.every.get()).await;
            }
        });
        let (weak, answers) = (self.weak.clone(), self.answers.clone());
        self.executor.spawn(owner, false, async move {
            loop {
                match weak.take_notices(reference, 64, NOTICES_WAIT).await {
                    Ok(notices) if notices.is_empty() => weak.sleep(100).await,
                    Ok(notices) => {
                        answers.borrow_mut().push_back(Answer::Gateway(
                            gateway,
                            owner,
                            Box::new(Done::Notices(notices)),
                        ));
                    }
                    Err(_) => weak.sleep(100).await,
                }
            }
        });
    }

    /// Its lease stands. Where others may have believed it dead, or did not know it yet, messages may wait in mailboxes of
    /// its devices without a hand-off: it reads them again, one renewal later, when nobody can believe so any longer.
    pub(crate) fn renewed(&mut self, gateway: usize) {
        let now = self.now();
        let entry = &mut self.gateways[gateway];
        let was_open = std::mem::replace(&mut entry.is_open, true);
        let lapsed = was_open && now.since(entry.renewed_at) >= DOUBT_AFTER;
        let reads_again = was_open && entry.is_in_doubt && !lapsed;
        entry.renewed_at = now;
        entry.is_in_doubt = !was_open || lapsed;
        if lapsed {
            self.hit("lease", "lapsed or nearly so");
        }
        if !reads_again || self.is(Mutant::NoRereadAfterLapse) {
            return;
        }
        let ids: Vec<_> = self.gateways[gateway].links.keys().copied().collect();
        for id in ids {
            self.with_link(gateway, id, |machine, now| match machine {
                Machine::Joining(joining) => joining.reread(),
                Machine::Live(live) => live.reread(now),
                _ => {}
            });
        }
    }

    /// A gateway cannot renew its lease for a while; its links live on.
    pub(crate) fn cut_off(&mut self, gateway: usize) {
        self.hit("lease", "is not renewed for a while");
        let span = self.random.between(8_000, 30_000);
        let until = self.now().plus(span);
        self.gateways[gateway].cut_off_until.set(until);
    }

    /// A gateway dies: nothing of it is left but what it wrote.
    pub(crate) fn crash_gateway(&mut self, gateway: usize) {
        if !self.gateways[gateway].is_up {
            return;
        }
        self.hit("crash", "gateway");
        self.trace(|| format!("gateway {gateway} crashes"));
        self.stop_gateway(gateway);
        let delay = self.random.between(100, 25_000);
        self.after(delay, Event::StartGateway(gateway));
    }

    fn stop_gateway(&mut self, gateway: usize) {
        self.lose_counts(gateway);
        let entry = &mut self.gateways[gateway];
        let (owner, reference) = (entry.owner, entry.reference());
        entry.is_up = false;
        entry.owner = 0;
        entry.links.clear();
        entry.registry.clear();
        entry.outbox.clear();
        entry.is_flushing = false;
        self.executor.kill(owner);
        self.state().notices.close(reference);
        for wire in self.wires.of_gateway(gateway) {
            self.cut(wire);
        }
    }

    /// A gateway stops cleanly: closes its links, then goes once it has nothing left to tell, trim or give up.
    pub(crate) fn drain_gateway(&mut self, gateway: usize) {
        if !self.gateways[gateway].is_up || self.gateways[gateway].is_draining {
            return;
        }
        self.hit("gateway", "stops cleanly");
        self.gateways[gateway].is_draining = true;
        let ids: Vec<_> = self.gateways[gateway].links.keys().copied().collect();
        for id in ids {
            self.with_link(gateway, id, |machine, now| match machine {
                Machine::Live(live) => live.end(Closing::new(CloseCode::Drain)),
                Machine::Leaving(leaving) => leaving.hurry(now),
                _ => {}
            });
        }
        let reference = self.gateways[gateway].reference();
        let weak = self.weak.clone();
        let owner = self.gateways[gateway].owner;
        self.executor.spawn(owner, false, async move {
            weak.sleep(2_000).await;
            drop(weak.end_lease(reference).await);
        });
        let life = self.gateways[gateway].incarnation;
        let delay = self.random.between(2_500, 9_000);
        self.after(delay, Event::StopGateway(gateway, life));
    }

    /// The end of a clean stop.
    pub(crate) fn finish_drain(&mut self, gateway: usize, incarnation: u64) {
        if self.gateways[gateway].is_up && self.gateways[gateway].incarnation == incarnation {
            self.stop_gateway(gateway);
            let delay = self.random.between(100, 5_000);
            self.after(delay, Event::StartGateway(gateway));
        }
    }

    /// A wire breaks: its ends learn of it at their own times, or by their timers only.
    pub(crate) fn cut(&mut self, wire: u64) {
        self.wires.cut(wire);
        let device = self.random.between(0, 4_000);
        self.after(device, Event::Over(wire, End::Device));
        if self.random.per_mille(800) {
            let gateway = self.random.between(0, 40_000);
            self.after(gateway, Event::Over(wire, End::Gateway));
        }
    }
}
