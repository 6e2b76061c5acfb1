//! What the demonstration of audiences writes down, one JSON object per line. Nothing of the server stands in here.

use serde::{Deserialize, Serialize};

/// A device of the crowd, as it was registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Simulated {
    pub(crate) device_id: String,
    #[serde(default)]
    pub(crate) user: Option<String>,
    pub(crate) tags: Vec<String>,
    /// None = it never had a link.
    #[serde(default)]
    pub(crate) transport: Option<String>,
}

/// Who a message is for, in the publisher's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Addressed {
    /// Whoever has the one tag and not the other.
    Tagged { with: String, without: String },
    /// The first so many users.
    Users { first: u32 },
    /// Everyone.
    All {},
}

impl Addressed {
    pub(crate) fn is_for(&self, device: &Simulated) -> bool {
        let has = |tag: &String| device.tags.contains(tag);
        match self {
            Self::Tagged { with, without } => has(with) && !has(without),
            Self::Users { first } => {
                let number = device.user.as_ref().and_then(|user| user.strip_prefix("user-")?.parse::<u32>().ok());
                number.is_some_and(|number| number < *first)
            }
            Self::All {} => true,
        }
    }
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Broadcast {
    pub(crate) text: String,
    pub(crate) to: Addressed,
    /// How often each device is to get it, each time as a message of its own.
    pub(crate) occurrences: u32,
    /// It was aborted: a device may have got it, or not.
    pub(crate) is_partial: bool,
}

/// A line of the publisher's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum WrittenDown {
    /// Something was sent.
    Sent(Sent),
    /// The server was killed at this moment (milliseconds since 1970).
    Killed { at: u64 },
}

/// It was answered with 202.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sent {
    pub(crate) message_id: String,
    pub(crate) broadcast: Broadcast,
}
