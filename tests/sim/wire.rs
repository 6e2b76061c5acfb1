//! Connections: two ordered streams of bytes with a delay, which break without telling both ends at the same time.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use homing_domain::{Millis, UnixMillis};
use homing_tests::weak::Random;
use homing_wire::{Frame, encode};

/// Names one connection.
pub(crate) type WireId = u64;

/// An end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    /// The device's.
    Device,
    /// The gateway's.
    Gateway,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Wire {
    /// Which device.
    pub(crate) device: usize,
    /// Which gateway.
    pub(crate) gateway: usize,
    /// Nothing arrives any more.
    pub(crate) is_broken: bool,
    /// The end has been told that it is over.
    pub(crate) told: [bool; 2],
    last_arrival: [UnixMillis; 2],
    delay: Millis,
}

/// All connections.
#[derive(Debug, Default)]
pub(crate) struct Wires {
    wires: BTreeMap<WireId, Wire>,
    next: WireId,
}

impl Wires {
    /// Opens one.
    pub(crate) fn open(&mut self, device: usize, gateway: usize, random: &mut Random) -> WireId {
        self.next += 1;
        let delay = if random.per_mille(100) { 800 } else { 30 };
        let wire =
            Wire { device, gateway, is_broken: false, told: [false; 2], last_arrival: [UnixMillis(0); 2], delay };
        self.wires.insert(self.next, wire);
        self.next
    }

    /// One of them, as long as an end knows it.
    pub(crate) fn get(&mut self, id: WireId) -> Option<&mut Wire> {
        self.wires.get_mut(&id)
    }

    /// When something that is sent now arrives; in order. `None` = never.
    pub(crate) fn arrival(&mut self, id: WireId, to: End, now: UnixMillis, random: &mut Random) -> Option<UnixMillis> {
        let wire = self.wires.get_mut(&id).filter(|wire| !wire.is_broken)?;
        let last = &mut wire.last_arrival[to as usize];
        *last = now.plus(1 + random.below(wire.delay)).max(*last);
        Some(*last)
    }

    /// Nothing that is under way arrives.
    pub(crate) fn cut(&mut self, id: WireId) {
        if let Some(wire) = self.wires.get_mut(&id) {
            wire.is_broken = true;
        }
    }

    /// Those of a device that still carry something.
    pub(crate) fn of_device(&self, device: usize) -> Vec<WireId> {
        self.wires.iter().filter(|(_, wire)| wire.device == device && !wire.is_broken).map(|(id, _)| *id).collect()
    }

    /// Those of a gateway that still carry something.
    pub(crate) fn of_gateway(&self, gateway: usize) -> Vec<WireId> {
        self.wires.iter().filter(|(_, wire)| wire.gateway == gateway && !wire.is_broken).map(|(id, _)| *id).collect()
    }
}

/// A frame's bytes.
pub(crate) fn bytes_of(frame: &Frame) -> Bytes {
    let mut buffer = BytesMut::new();
    encode(frame, &mut buffer);
    buffer.freeze()
}
