//! Numbers for the values of enums in items. Never changed, never given out again.

use aws_sdk_dynamodb::types::AttributeValue;
use homing_domain::{Channel, FeedAction, Flow, Lane, MemberKind, Platform, Priority, QuietHoursPolicy, Reason, Stage};

use super::Value;

/// An enum with a number for each value.
pub(crate) trait Code: Copy {
    /// Its number.
    fn code(self) -> u8;
    /// The value of a number.
    fn from_code(code: u8) -> Option<Self>;
}

macro_rules! codes {
    ($name:ident: $($value:ident = $code:literal,)*) => {
        impl Code for $name {
            fn code(self) -> u8 {
                match self {
                    $(Self::$value => $code,)*
                }
            }

            fn from_code(code: u8) -> Option<Self> {
                match code {
                    $($code => Some(Self::$value),)*
                    _ => None,
                }
            }
        }

        impl Value for $name {
            fn into_value(self) -> AttributeValue {
                Code::code(self).into_value()
            }

            fn from_value(value: AttributeValue) -> Option<Self> {
                u8::from_value(value).and_then(Self::from_code)
            }
        }
    };
}

codes! { Platform:
    Android = 1,
    Ios = 2,
    Harmony = 3,
    Web = 4,
    Tv = 5,
    Car = 6,
    Desktop = 7,
    Other = 8,
}

codes! { Priority:
    Low = 1,
    Normal = 2,
    High = 3,
}

codes! { Stage:
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

codes! { Reason:
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

codes! { QuietHoursPolicy:
    Hold = 1,
    Drop = 2,
    Ignore = 3,
}

codes! { Flow:
    Running = 1,
    Paused = 2,
    Aborted = 3,
    Recalled = 4,
}

codes! { Lane:
    Feed = 1,
    Pages = 2,
}

codes! { FeedAction:
    Bring = 1,
    Stop = 2,
}

codes! { MemberKind:
    Devices = 1,
    Users = 2,
}

codes! { Channel:
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_comes_back() {
        assert!(Stage::ALL.into_iter().all(|stage| Stage::from_value(stage.into_value()) == Some(stage)));
        assert!(Reason::ALL.into_iter().all(|reason| Reason::from_value(reason.into_value()) == Some(reason)));
        assert!(Channel::ALL.into_iter().all(|channel| Channel::from_value(channel.into_value()) == Some(channel)));
        assert!([Lane::Feed, Lane::Pages].into_iter().all(|lane| Lane::from_value(lane.into_value()) == Some(lane)));
        assert_eq!(Stage::from_value(99_u8.into_value()), None);
    }
}
