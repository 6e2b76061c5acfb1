//! The ledger's row of one (message, device): the first end wins, unless a later one says that it was delivered;
//! and what a batch changed can be read off the row afterwards, so that counting is a pure function of rows and batch id.

use std::collections::HashMap;

use crate::balance::{Breakdown, Counter, Step, Tally};
use crate::device::Platform;
use crate::id::{AppId, BatchId, DeviceId, MessageId, UserId};
use crate::limits::VENDOR_CLAIM_KEPT_FOR;
use crate::reason::Reason;
use crate::receipt::{Channel, Ended, Event, Fact, Receipt};
use crate::stage::Stage;
use crate::time::UnixMillis;
use crate::version_label::VersionLabel;

/// When a fact was recorded, and by which batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// When it happened.
    pub at: UnixMillis,
    /// Which batch recorded it first.
    pub by: BatchId,
}

/// An end that another end took the place of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplacedEnd {
    /// By which way it had ended.
    pub channel: Channel,
    /// Where it had ended.
    pub stage: Stage,
    /// Which batch had ended it: if that one is counted only later, it still adds this end, and the sum is right.
    pub by: BatchId,
}

/// What is known of the devices that a batch of receipts is about.
pub type Snapshots = HashMap<DeviceId, DeviceSnapshot>;

/// One (message, device) in the ledger. It exists from its first receipt on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Which message.
    pub message: MessageId,
    /// Which device.
    pub device: DeviceId,
    /// By which way the last change came.
    pub channel: Channel,
    /// `pending` until it ends.
    pub stage: Stage,
    /// Why, for ends that need a reason.
    pub reason: Option<Reason>,
    /// When its mailbox entry was made.
    pub enqueued_at: Option<UnixMillis>,
    /// When it was last sent.
    pub sent_at: Option<UnixMillis>,
    /// When it ended, and the batch that ended it.
    pub ended: Option<Recorded>,
    /// The end that the present one replaced: what its counter must lose. No row is ended more than twice, because
    /// nothing follows a late delivery.
    pub replaced: Option<ReplacedEnd>,
    /// Shown to the person.
    pub displayed: Option<Recorded>,
    /// Opened by the person.
    pub opened: Option<Recorded>,
    /// Swiped away by the person.
    pub dismissed: Option<Recorded>,
    /// When somebody last set out to ask the device's vendor.
    pub claimed_at: Option<UnixMillis>,
    /// First known to be given to the device's channel.
    pub sent: Option<Recorded>,
    /// Whose it was and what the device was when the first receipt was recorded, if that was known then. Never changes, so
    /// that a repeat counts into the same figures whatever became of the device.
    pub about: Option<DeviceSnapshot>,
}

/// What figures and history know of a delivery beyond its message: taken once, when its first receipt is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceSnapshot {
    /// Whose app.
    pub app: AppId,
    /// Who used the device.
    pub user: Option<UserId>,
    /// What it ran.
    pub platform: Platform,
    /// The app's version, as figures name it.
    pub version: VersionLabel,
    /// When the first receipt's event happened: where the delivery stands in a history.
    pub since: UnixMillis,
}

/// Whether one may ask the device's vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// Nobody else does.
    Granted {
        /// Whether somebody set out to ask before and was not heard of again for [`VENDOR_CLAIM_KEPT_FOR`]: the vendor may have
        /// it.
        asked_before: bool,
    },
    /// Somebody else is at it: look again after [`VENDOR_CLAIM_KEPT_FOR`].
    Taken,
    /// The delivery has ended.
    Ended,
}

impl Delivery {
    /// A row of which nothing is known yet.
    #[must_use]
    pub const fn new(message: MessageId, device: DeviceId, channel: Channel) -> Self {
        Self {
            message,
            device,
            channel,
            stage: Stage::Pending,
            reason: None,
            enqueued_at: None,
            sent_at: None,
            ended: None,
            replaced: None,
            displayed: None,
            opened: None,
            dismissed: None,
            claimed_at: None,
            sent: None,
            about: None,
        }
    }

