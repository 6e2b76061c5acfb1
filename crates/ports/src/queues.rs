//! Work queues: at least once, in no order, with a visibility timeout and dead letters, as SQS standard queues are.

use std::future::Future;

use bytes::Bytes;
use homing_domain::{Channel, Millis, UnixMillis};

use crate::Result;

/// The queues between the stages, named for what stands in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QueueName {
    /// Business systems → intake: pushes that are not accepted yet. Only outside systems write to it.
    Intake,
    /// Timers → schedule: messages whose time has come.
    Due,
    /// Intake and schedule → fanout: audience jobs.
    Audience,
    /// Fanout and gateways → dispatch: shards, and hand-offs that found no link.
    Dispatch,
    /// Gateways, dispatch, binding, devices → receipts: receipt batches.
    Receipts,
    /// Schedule → receipts: close jobs of messages that are over.
    Close,
    /// Dispatch → dispatch: what Apple is to be asked. One queue per vendor, so that one who is slow holds up nobody else.
    Apns,
    /// What Google is to be asked.
    Fcm,
    /// What Huawei is to be asked.
    Huawei,
    /// What Honor is to be asked.
    Honor,
    /// What Xiaomi is to be asked.
    Xiaomi,
    /// What OPPO is to be asked.
    Oppo,
    /// What vivo is to be asked.
    Vivo,
    /// What Meizu is to be asked.
    Meizu,
    /// What web push services are to be asked.
    WebPush,
}

impl QueueName {
    /// Every queue.
    pub const ALL: [Self; 15] = [
        Self::Intake,
        Self::Due,
        Self::Audience,
        Self::Dispatch,
        Self::Receipts,
        Self::Close,
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

    /// The queue of a vendor's channel; `None` = the own link has none.
    #[must_use]
    pub const fn of_channel(channel: Channel) -> Option<Self> {
        Some(match channel {
            Channel::Own => return None,
            Channel::Apns => Self::Apns,
            Channel::Fcm => Self::Fcm,
            Channel::Huawei => Self::Huawei,
            Channel::Honor => Self::Honor,
            Channel::Xiaomi => Self::Xiaomi,
            Channel::Oppo => Self::Oppo,
            Channel::Vivo => Self::Vivo,
            Channel::Meizu => Self::Meizu,
            Channel::WebPush => Self::WebPush,
        })
    }

    /// Whether a vendor is asked from it.
    #[must_use]
    pub fn is_of_vendor(self) -> bool {
        Channel::ALL.into_iter().any(|channel| Self::of_channel(channel) == Some(self))
    }

    /// The stable name in metrics, logs and resource names.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Intake => "intake",
            Self::Due => "due",
            Self::Audience => "audience",
            Self::Dispatch => "dispatch",
            Self::Receipts => "receipts",
            Self::Close => "close",
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

    /// How long a received item stays hidden from others: several times what its stage takes at worst.
    #[must_use]
    pub const fn visibility(self) -> Millis {
        30_000
    }

    /// After so many receives without a delete an item becomes a dead letter. Enough for a fault that lasts minutes.
    #[must_use]
    pub const fn max_receives(self) -> u32 {
        20
    }
}

/// An item to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The queue contract's JSON, at most 256 KiB.
    pub body: Bytes,
    /// Hidden for this long at first.
    pub delay: Millis,
    /// Whose it is, when it is one tenant's: queues serve groups in turn, so that one app's flood leaves another's alone.
    pub group: Option<Box<str>>,
}

impl Outgoing {
    /// An item that may be taken at once and belongs to nobody.
    #[must_use]
    pub const fn now(body: Bytes) -> Self {
        Self { body, delay: 0, group: None }
    }
}

/// Names one receive of one item; void when the item is received again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReceiptHandle(pub Bytes);

/// An item, to be deleted once its work is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// For delete and retry.
    pub handle: ReceiptHandle,
    /// What was sent.
    pub body: Bytes,
    /// Which receive of it this is, from 1.
    pub receives: u32,
    /// When it was sent.
    pub sent_at: UnixMillis,
    /// What its sender wrote beside the body, by name. Only outside systems do; between the stages it is empty.
    pub attributes: Vec<(String, String)>,
}

impl Received {
    /// One of its attributes.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// An item that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Names it among the dead letters of its queue.
    pub id: Bytes,
    /// What was sent.
    pub body: Bytes,
    /// How often it was tried.
    pub receives: u32,
    /// When it was first sent.
    pub sent_at: UnixMillis,
    /// Why the last try failed, if anybody said.
    pub reason: Option<String>,
}

/// The queues.
pub trait Queues: Send + Sync {
    /// Sends items; durable when answered. They may be sent twice when the answer is lost.
    fn send(&self, queue: QueueName, items: Vec<Outgoing>) -> impl Future<Output = Result<()>> + Send;

    /// Receives up to `max` items, waiting up to `wait` for the first.
    fn receive(&self, queue: QueueName, max: usize, wait: Millis)
    -> impl Future<Output = Result<Vec<Received>>> + Send;

    /// Deletes items whose work is done. A void handle is ignored.
    fn delete(&self, queue: QueueName, handles: Vec<ReceiptHandle>) -> impl Future<Output = Result<()>> + Send;

    /// Lets an item be received again after `delay`. `reason` is kept for the day it becomes a dead letter.
    fn retry(
        &self,
        queue: QueueName,
        handle: ReceiptHandle,
        delay: Millis,
        reason: &str,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Makes an item a dead letter at once: no repeat can succeed, or it had its last. The dead letter is durable before the
    /// item is gone, so there may be two of it. A void handle leaves the item where it is.
    fn give_up(&self, queue: QueueName, item: Received, reason: &str) -> impl Future<Output = Result<()>> + Send;

    /// The dead letters of a queue, oldest first, at most `limit`.
    fn dead_letters(&self, queue: QueueName, limit: usize) -> impl Future<Output = Result<Vec<DeadLetter>>> + Send;

    /// Sends a dead letter to its queue again, as new.
    fn redrive(&self, queue: QueueName, id: Bytes) -> impl Future<Output = Result<()>> + Send;

    /// About how many items wait (visible, delayed and in flight).
    fn depth(&self, queue: QueueName) -> impl Future<Output = Result<u64>> + Send;
}
