//! What business systems are told as it happens. At least once and in no order: each event names what makes a repeat
//! recognisable.

use crate::balance::Balance;
use crate::gateway::GatewayRef;
use crate::id::{AppId, ConnSeq, DeviceId, MessageId};
use crate::time::UnixMillis;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BusEvent {
    /// Every targeted device of a message has ended. Late deliveries may still change the numbers.
    MessageCompleted {
        /// Whose it is.
        app: AppId,
        /// Which message.
        message: MessageId,
        /// The numbers at that moment.
        balance: Balance,
        /// When it was noticed.
        at: UnixMillis,
    },
    /// A device has a link.
    DeviceOnline(Presence),
    /// A device has lost its link and did not come back. It counts only if no larger `conn_seq` was reported online.
    DeviceOffline(Presence),
    /// An operator should look.
    Alert {
        /// Whose affair it is; none = the installation's.
        app: Option<AppId>,
        /// A stable name in snake_case: `dead_letter`.
        name: &'static str,
        /// What happened, in words.
        detail: String,
        /// When.
        at: UnixMillis,
    },
}

/// A device at a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    /// Whose app.
    pub app: AppId,
    /// Which device.
    pub device: DeviceId,
    /// Which of its connections: the larger is the later.
    pub conn_seq: ConnSeq,
    /// Where.
    pub gateway: GatewayRef,
    /// When.
    pub at: UnixMillis,
}

/// What an app wants to be told. Each event costs, so nothing is told unasked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventSettings {
    /// [`BusEvent::MessageCompleted`].
    pub message_completed: bool,
    /// [`BusEvent::DeviceOnline`] and [`BusEvent::DeviceOffline`].
    pub presence: bool,
}

/// Where messages from an app's devices go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum UpstreamRoute {
    /// Kept until the business reads them (`GET /v1/upstream`).
    #[default]
    Poll,
    /// Kept, and sent to this queue of the business: on AWS an SQS queue's URL.
    Queue(String),
    /// Kept, and put on the installation's event bus.
    Bus,
}