    /// Claims the delivery for the vendor's way. Only one at a time asks the vendor: a vendor does not know a repeat. A claim
    /// that was neither given back nor followed by an end stays known, to whoever claims after it.
    pub fn claim(&mut self, now: UnixMillis) -> Claimed {
        if self.stage.is_terminal() {
            return Claimed::Ended;
        }
        // Whoever claims may have looked at the clock before the other did; a clock that was set back far must not block.
        let is_fresh = |at: UnixMillis| now.since(at).max(at.since(now)) < VENDOR_CLAIM_KEPT_FOR;
        if self.claimed_at.is_some_and(is_fresh) {
            return Claimed::Taken;
        }
        Claimed::Granted { asked_before: self.claimed_at.replace(now).is_some() }
    }

    /// Nothing came of it: the next one may try.
    pub const fn release_claim(&mut self) {
        self.claimed_at = None;
    }

    /// Takes a receipt in. Returns whether the row changed; a repeat or a loser of the race changes nothing.
    pub fn record(&mut self, receipt: &Receipt, batch: BatchId) -> bool {
        match receipt.event {
            Event::Ended(end) => {
                // That a vendor has it is an end only when the vendor's own answer says so.
                if !self.stage.may_become(end.stage) || end.reason == Some(Reason::TakenByVendor) {
                    return false;
                }
                self.replaced =
                    self.ended.map(|ended| ReplacedEnd { channel: self.channel, stage: self.stage, by: ended.by });
                self.stage = end.stage;
                self.reason = end.reason;
                self.channel = receipt.channel;
                self.enqueued_at = end.enqueued_at.or(self.enqueued_at);
                self.sent_at = end.sent_at.or(self.sent_at);
                self.ended = Some(Recorded { at: receipt.at, by: batch });
                if self.sent.is_none() && is_sent(&end) {
                    let at = end.sent_at.unwrap_or(receipt.at);
                    self.sent = Some(Recorded { at, by: batch });
                }
                true
            }
            Event::Fact(fact) => {
                let slot = match fact {
                    Fact::Displayed => &mut self.displayed,
                    Fact::Opened => &mut self.opened,
                    Fact::Dismissed => &mut self.dismissed,
                };
                if slot.is_some() {
                    return false;
                }
                *slot = Some(Recorded { at: receipt.at, by: batch });
                true
            }
        }
    }

    /// Keeps what is known of the device, unless something is kept already.
    pub fn keep_about(&mut self, about: &Snapshots) {
        if self.about.is_none() {
            self.about = about.get(&self.device).cloned();
        }
    }

    /// What `batch` changed in this row, as counters: the same answer however often and however late it is asked.
    pub fn tally(&self, batch: BatchId, into: &mut Tally) {
        self.changes(batch, |_, counter, by| into.add(counter, by));
    }

    /// What `batch` changed in this row: when it happened, which counter, by how much. An end that took the place of another
    /// takes the other's count back at the moment of its own.
    pub fn changes(&self, batch: BatchId, mut take: impl FnMut(UnixMillis, Counter, i64)) {
        let by_batch = |slot: Option<Recorded>| slot.filter(|recorded| recorded.by == batch);
        if let Some(ended) = by_batch(self.ended) {
            take(ended.at, Counter::Ended(self.channel, self.stage), 1);
            if self.stage == Stage::Delivered {
                self.step(ended.at, Step::Delivered, &mut take);
            }
            if let Some(replaced) = self.replaced {
                take(ended.at, Counter::Ended(replaced.channel, replaced.stage), -1);
            }
        }
        if let Some((replaced, ended)) = self.replaced.filter(|replaced| replaced.by == batch).zip(self.ended) {
            // At the same moment as what took its place: together they are nothing.
            take(ended.at, Counter::Ended(replaced.channel, replaced.stage), 1);
        }
        if let Some(sent) = by_batch(self.sent) {
            take(sent.at, Counter::Sent(self.sent_by(sent)), 1);
            self.step(sent.at, Step::Sent, &mut take);
        }
        for (slot, fact, step) in [
            (self.displayed, Fact::Displayed, Some(Step::Displayed)),
            (self.opened, Fact::Opened, Some(Step::Opened)),
            (self.dismissed, Fact::Dismissed, None),
        ] {
            let Some(recorded) = by_batch(slot) else { continue };
            take(recorded.at, Counter::Fact(self.channel, fact), 1);
            if let Some(step) = step {
                self.step(recorded.at, step, &mut take);
            }
        }
    }

