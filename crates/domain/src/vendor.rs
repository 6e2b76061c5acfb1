//! What devices' vendors are asked to bring, and what they answer.

use bytes::Bytes;

use crate::device::VendorToken;
use crate::hand_off::PushBody;
use crate::id::{AppId, DeviceId, MessageId};
use crate::job::Target;
use crate::receipt::Channel;
use crate::time::{Millis, UnixMillis};

/// Ask one vendor to bring a message to these devices, unless a device has it by then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelJob {
    /// Which message.
    pub message: MessageId,
    /// Which vendor.
    pub channel: Channel,
    /// Which try, from 0: how often the vendor said "not now".
    pub attempt: u32,
    /// At most [`crate::limits::SHARD_MAX_DEVICES`].
    pub targets: Vec<Target>,
}

/// One message for devices of one app, by way of one vendor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VendorPush {
    /// Whose devices.
    pub app: AppId,
    /// Which vendor.
    pub channel: Channel,
    /// What to bring, in the rendering of these devices. The message's id goes with it, so that a device knows a message that
    /// came by its own link too.
    pub body: PushBody,
    /// What the business wrote for this channel in the vendor's own words: a JSON object.
    pub overrides: Option<Bytes>,
    /// Which try, from 0.
    pub attempt: u32,
    /// Whom to bring it to.
    pub to: Vec<VendorAddress>,
}

/// A device and its address at the vendor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VendorAddress {
    /// Which device: the vendor does not see it.
    pub device: DeviceId,
    /// Its address.
    pub token: VendorToken,
}

/// What became of it at one device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VendorAnswer {
    /// The vendor has it.
    Accepted,
    /// The vendor does not know this token, or not any more: forget it, if it is not newer than this moment.
    InvalidToken(UnixMillis),
    /// The vendor will never take this message for this device, or did not often enough. The token is good.
    Refused,
    /// The vendor was asked and says not now: again after so long, as another try.
    Later(Millis),
    /// The vendor was not asked, because it would be too much for it: again after so long, as the same try.
    Busy(Millis),
    /// The vendor was asked and never answered: it may have it.
    Unknown,
}
