//! How far deliveries came, read off the numbers of a message or of an app's period.

use std::collections::BTreeMap;

use crate::balance::{Breakdown, Counter, Step, Tally};
use crate::receipt::{Channel, Fact};
use crate::stage::Stage;

/// Deliveries by the steps that they took. Each step holds those that came at least as far, except that a person's app may
/// report a display whose delivery nobody acknowledged yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Funnel {
    /// Given to the device's channel.
    pub sent: i64,
    /// Acknowledged by the device, or a vendor says that it arrived.
    pub delivered: i64,
    /// Shown to the person.
    pub displayed: i64,
    /// Opened by the person.
    pub opened: i64,
}

impl Funnel {
    fn add(&mut self, step: Step, by: i64) {
        let number = match step {
            Step::Sent => &mut self.sent,
            Step::Delivered => &mut self.delivered,
            Step::Displayed => &mut self.displayed,
            Step::Opened => &mut self.opened,
        };
        *number += by;
    }
}

impl Tally {
    /// The funnel over all channels (`None`) or of one.
    #[must_use]
    pub fn funnel(&self, channel: Option<Channel>) -> Funnel {
        let mut funnel = Funnel::default();
        for (counter, number) in self.iter() {
            let (of, step) = match counter {
                Counter::Sent(of) => (of, Step::Sent),
                Counter::Ended(of, Stage::Delivered) => (of, Step::Delivered),
                Counter::Fact(of, Fact::Displayed) => (of, Step::Displayed),
                Counter::Fact(of, Fact::Opened) => (of, Step::Opened),
                Counter::Targeted
                | Counter::Enumerated
                | Counter::Accepted
                | Counter::Ended(..)
                | Counter::Fact(..)
                | Counter::Of(..) => continue,
            };
            if channel.is_none_or(|channel| channel == of) {
                funnel.add(step, number);
            }
        }
        funnel
    }

    /// The funnels of each platform and of each version. Deliveries to devices that nobody knew are in none of them.
    #[must_use]
    pub fn breakdowns(&self) -> BTreeMap<Breakdown, Funnel> {
        let mut funnels = BTreeMap::<Breakdown, Funnel>::new();
        for (counter, number) in self.iter() {
            if let Counter::Of(breakdown, step) = counter {
                funnels.entry(breakdown).or_default().add(step, number);
            }
        }
        funnels
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Platform;

    #[test]
    fn steps_are_read_off_the_counters() {
        let mut tally = Tally::of_feed(5);
        tally.add(Counter::Sent(Channel::Fcm), 3);
        tally.add(Counter::Ended(Channel::Fcm, Stage::HandedOff), 3);
        tally.add(Counter::Fact(Channel::Own, Fact::Displayed), 2);
        tally.add(Counter::Fact(Channel::Fcm, Fact::Opened), 1);
        tally.add(Counter::Fact(Channel::Own, Fact::Dismissed), 1);
        assert_eq!(tally.funnel(None), Funnel { sent: 8, delivered: 5, displayed: 2, opened: 1 });
        assert_eq!(tally.funnel(Some(Channel::Fcm)), Funnel { sent: 3, delivered: 0, displayed: 0, opened: 1 });
        assert!(tally.breakdowns().is_empty());
        let ios = Breakdown::Platform(Platform::Ios);
        tally.add(Counter::Of(ios, Step::Delivered), 4);
        assert_eq!(tally.breakdowns(), BTreeMap::from([(ios, Funnel { delivered: 4, ..Funnel::default() })]));
        assert_eq!(tally.funnel(None).delivered, 5, "a breakdown counts nothing twice");
    }
}
