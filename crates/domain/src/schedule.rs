//! When a message is released.

use crate::time::UnixMillis;

/// A date and a time of day without a time zone: what a clock on a wall shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallTime {
    /// Year, 1970 to 9998.
    pub year: i16,
    /// Month, from 1.
    pub month: u8,
    /// Day of the month, from 1.
    pub day: u8,
    /// Hour, 0 to 23.
    pub hour: u8,
    /// Minute.
    pub minute: u8,
    /// Second.
    pub second: u8,
}

/// Again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recurrence {
    /// A cron expression of 5 fields, or of 6 with seconds first, checked.
    pub cron: String,
    /// The IANA time zone that its times are meant in.
    pub timezone: String,
    /// No occurrence later than this.
    pub until: Option<UnixMillis>,
    /// How many occurrences are left; `None` = no end.
    pub remaining: Option<u32>,
}

/// When a message is released. [`crate::Message::release_at`] says when that is next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Schedule {
    /// At once.
    #[default]
    Now,
    /// At one moment for all.
    At(UnixMillis),
    /// At this time of each device's own clock: [`crate::Message::release_at`] is when it comes first anywhere on Earth.
    AtLocal(WallTime),
    /// Again and again. Each occurrence is a message of its own, made when its time has come; this one is never delivered.
    Recurring(Recurrence),
}
