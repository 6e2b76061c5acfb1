//! The balance of a message: everything targeted is accounted for, always.

use std::collections::BTreeMap;

use crate::device::Platform;
use crate::receipt::{Channel, Fact};
use crate::stage::Stage;
use crate::version_label::VersionLabel;

/// The whole of an audience, as [`Counter::Enumerated`] counts it: a fine grain for the largest.
pub const ENUMERATION_WHOLE: u32 = 1 << 30;

/// How far a delivery came: a step of the funnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Given to the device's channel.
    Sent,
    /// Acknowledged by the device, or a vendor says that it arrived.
    Delivered,
    /// Shown to the person.
    Displayed,
    /// Opened by the person.
    Opened,
}

impl Step {
    /// Every step, in the funnel's order.
    pub const ALL: [Self; 4] = [Self::Sent, Self::Delivered, Self::Displayed, Self::Opened];

    /// The stable name in JSON and in stores.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Displayed => "displayed",
            Self::Opened => "opened",
        }
    }
}

/// By what deliveries are told apart beside their channel. Channels are not crossed with these, nor these with each other: the
/// numbers of a message stay few.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Breakdown {
    /// What the device runs.
    Platform(Platform),
    /// Which version of the app.
    Version(VersionLabel),
}

/// One number kept per message, and per app and period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counter {
    /// Devices that the message is for.
    Targeted,
    /// How much of the audience is enumerated, in parts of [`ENUMERATION_WHOLE`].
    Enumerated,
    /// Deliveries that ended in this stage by this channel.
    Ended(Channel, Stage),
    /// Facts about deliveries by this channel.
    Fact(Channel, Fact),
    /// Messages that were accepted. Of apps only: a message is one.
    Accepted,
    /// Deliveries that this channel was given.
    Sent(Channel),
    /// Deliveries to such devices that came as far as this.
    Of(Breakdown, Step),
}

/// Changes of a message's numbers, or the numbers themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally(BTreeMap<Counter, i64>);

impl Tally {
    /// Only `targeted`.
    #[must_use]
    pub fn targeted(devices: usize) -> Self {
        let mut tally = Self::default();
        tally.add(Counter::Targeted, i64::try_from(devices).unwrap_or(i64::MAX));
        tally
    }

    /// Of devices that have it by a feed: nobody counted them before.
    #[must_use]
    pub fn of_feed(delivered: u32) -> Self {
        let mut tally = Self::default();
        tally.add(Counter::Targeted, delivered.into());
        tally.add(Counter::Ended(Channel::Own, Stage::Delivered), delivered.into());
        tally.add(Counter::Sent(Channel::Own), delivered.into());
        tally
    }

    /// Of one page: its devices, and how much of the audience it covers.
    #[must_use]
    pub fn of_page(devices: usize, covers: u32) -> Self {
        let mut tally = Self::targeted(devices);
        tally.add(Counter::Enumerated, covers.into());
        tally
    }

    /// Adds to one number.
    pub fn add(&mut self, counter: Counter, by: i64) {
        let number = self.0.entry(counter).or_insert(0);
        *number += by;
        if *number == 0 {
            self.0.remove(&counter);
        }
    }

    /// Adds all of another tally.
    pub fn merge(&mut self, other: &Self) {
        for (counter, by) in &other.0 {
            self.add(*counter, *by);
        }
    }

