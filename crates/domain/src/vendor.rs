//! What a device's vendor is asked to bring, and what it answers.

use crate::device::VendorToken;
use crate::hand_off::PushBody;
use crate::id::DeviceId;
use crate::time::Millis;

/// A message for one device, by way of its vendor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VendorPush {
    /// Which device: the vendor does not see it.
    pub device: DeviceId,
    /// Its address at the vendor.
    pub token: VendorToken,
    /// What to bring. The message's id goes with it, so that the device knows a message that came by its own link too.
    pub body: PushBody,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VendorAnswer {
    /// The vendor has it.
    Accepted,
    /// The vendor does not know this token, or not any more.
    InvalidToken,
    /// The vendor will never take this message.
    Refused,
    /// Not now: again after so long.
    Later(Millis),
}
