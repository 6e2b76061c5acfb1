//! A message in the words that all vendors have in common.

use homing_domain::{Millis, Priority};
use serde_json::{Map, Value};

/// What happens when a person opens it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Click {
    /// The app opens.
    #[default]
    OpenApp,
    /// A web page opens.
    Url(String),
    /// An address inside the app opens: `intent://…`, `demo://…`.
    Intent(String),
}

/// What kind of message it is, where vendors limit kinds differently.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Category {
    /// The person expects it: an order, a code, a word from somebody.
    #[default]
    Service,
    /// The business wants it.
    Marketing,
}

/// A change of an Apple Live Activity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveActivity {
    /// `start`, `update` or `end`.
    pub event: String,
    /// What the activity shows.
    pub content_state: Value,
    /// Seconds since 1970.
    pub timestamp: i64,
    /// Seconds since 1970.
    pub stale_date: Option<i64>,
    /// Seconds since 1970.
    pub dismissal_date: Option<i64>,
}

/// What is to be brought.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Content {
    /// Our id, at most 32 ASCII characters: travels where a vendor gives it back in receipts, and to the device.
    pub message_id: String,
    /// Shown above.
    pub title: Option<String>,
    /// Shown between both (APNs).
    pub subtitle: Option<String>,
    /// Shown below.
    pub body: Option<String>,
    /// URL of a picture.
    pub image: Option<String>,
    /// The number at the app's icon.
    pub badge: Option<u32>,
    /// Name of a sound.
    pub sound: Option<String>,
    /// What happens when it is opened.
    pub click: Click,
    /// For the app.
    pub data: Map<String, Value>,
    /// How long the vendor may try, from now on; 0 = now or never.
    pub time_to_live: Millis,
    /// Urgency.
    pub priority: Priority,
    /// A later message with this key replaces it.
    pub collapse_key: Option<String>,
    /// Its kind.
    pub category: Category,
    /// Nothing is shown: data for the app alone.
    pub silent: bool,
    /// A change of a Live Activity instead of a notification.
    pub live_activity: Option<LiveActivity>,
    /// What the business wrote for this channel, in the vendor's own words: it wins over everything above.
    pub overrides: Map<String, Value>,
}
