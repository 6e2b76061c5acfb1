//! What the demonstration of the vendors writes down, one JSON object per line, and what it asks the server in the end.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A device with an address at a vendor, as it was registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Addressee {
    pub(crate) device_id: String,
    pub(crate) channel: String,
    /// The token as the vendor's log has it: of a web push subscription the endpoint.
    pub(crate) token: String,
    /// Nobody has it: the vendor says so at once, or by a receipt.
    pub(crate) is_dead: bool,
}

/// By which ways a message may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ways {
    VendorOnly,
    OnlineFirst,
}

/// A line of the publisher's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum WrittenDown {
    /// A message to all devices was answered with 202, at this moment (milliseconds since 1970).
    Sent { message_id: String, ways: Ways, at: u64 },
    /// Nobody of it was pending any more.
    Settled { message_id: String, at: u64 },
    /// While it was sent, a vendor took so many pushes, one a request, and did not answer.
    AnswersLost { message_id: String, channel: String, answers: usize },
    /// The server was killed.
    Killed { at: u64 },
}

/// A line of the simulator's log: a push that a vendor took for a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pushed {
    pub(crate) at: u64,
    pub(crate) vendor: String,
    pub(crate) token: String,
    /// Our message id as it travelled: 32 hexadecimal digits.
    pub(crate) message: String,
}

/// What the server says in the end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Told {
    /// Numbers by message, and among them by channel.
    pub(crate) balances: BTreeMap<String, Balances>,
    /// (message, device) pairs of which it says that the vendor did not answer.
    pub(crate) silent: Vec<(String, String)>,
    /// Devices that still have an address at their vendor.
    pub(crate) addressed: Vec<String>,
}

/// The numbers of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Balances {
    pub(crate) all: Numbers,
    pub(crate) by_channel: BTreeMap<String, Numbers>,
}

/// How many devices are where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Numbers {
    pub(crate) targeted: i64,
    pub(crate) delivered: i64,
    pub(crate) handed_off: i64,
    pub(crate) expired: i64,
    pub(crate) failed: i64,
    pub(crate) recalled: i64,
    pub(crate) suppressed: i64,
    pub(crate) cancelled: i64,
    pub(crate) pending: i64,
}