    /// By which channel it was first sent: another may have brought it in the end.
    fn sent_by(&self, sent: Recorded) -> Channel {
        let replaced = self.replaced.filter(|replaced| replaced.by == sent.by);
        replaced.map_or(self.channel, |replaced| replaced.channel)
    }

    /// A step of the funnel, for what the device was.
    fn step(&self, at: UnixMillis, step: Step, take: &mut impl FnMut(UnixMillis, Counter, i64)) {
        if let Some(about) = &self.about {
            take(at, Counter::Of(Breakdown::Platform(about.platform), step), 1);
            take(at, Counter::Of(Breakdown::Version(about.version), step), 1);
        }
    }
}

/// Whether this end says that the device's channel got it.
fn is_sent(end: &Ended) -> bool {
    end.sent_at.is_some() || matches!(end.stage, Stage::Delivered | Stage::HandedOff)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(event: Event) -> Receipt {
        Receipt {
            message: MessageId::from_bytes([1; 16]),
            device: DeviceId::from_bytes([2; 16]),
            channel: Channel::Own,
            at: UnixMillis(5),
            event,
        }
    }

    fn batch(n: u8) -> BatchId {
        BatchId::from_bytes([n; 16])
    }

    fn ended(reason: Option<Reason>) -> Receipt {
        receipt(Event::Ended(reason.map_or(Ended::delivered(None, None), |reason| Ended::undelivered(reason, None))))
    }

    fn row() -> Delivery {
        let sample = receipt(Event::Fact(Fact::Opened));
        Delivery::new(sample.message, sample.device, Channel::Own)
    }

    fn tally(row: &Delivery, batch: BatchId) -> Tally {
        let mut tally = Tally::default();
        row.tally(batch, &mut tally);
        tally
    }

    #[test]
    fn the_first_end_wins_and_a_repeat_counts_once() {
        let mut row = row();
        assert!(row.record(&ended(None), batch(1)));
        assert!(!row.record(&ended(None), batch(1)));
        assert!(!row.record(&ended(Some(Reason::Overflow)), batch(2)));
        assert_eq!(tally(&row, batch(1)).get(Counter::Ended(Channel::Own, Stage::Delivered)), 1);
        assert_eq!(tally(&row, batch(2)), Tally::default());
    }

    #[test]
    fn a_late_delivery_takes_the_place_of_any_other_end() {
        let ends = [
            (Reason::Closed, Stage::Expired),
            (Reason::Recalled, Stage::Recalled),
            (Reason::Aborted, Stage::Cancelled),
            (Reason::Unbound, Stage::Suppressed),
            (Reason::Deregistered, Stage::Failed),
        ];
        for (reason, stage) in ends {
            let mut row = row();
            assert!(row.record(&ended(Some(reason)), batch(1)));
            assert!(!row.record(&ended(Some(Reason::TimeToLive)), batch(3)), "but no other end does");
            assert!(row.record(&ended(None), batch(2)));
            assert!(!row.record(&ended(Some(reason)), batch(1)), "and nothing follows it");
            let tally = tally(&row, batch(2));
            assert_eq!(tally.get(Counter::Ended(Channel::Own, Stage::Delivered)), 1);
            assert_eq!(tally.get(Counter::Ended(Channel::Own, stage)), -1);
        }
    }

    #[test]
    fn a_batch_that_is_counted_after_its_end_was_replaced_still_counts() {
        let mut row = row();
        assert!(row.record(&ended(Some(Reason::Closed)), batch(1)));
        assert!(row.record(&ended(None), batch(2)));
        let mut sum = tally(&row, batch(2));
        sum.merge(&tally(&row, batch(1)));
        let delivered = [(Counter::Ended(Channel::Own, Stage::Delivered), 1), (Counter::Sent(Channel::Own), 1)];
        assert_eq!(sum.iter().collect::<Vec<_>>(), delivered);
    }

    #[test]
    fn one_batch_may_hold_both_ends() {
        let mut row = row();
        assert!(row.record(&ended(Some(Reason::TimeToLive)), batch(1)));
        assert!(row.record(&ended(None), batch(1)));
        let tally = tally(&row, batch(1));
        let delivered = [(Counter::Ended(Channel::Own, Stage::Delivered), 1), (Counter::Sent(Channel::Own), 1)];
        assert_eq!(tally.iter().collect::<Vec<_>>(), delivered);
    }

    #[test]
    fn one_at_a_time_asks_the_vendor() {
        let mut row = row();
        let now = UnixMillis(10 * VENDOR_CLAIM_KEPT_FOR);
        let first = Claimed::Granted { asked_before: false };
        assert_eq!(row.claim(now), first);
        assert_eq!(row.claim(now.minus(1)), Claimed::Taken, "its clock was read a moment before");
        assert_eq!(row.claim(now.plus(VENDOR_CLAIM_KEPT_FOR - 1)), Claimed::Taken);
        let later = now.plus(VENDOR_CLAIM_KEPT_FOR);
        let again = Claimed::Granted { asked_before: true };
        assert_eq!(row.claim(later), again, "the first has failed, nobody knows how far it came");
        assert_eq!(row.claim(later), Claimed::Taken);
        assert_eq!(row.claim(later.plus(VENDOR_CLAIM_KEPT_FOR)), again, "and that stays known");
        row.release_claim();
        assert_eq!(row.claim(now), first, "nothing came of it");
        let taken = Event::Ended(Ended::undelivered(Reason::TakenByVendor, None));
        assert!(!row.record(&receipt(taken), batch(1)), "who has it is no end");
        assert!(row.record(&ended(None), batch(1)));
        assert_eq!(row.claim(UnixMillis::NEVER), Claimed::Ended);
    }

    #[test]
    fn a_row_counts_once_for_what_its_device_was() {
        let mut row = row();
        assert!(row.record(&ended(None), batch(1)));
        let about = |version| DeviceSnapshot {
            app: "shop".parse().unwrap(),
            user: None,
            platform: Platform::Ios,
            version: VersionLabel::new(version),
            since: UnixMillis(5),
        };
        row.keep_about(&Snapshots::from([(row.device, about("1.0"))]));
        row.keep_about(&Snapshots::from([(row.device, about("2.0"))]));
        assert!(row.record(&receipt(Event::Fact(Fact::Opened)), batch(2)));
        let [first, second] = [tally(&row, batch(1)), tally(&row, batch(2))];
        for breakdown in [Breakdown::Platform(Platform::Ios), Breakdown::Version(VersionLabel::new("1.0"))] {
            let of = |tally: &Tally, step| tally.get(Counter::Of(breakdown, step));
            assert_eq!((of(&first, Step::Sent), of(&first, Step::Delivered), of(&first, Step::Opened)), (1, 1, 0));
            assert_eq!((of(&second, Step::Sent), of(&second, Step::Delivered), of(&second, Step::Opened)), (0, 0, 1));
        }
        assert_eq!(first.get(Counter::Sent(Channel::Own)), 1);
    }

    #[test]
    fn who_sent_it_first_is_counted_for_it_whoever_brings_it() {
        let handed_off = Receipt { channel: Channel::Fcm, ..receipt(Event::Ended(Ended::handed_off(UnixMillis(4)))) };
        let mut row = row();
        assert!(row.record(&handed_off, batch(1)));
        let before = tally(&row, batch(1));
        assert_eq!(before.get(Counter::Sent(Channel::Fcm)), 1);
        assert!(row.record(&ended(None), batch(2)));
        assert_eq!(tally(&row, batch(1)).get(Counter::Sent(Channel::Fcm)), 1, "counted late or not");
        assert_eq!(tally(&row, batch(2)).get(Counter::Sent(Channel::Own)), 0, "once");
    }

    #[test]
    fn what_was_never_sent_is_not_counted_as_sent() {
        let mut row = row();
        assert!(row.record(&ended(Some(Reason::TimeToLive)), batch(1)));
        assert_eq!(tally(&row, batch(1)).get(Counter::Sent(Channel::Own)), 0);
        assert!(row.record(&ended(None), batch(2)));
        assert_eq!(tally(&row, batch(2)).get(Counter::Sent(Channel::Own)), 1, "it was, late");
    }

    #[test]
    fn facts_do_not_end_anything() {
        let mut row = row();
        assert!(row.record(&receipt(Event::Fact(Fact::Opened)), batch(1)));
        assert!(!row.record(&receipt(Event::Fact(Fact::Opened)), batch(2)));
        assert_eq!(row.stage, Stage::Pending);
        assert_eq!(tally(&row, batch(1)).get(Counter::Fact(Channel::Own, Fact::Opened)), 1);
    }
}
