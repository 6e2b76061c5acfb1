//! What became of deliveries, as gateways, dispatch and devices report it.

use std::fmt;
use std::str::FromStr;

use crate::id::{BatchId, DeviceId, MessageId};
use crate::reason::Reason;
use crate::stage::Stage;
use crate::time::UnixMillis;

/// By which way a device was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// The device's own link to a gateway.
    Own,
    /// Apple.
    Apns,
    /// Google.
    Fcm,
    /// Huawei.
    Huawei,
    /// Honor.
    Honor,
    /// Xiaomi.
    Xiaomi,
    /// OPPO.
    Oppo,
    /// vivo.
    Vivo,
    /// Meizu.
    Meizu,
    /// Browsers (RFC 8030).
    WebPush,
}

impl Channel {
    /// Every channel.
    pub const ALL: [Self; 10] = [
        Self::Own,
        Self::Apns,
        Self::Fcm,
        Self::Huawei,
        Self::Honor,
        Self::Xiaomi,
        Self::Oppo,
        Self::Vivo,
        Self::Meizu,
        Self::WebPush,
    ];

    /// The stable name in JSON, metrics and paths.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Apns => "apns",
            Self::Fcm => "fcm",
            Self::Huawei => "huawei",
            Self::Honor => "honor",
            Self::Xiaomi => "xiaomi",
            Self::Oppo => "oppo",
            Self::Vivo => "vivo",
            Self::Meizu => "meizu",
            Self::WebPush => "webpush",
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Channel {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|channel| channel.name() == text).ok_or(())
    }
}

/// What a person did with a message. Facts after the end, not stages: each is recorded once per (message, device).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fact {
    /// It was shown.
    Displayed,
    /// It was opened.
    Opened,
    /// It was swiped away.
    Dismissed,
}

impl Fact {
    /// Every fact.
    pub const ALL: [Self; 3] = [Self::Displayed, Self::Opened, Self::Dismissed];

    /// The stable name in JSON and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Displayed => "displayed",
            Self::Opened => "opened",
            Self::Dismissed => "dismissed",
        }
    }
}

impl FromStr for Fact {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|fact| fact.name() == text).ok_or(())
    }
}

/// The end of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// A terminal stage.
    pub stage: Stage,
    /// Why, unless it was delivered or handed off.
    pub reason: Option<Reason>,
    /// When its mailbox entry was made, if it had one.
    pub enqueued_at: Option<UnixMillis>,
    /// When it was last sent on a link, if it was.
    pub sent_at: Option<UnixMillis>,
}

impl Ended {
    /// Delivered on the own link.
    #[must_use]
    pub const fn delivered(enqueued_at: Option<UnixMillis>, sent_at: Option<UnixMillis>) -> Self {
        Self { stage: Stage::Delivered, reason: None, enqueued_at, sent_at }
    }

    /// Taken by a vendor that does not tell what becomes of it.
    #[must_use]
    pub const fn handed_off(sent_at: UnixMillis) -> Self {
        Self { stage: Stage::HandedOff, reason: None, enqueued_at: None, sent_at: Some(sent_at) }
    }

    /// Not delivered, with the stage that belongs to the reason.
    #[must_use]
    pub const fn undelivered(reason: Reason, enqueued_at: Option<UnixMillis>) -> Self {
        let stage = match reason {
            Reason::TimeToLive | Reason::Closed | Reason::Offline => Stage::Expired,
            Reason::Overflow
            | Reason::UnknownDevice
            | Reason::Deregistered
            | Reason::NoVendorToken
            | Reason::VendorRefused => Stage::Failed,
            // It may be taken. Of the other nobody makes a receipt: the vendor's own answer is the end.
            Reason::VendorSilent | Reason::TakenByVendor => Stage::HandedOff,
            Reason::Unbound
            | Reason::Collapsed
            | Reason::NotificationsOff
            | Reason::OptedOut
            | Reason::QuietHours
            | Reason::NothingToRecall
            | Reason::ReadElsewhere => Stage::Suppressed,
            Reason::Recalled => Stage::Recalled,
            Reason::Aborted => Stage::Cancelled,
        };
        Self { stage, reason: Some(reason), enqueued_at, sent_at: None }
    }
}

/// What happened, in one receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The delivery ended.
    Ended(Ended),
    /// A person did something with it.
    Fact(Fact),
}

/// One report about one (message, device).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Which message.
    pub message: MessageId,
    /// Which device.
    pub device: DeviceId,
    /// By which way.
    pub channel: Channel,
    /// When it happened.
    pub at: UnixMillis,
    /// What happened.
    pub event: Event,
}

/// Receipts that travel, are written and are counted together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptBatch {
    /// Counting it twice counts it once.
    pub id: BatchId,
    /// At most [`crate::limits::RECEIPT_BATCH_MAX`].
    pub receipts: Vec<Receipt>,
}