    /// One number.
    #[must_use]
    pub fn get(&self, counter: Counter) -> i64 {
        self.0.get(&counter).copied().unwrap_or(0)
    }

    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All numbers that are not zero, in a fixed order.
    pub fn iter(&self) -> impl Iterator<Item = (Counter, i64)> + '_ {
        self.0.iter().map(|(counter, number)| (*counter, *number))
    }

    /// The balance over all channels (`None`) or of one. A channel has no `targeted` of its own: which way a device is
    /// reached is decided when it is reached, so there `targeted` is what ended.
    #[must_use]
    pub fn balance(&self, channel: Option<Channel>) -> Balance {
        let wanted = |of: Channel| channel.is_none_or(|channel| channel == of);
        let mut balance = Balance::default();
        for (counter, number) in self.iter() {
            match counter {
                Counter::Ended(of, stage) if wanted(of) => *balance.column(stage) += number,
                Counter::Fact(of, Fact::Displayed) if wanted(of) => balance.displayed += number,
                Counter::Fact(of, Fact::Opened) if wanted(of) => balance.opened += number,
                Counter::Fact(of, Fact::Dismissed) if wanted(of) => balance.dismissed += number,
                Counter::Targeted
                | Counter::Enumerated
                | Counter::Accepted
                | Counter::Ended(..)
                | Counter::Fact(..)
                | Counter::Sent(_)
                | Counter::Of(..) => {}
            }
        }
        balance.targeted = match channel {
            None => self.get(Counter::Targeted),
            Some(_) => balance.ended(),
        };
        balance.pending = balance.targeted - balance.ended();
        balance
    }

    /// The channels that have any number.
    #[must_use]
    pub fn channels(&self) -> Vec<Channel> {
        let mut channels: Vec<_> = self
            .iter()
            .filter_map(|(counter, _)| match counter {
                Counter::Targeted | Counter::Enumerated | Counter::Accepted | Counter::Of(..) => None,
                Counter::Ended(channel, _) | Counter::Fact(channel, _) | Counter::Sent(channel) => Some(channel),
            })
            .collect();
        channels.sort_unstable();
        channels.dedup();
        channels
    }
}

/// `targeted = delivered + handed_off + expired + failed + recalled + suppressed + cancelled + pending`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// Devices that the message is for.
    pub targeted: i64,
    /// Acknowledged by the device, or a vendor says that it arrived.
    pub delivered: i64,
    /// Taken by a vendor that gives no delivery receipts.
    pub handed_off: i64,
    /// Its time ran out.
    pub expired: i64,
    /// Cannot be delivered.
    pub failed: i64,
    /// Recalled before it was delivered.
    pub recalled: i64,
    /// Held back on purpose.
    pub suppressed: i64,
    /// Cancelled before release.
    pub cancelled: i64,
    /// Still on its way.
    pub pending: i64,
    /// Shown.
    pub displayed: i64,
    /// Opened.
    pub opened: i64,
    /// Swiped away.
    pub dismissed: i64,
}

impl Balance {
    /// All that ended.
    #[must_use]
    pub const fn ended(&self) -> i64 {
        self.delivered + self.handed_off + self.expired + self.failed + self.recalled + self.suppressed + self.cancelled
    }

    fn column(&mut self, stage: Stage) -> &mut i64 {
        match stage {
            Stage::Delivered => &mut self.delivered,
            Stage::HandedOff => &mut self.handed_off,
            Stage::Expired => &mut self.expired,
            Stage::Failed => &mut self.failed,
            Stage::Recalled => &mut self.recalled,
            Stage::Suppressed => &mut self.suppressed,
            Stage::Cancelled => &mut self.cancelled,
            // No counter of these is ever made: `Delivery::record` ends only in terminal stages.
            Stage::Accepted
            | Stage::Scheduled
            | Stage::Releasing
            | Stage::Released
            | Stage::Completed
            | Stage::Pending => &mut self.pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pending_is_what_has_not_ended() {
        let mut tally = Tally::targeted(10);
        tally.add(Counter::Ended(Channel::Own, Stage::Delivered), 6);
        tally.add(Counter::Ended(Channel::Fcm, Stage::HandedOff), 1);
        tally.add(Counter::Fact(Channel::Own, Fact::Opened), 2);
        let all = tally.balance(None);
        assert_eq!((all.targeted, all.delivered, all.handed_off, all.pending, all.opened), (10, 6, 1, 3, 2));
        let own = tally.balance(Some(Channel::Own));
        assert_eq!((own.targeted, own.delivered, own.pending), (6, 6, 0));
        assert_eq!(tally.channels(), [Channel::Own, Channel::Fcm]);
    }

    #[test]
    fn a_number_that_returns_to_zero_is_gone() {
        let mut tally = Tally::targeted(1);
        tally.add(Counter::Targeted, -1);
        assert!(tally.is_empty());
    }
}
