//! What a device's vendor brings.

use homing_domain::MessageId;

use crate::agenda::Event;
use crate::world::World;

/// A vendor takes up to so long.
const BRINGS_WITHIN: u64 = 5_000;
/// A device that is off gets it when it is on again: the vendor tries so often.
const TRIES_EVERY: u64 = 2_000;

impl World {
    /// What vendors took sets out.
    pub(crate) fn let_vendors_bring(&mut self) {
        let taken = std::mem::take(&mut self.state().vendors.on_the_way);
        for (id, message) in taken {
            let Some(device) = self.devices.iter().position(|device| device.id == id) else { continue };
            let delay = self.random.below(BRINGS_WITHIN);
            self.after(delay, Event::VendorBrings(device, message));
        }
    }

    /// The device has it, unless it came by its own link before.
    pub(crate) fn vendor_brings(&mut self, device: usize, message: MessageId) {
        let entry = &mut self.devices[device];
        if entry.is_lost || entry.is_deregistered {
            return;
        }
        // The memory is written with it: nothing else may be under way.
        if !entry.is_on || !entry.memory.is_settled() {
            return self.after(TRIES_EVERY, Event::VendorBrings(device, message));
        }
        let is_new = entry.memory.note_elsewhere(message);
        let (id, life) = (entry.id, entry.life);
        self.hit("vendor", if is_new { "brings a message" } else { "brings what the device has" });
        if is_new {
            self.devices[device].durable.saved.seen.insert(message);
            self.state().check.brought(id, message);
            self.app_called(device, life, message, 0);
        }
    }
}
