//! Links of a device: opening, ending, and when to try again.

use homing_domain::UnixMillis;
use homing_link::client::{Ended, Introduction, Next, Opening, Stop};
use homing_wire::CloseCode;

use super::{DeviceLink, State};
use crate::agenda::Event;
use crate::wire::{End, WireId, bytes_of};
use crate::world::World;

/// A device of the simulation never waits longer: the backoff itself is tested beside it.
const WAIT_MAX: u64 = 8_000;

impl World {
    /// A device connects to one of the gateways.
    pub(crate) fn connect(&mut self, device: usize, life: u64) {
        let now = self.now();
        let entry = &mut self.devices[device];
        if !entry.is_on || entry.life != life || entry.is_lost {
            return;
        }
        if now < entry.away_until {
            let at = entry.away_until;
            return self.at(at, Event::Connect(device, life));
        }
        if entry.links.iter().any(|link| matches!(link.state, Some(State::Opening(_)))) {
            entry.is_connecting = false;
            return;
        }
        if !entry.memory.is_settled() {
            self.hit("device", "waits for its writes before a hello");
            return self.after(10, Event::Connect(device, life));
        }
        entry.is_connecting = false;
        // Raised, and durable before it is sent.
        let conn_seq = entry.memory.raise_connection();
        entry.durable.saved.conn_seq = entry.durable.saved.conn_seq.max(conn_seq);
        let gateway = self.random.index(self.gateways.len());
        let wire = self.wires.open(device, gateway, &mut self.random);
        let entry = &mut self.devices[device];
        let introduction = Introduction {
            app: self.app.clone(),
            device: entry.id,
            key_id: 1,
            credential_generation: 1,
            conn_seq,
            auth: [1; 16],
            transport: entry.transport,
            network_hash: 0,
            sdk: "simulation".to_owned(),
        };
        let (opening, hello) = Opening::new(now, &introduction, &entry.memory);
        let deadline = opening.deadline();
        entry.links.push(DeviceLink {
            wire,
            conn_seq,
            state: Some(State::Opening(opening)),
            timer_at: deadline,
            is_ignored: false,
        });
        self.at(deadline, Event::DeviceTimer(device, life, wire));
        self.trace(|| format!("device {device} says hello to gateway {gateway}, n {conn_seq}"));
        if !self.gateways[gateway].is_up || !self.gateways[gateway].is_open || self.gateways[gateway].is_draining {
            self.hit("device", "meets a gateway that is down");
            return self.cut(wire);
        }
        let mut bytes = bytes_of(&hello);
        if self.random.per_mille(100) {
            // In two pieces.
            let rest = bytes.split_off(bytes.len() / 2);
            self.send(wire, End::Gateway, bytes);
            return self.send(wire, End::Gateway, rest);
        }
        self.send(wire, End::Gateway, bytes);
    }

    /// A link's time has come.
    pub(crate) fn device_timer(&mut self, device: usize, life: u64, wire: WireId) {
        let now = self.now();
        let entry = &mut self.devices[device];
        if entry.life != life {
            return;
        }
        let Some(at) = entry.links.iter().position(|link| link.wire == wire) else { return };
        entry.links[at].timer_at = UnixMillis::NEVER;
        match &mut entry.links[at].state {
            Some(State::Opening(opening)) if opening.deadline() <= now => {
                self.hit("device", "is not welcomed in time");
                return self.device_link_ended(device, wire, Ended::Unreachable);
            }
            Some(State::Live(live)) if live.next_timeout(&entry.memory) <= now => live.timeout(now, &mut entry.memory),
            _ => {}
        }
        self.device_pump(device, wire);
    }

    /// Sets the timer that a link wants.
    pub(crate) fn device_settle(&mut self, device: usize, wire: WireId) {
        let now = self.now();
        let entry = &mut self.devices[device];
        let life = entry.life;
        let Some(at) = entry.links.iter().position(|link| link.wire == wire) else { return };
        let next = match &entry.links[at].state {
            Some(State::Live(live)) => live.next_timeout(&entry.memory).max(now),
            _ => return,
        };
        if next < entry.links[at].timer_at {
            entry.links[at].timer_at = next;
            self.at(next, Event::DeviceTimer(device, life, wire));
        }
    }

    /// A link or a try of a device has ended.
    pub(crate) fn device_link_ended(&mut self, device: usize, wire: WireId, ended: Ended) {
        let random = self.random.next_u64();
        let entry = &mut self.devices[device];
        let Some(at) = entry.links.iter().position(|link| link.wire == wire) else { return };
        let was_live = matches!(entry.links[at].state, Some(State::Live(_)));
        let was_ignored = entry.links[at].is_ignored;
        self.trace(|| format!("device {device}: link over, {ended:?}"));
        self.hit("ended", ended_name(ended));
        self.drop_device_link(device, wire);
        let entry = &mut self.devices[device];
        let next = entry.reconnect.ended(ended, was_live, &mut entry.memory, random);
        // A try that failed is made again even while an older link lives: its number gave that one up.
        if was_ignored || was_live && !entry.links.is_empty() {
            return;
        }
        match next {
            Next::Wait(wait) => self.connect_after(device, wait.min(WAIT_MAX)),
            Next::Stop(Stop::Revoked) if self.devices[device].is_deregistered => {
                self.hit("device", "learns that it is deregistered");
                self.devices[device].is_lost = true;
            }
            Next::Stop(stop) => {
                // After a restore the numbers of the first life are larger than those of the second.
                if matches!(stop, Stop::Replaced { .. }) && self.devices[device].backup.is_none() {
                    return self.connect_after(device, 1_000);
                }
                self.violated(format!("device {device} stops: {stop:?}"));
            }
        }
    }

    /// A device connects after a while, once.
    pub(crate) fn connect_after(&mut self, device: usize, wait: u64) {
        let entry = &mut self.devices[device];
        if !std::mem::replace(&mut entry.is_connecting, true) {
            let life = entry.life;
            self.after(wait, Event::Connect(device, life));
        }
    }

    /// A device lets go of a link; the gateway learns of it in time or later.
    pub(crate) fn drop_device_link(&mut self, device: usize, wire: WireId) {
        let now = self.now();
        let entry = &mut self.devices[device];
        entry.links.retain(|link| link.wire != wire);
        if !entry.is_connected() {
            entry.connected_since = None;
            entry.offline_since = now;
        }
        self.end_wire(wire, End::Gateway);
    }

    /// A device opens a second link while the first still runs.
    pub(crate) fn roam(&mut self, device: usize) {
        let life = self.devices[device].life;
        self.hit("device", "roams");
        self.connect(device, life);
    }
}

fn ended_name(ended: Ended) -> &'static str {
    match ended {
        Ended::Unreachable => "unreachable",
        Ended::Closed(closed) => match closed.code {
            Some(CloseCode::Superseded) => "superseded",
            Some(CloseCode::StaleConnection) => "stale connection",
            Some(CloseCode::Drain) => "drain",
            Some(CloseCode::Idle) => "idle",
            Some(CloseCode::Overload) => "overload",
            Some(CloseCode::Revoked) => "revoked",
            _ => "closed otherwise",
        },
        Ended::Lost => "lost",
        Ended::Silent => "silent",
        Ended::Protocol => "protocol",
    }
}
