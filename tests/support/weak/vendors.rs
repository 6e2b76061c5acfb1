//! The devices' vendors: they bring what they took, some time later. One of them has a channel here, and drops no repeats.

use std::collections::BTreeMap;

use homing_domain::{AppId, Channel, DeviceId, MessageId, UnixMillis, VendorAddress, VendorAnswer, VendorPush};
use homing_ports::{Admission, Error, Fault, Result, Vendors};

use super::{State, Weak, Weakness};

/// What vendors were asked.
#[derive(Debug, Default)]
pub struct VendorState {
    /// What they took and have not brought yet.
    pub on_the_way: Vec<(DeviceId, MessageId)>,
    /// What they took, and when.
    pub taken: BTreeMap<(MessageId, DeviceId), UnixMillis>,
    /// Tokens that they said are dead, and when they said so last.
    pub(super) dead: BTreeMap<(DeviceId, String), UnixMillis>,
}

/// How old what a stage has read may be when it asks: its reads are slow calls, and so is the ask.
const READ_BEFORE: u64 = 30_000;
/// In one of so many milliseconds there is no room for all who are to be asked for.
const FULL_EACH: u64 = 8;
/// Devices in one question: little, so that most messages need several.
const BATCH_MAX: usize = 3;

impl State {
    fn ask(&mut self, message: MessageId, to: &VendorAddress) -> VendorAnswer {
        let device = to.device;
        self.check_ask(message, device);
        match to.token.token.as_str() {
            "invalid" => {
                self.coverage.hit("vendor", "does not know the token");
                let now = self.now;
                self.vendors.dead.insert((device, to.token.token.clone()), now);
                return VendorAnswer::InvalidToken(self.now);
            }
            _ if self.random.per_mille(100) => {
                self.coverage.hit("vendor", "not now");
                return VendorAnswer::Later(1_000);
            }
            _ if self.random.per_mille(50) => {
                self.coverage.hit("vendor", "too busy to be asked");
                return VendorAnswer::Busy(1_000);
            }
            _ => {}
        }
        self.coverage.hit("vendor", "takes a message");
        self.trace(|| format!("  vendor takes {message} for {device}"));
        if let Some(before) = self.vendors.taken.insert((message, device), self.now) {
            let since = self.now.since(before);
            self.check.violated(format!("{device}: the vendor is asked for {message} again after {since} ms"));
        }
        self.vendors.on_the_way.push((device, message));
        VendorAnswer::Accepted
    }

    /// What the asker hears: a vendor that does not answer may have taken it, or not.
    fn perhaps_lost(&mut self, answer: VendorAnswer) -> VendorAnswer {
        let chance = self.faults.fail_after;
        if !self.strikes(chance, "a vendor's answer is lost") {
            return answer;
        }
        match self.weakness {
            Weakness::LostAnswerIsLater => VendorAnswer::Later(1_000),
            _ => VendorAnswer::Unknown,
        }
    }

    /// Nobody is asked for what has ended, or for a user who left the device.
    fn check_ask(&mut self, message: MessageId, device: DeviceId) {
        let now = self.now;
        let ended = self.ledger.ended.get(&(message, device));
        if ended.is_some_and(|ended| now.since(*ended) > READ_BEFORE) {
            self.check.violated(format!("{device}: the vendor is asked for {message}, which has ended"));
        }
        if self.check.unbound_since(device, message).is_some_and(|since| now.since(since) > READ_BEFORE) {
            self.check.violated(format!("{device}: the vendor is asked for {message} after its user was unbound"));
        }
    }
}

impl Vendors for Weak {
    type Held = ();

    async fn serves(&self, _: &AppId, channel: Channel) -> Result<bool> {
        self.call("read what a channel is set to", move |_| Ok(channel == Channel::Fcm)).await
    }

    async fn may_repeat(&self, _: &AppId, _: Channel) -> Result<bool> {
        self.call("read a channel's policy", move |_| Ok(false)).await
    }

    fn batch_max(&self, _: Channel) -> usize {
        BATCH_MAX
    }

    /// Not for all at some times, so that the others come back unclaimed.
    async fn admit(&self, _: &AppId, _: Channel, wanted: usize) -> Result<Admission<()>> {
        let is_full = self.lock().now.0.is_multiple_of(FULL_EACH);
        let (devices, wait) = if is_full { (wanted / 2, 1_000) } else { (wanted, 0) };
        Ok(Admission { devices, wait, held: () })
    }

    async fn give_back(&self, _: &AppId, _: Channel, _: Admission<()>) {}

    /// An error means that nobody was asked.
    async fn ask_vendor(&self, push: &VendorPush, _: Admission<()>) -> Result<Vec<VendorAnswer>> {
        let push = push.clone();
        let asked = self.call_surely(move |state| {
            let chance = state.faults.fail_before;
            if state.strikes(chance, "call fails before its effect") {
                return Err(Error::new(Fault::Retry, "ask a vendor"));
            }
            let message = push.body.message;
            let mut answer = |to: &VendorAddress| {
                let answer = state.ask(message, to);
                state.perhaps_lost(answer)
            };
            Ok(push.to.iter().map(&mut answer).collect())
        });
        let answers = asked.await;
        // Whoever asked may die here, before they know.
        let after = self.lock().random.below(50);
        self.sleep(after).await;
        answers
    }
}
