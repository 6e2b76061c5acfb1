//! Numbers for the values of enums. Never changed, never given out again; zero is kept for "missing".

use homing_domain::{
    Channel, Fact, FeedAction, Flow, Lane, MemberKind, Platform, Priority, QuietHoursPolicy, Reason, Stage, Step,
};

use super::Wrong;

/// An enum with a number for each value.
pub(super) trait Code: Copy {
    /// Its number.
    fn code(self) -> u32;
    /// The value of a number.
    fn from_code(code: u32) -> Result<Self, Wrong>;
}

macro_rules! codes {
    ($name:ident, $wrong:literal: $($value:ident = $code:literal,)*) => {
        impl Code for $name {
            fn code(self) -> u32 {
                match self {
                    $(Self::$value => $code,)*
                }
            }

            fn from_code(code: u32) -> Result<Self, Wrong> {
                match code {
                    $($code => Ok(Self::$value),)*
                    _ => Err($wrong),
                }
            }
        }
    };
}

codes! { Platform, "platform":
    Android = 1,
    Ios = 2,
    Harmony = 3,
    Web = 4,
    Tv = 5,
    Car = 6,
    Desktop = 7,
    Other = 8,
}

codes! { Priority, "priority":
    Low = 1,
    Normal = 2,
    High = 3,
}

codes! { Stage, "stage":
    Accepted = 1,
    Scheduled = 2,
    Releasing = 3,
    Released = 4,
    Completed = 5,
    Pending = 6,
    Delivered = 7,
    HandedOff = 8,
    Expired = 9,
    Failed = 10,
    Recalled = 11,
    Suppressed = 12,
    Cancelled = 13,
}

codes! { Reason, "reason":
    TimeToLive = 1,
    Closed = 2,
    Offline = 3,
    Overflow = 4,
    UnknownDevice = 5,
    Deregistered = 6,
    Unbound = 7,
    Collapsed = 8,
    Recalled = 9,
    NotificationsOff = 10,
    OptedOut = 11,
    QuietHours = 12,
    Aborted = 13,
    NothingToRecall = 14,
    ReadElsewhere = 15,
    NoVendorToken = 16,
    VendorRefused = 17,
    TakenByVendor = 18,
    VendorSilent = 19,
}

codes! { QuietHoursPolicy, "quiet hours policy":
    Hold = 1,
    Drop = 2,
    Ignore = 3,
}

codes! { Flow, "flow":
    Running = 1,
    Paused = 2,
    Aborted = 3,
    Recalled = 4,
}

codes! { Lane, "lane":
    Feed = 1,
    Pages = 2,
}

codes! { FeedAction, "action of a feed":
    Bring = 1,
    Stop = 2,
}

codes! { MemberKind, "kind of members":
    Devices = 1,
    Users = 2,
}

codes! { Channel, "channel":
    Own = 1,
    Apns = 2,
    Fcm = 3,
    Huawei = 4,
    Honor = 5,
    Xiaomi = 6,
    Oppo = 7,
    Vivo = 8,
    Meizu = 9,
    WebPush = 10,
}

codes! { Fact, "fact":
    Displayed = 1,
    Opened = 2,
    Dismissed = 3,
}

codes! { Step, "step":
    Sent = 1,
    Delivered = 2,
    Displayed = 3,
    Opened = 4,
}
