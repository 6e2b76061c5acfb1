//! Why a delivery ended where it did.

use std::fmt;
use std::str::FromStr;

/// The reason beside an end that needs one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Expired: the time to live ran out while it waited in the mailbox.
    TimeToLive,
    /// Expired: never heard of again; closed an hour after it expired.
    Closed,
    /// Expired: "now or never" (`ttl_seconds: 0`) and the device was not there.
    Offline,
    /// Failed: the mailbox was full and this entry was among its oldest, or the device's last gateway died unheard.
    Overflow,
    /// Failed: the app has no such device.
    UnknownDevice,
    /// Failed: the device was deregistered.
    Deregistered,
    /// Suppressed: addressed to a user that the device is no longer bound to.
    Unbound,
    /// Suppressed: a newer message with the same collapse key took its place.
    Collapsed,
    /// Recalled by the sender.
    Recalled,
    /// Suppressed: the person does not let the app show notifications, and the message is one.
    NotificationsOff,
    /// Suppressed: the person does not want the message's topic.
    OptedOut,
    /// Suppressed: it met quiet hours, and was not to wait for their end.
    QuietHours,
    /// Cancelled: the sender aborted the message before this device's turn.
    Aborted,
    /// Suppressed, of a recall: the device never got what is recalled.
    NothingToRecall,
    /// Suppressed: the person has seen it on another of their devices.
    ReadElsewhere,
    /// Failed: it was to go by the vendor alone, and the device has no address there.
    NoVendorToken,
    /// Failed: it was to go by the vendor alone, and the vendor does not take it.
    VendorRefused,
    /// Handed off, perhaps: the vendor was asked and nobody knows whether it has it, since its answer was lost or whoever asked
    /// died. Asking again might bring it twice.
    VendorSilent,
    /// No end by itself: the vendor has it, and tells what becomes of it. Why a mailbox entry is not sent any more.
    TakenByVendor,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 19] = [
        Self::TimeToLive,
        Self::Closed,
        Self::Offline,
        Self::Overflow,
        Self::UnknownDevice,
        Self::Deregistered,
        Self::Unbound,
        Self::Collapsed,
        Self::Recalled,
        Self::NotificationsOff,
        Self::OptedOut,
        Self::QuietHours,
        Self::Aborted,
        Self::NothingToRecall,
        Self::ReadElsewhere,
        Self::NoVendorToken,
        Self::VendorRefused,
        Self::VendorSilent,
        Self::TakenByVendor,
    ];

    /// The stable name in JSON, logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TimeToLive => "time_to_live",
            Self::Closed => "closed",
            Self::Offline => "offline",
            Self::Overflow => "overflow",
            Self::UnknownDevice => "unknown_device",
            Self::Deregistered => "deregistered",
            Self::Unbound => "unbound",
            Self::Collapsed => "collapsed",
            Self::Recalled => "recalled",
            Self::NotificationsOff => "notifications_off",
            Self::OptedOut => "opted_out",
            Self::QuietHours => "quiet_hours",
            Self::Aborted => "aborted",
            Self::NothingToRecall => "nothing_to_recall",
            Self::ReadElsewhere => "read_elsewhere",
            Self::NoVendorToken => "no_vendor_token",
            Self::VendorRefused => "vendor_refused",
            Self::VendorSilent => "vendor_silent",
            Self::TakenByVendor => "taken_by_vendor",
        }
    }

    /// One sentence for a person who asks why it was not delivered.
    #[must_use]
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::TimeToLive => "its time to live ran out while it waited for the device",
            Self::Closed => "the device did not come back before the message was closed",
            Self::Offline => "it was to be delivered now or never, and the device was offline",
            Self::Overflow => "the device's mailbox was full",
            Self::UnknownDevice => "the app has no device with this id",
            Self::Deregistered => "the device was deregistered",
            Self::Unbound => "the device is no longer bound to the user it was addressed to",
            Self::Collapsed => "a newer message with the same collapse key took its place",
            Self::Recalled => "the sender recalled it",
            Self::NotificationsOff => "the person does not let the app show notifications",
            Self::OptedOut => "the person does not want messages on this topic",
            Self::QuietHours => "it met the person's quiet hours and was not to wait for their end",
            Self::Aborted => "the sender aborted it before this device's turn",
            Self::NothingToRecall => "the device never got the message that is recalled",
            Self::ReadElsewhere => "the person has seen it on another of their devices",
            Self::NoVendorToken => "it was to go by the device's vendor, and the device has no address there",
            Self::VendorRefused => "it was to go by the device's vendor, and the vendor does not take it",
            Self::VendorSilent => {
                "the device's vendor was asked and never answered, and asking again might bring it twice"
            }
            Self::TakenByVendor => "the device's vendor has taken it over",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Reason {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|reason| reason.name() == text).ok_or(())
    }
}
