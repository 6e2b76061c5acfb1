//! The devices' vendors: they bring what they took, some time later.

use std::collections::BTreeMap;

use homing_domain::limits::VENDOR_CLAIM_KEPT_FOR;
use homing_domain::{Channel, DeviceId, MessageId, UnixMillis, VendorAnswer, VendorPush};
use homing_ports::{Result, Vendors};

use super::{State, Weak};

/// What vendors were asked.
#[derive(Debug, Default)]
pub struct VendorState {
    /// What they took and have not brought yet.
    pub on_the_way: Vec<(DeviceId, MessageId)>,
    /// What they took, and when they were asked last.
    pub taken: BTreeMap<(MessageId, DeviceId), UnixMillis>,
}

/// How old what a stage has read may be when it asks: its reads are slow calls, and so is the ask.
const READ_BEFORE: u64 = 30_000;

impl State {
    fn ask(&mut self, push: &VendorPush) -> VendorAnswer {
        let (message, device) = (push.body.message, push.device);
        self.check_ask(message, device);
        match push.token.token.as_str() {
            "invalid" => {
                self.coverage.hit("vendor", "does not know the token");
                return VendorAnswer::InvalidToken;
            }
            _ if self.random.per_mille(150) => {
                self.coverage.hit("vendor", "not now");
                return VendorAnswer::Later(1_000);
            }
            _ => {}
        }
        self.coverage.hit("vendor", "takes a message");
        self.trace(|| format!("  vendor takes {message} for {device}"));
        let now = self.now;
        let before = self.vendors.taken.insert((message, device), now);
        if let Some(before) = before.filter(|before| now.since(*before) < VENDOR_CLAIM_KEPT_FOR) {
            let what = format!("{device}: the vendor is asked for {message} again after {} ms", now.since(before));
            self.check.violated(what);
        }
        self.vendors.on_the_way.push((device, message));
        VendorAnswer::Accepted
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
    fn serves(&self, channel: Channel) -> bool {
        channel == Channel::Fcm
    }

    async fn ask_vendor(&self, _: Channel, pushes: Vec<VendorPush>) -> Result<Vec<VendorAnswer>> {
        self.call("ask a vendor", move |state| Ok(pushes.iter().map(|push| state.ask(push)).collect())).await
    }
}
