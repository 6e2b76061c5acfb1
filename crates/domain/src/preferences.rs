//! What the person who uses a device wants to be spared.

/// Minutes of a day in which the person is left alone. `start > end` reaches over midnight; `start == end` is all day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct QuietHours {
    /// First quiet minute, from 0 to 1,439, of the device's own day.
    pub start: u16,
    /// First minute that is not quiet any more.
    pub end: u16,
}

/// What the person wants to be spared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preferences {
    /// When they are left alone, in the device's own time zone.
    pub quiet_hours: Option<QuietHours>,
    /// Topics that they do not want; at most [`crate::limits::DEVICE_MAX_OPT_OUTS`], sorted, no duplicates.
    pub opted_out: Vec<String>,
}

impl Preferences {
    /// Whether the person does not want this topic.
    #[must_use]
    pub fn opted_out_of(&self, topic: &str) -> bool {
        self.opted_out.binary_search_by(|unwanted| unwanted.as_str().cmp(topic)).is_ok()
    }
}

/// What a message does when it meets quiet hours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QuietHoursPolicy {
    /// It waits until they are over, or expires.
    #[default]
    Hold,
    /// It is not delivered to that device.
    Drop,
    /// It is delivered all the same: somebody is at the door.
    Ignore,
}

impl QuietHoursPolicy {
    /// Every policy.
    pub const ALL: [Self; 3] = [Self::Hold, Self::Drop, Self::Ignore];

    /// The stable name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Drop => "drop",
            Self::Ignore => "ignore",
        }
    }
}
