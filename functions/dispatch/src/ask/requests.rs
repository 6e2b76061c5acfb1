//! The requests that one push becomes.

use futures_util::future::join_all;
use homing_channels::{
    Accesses as _, Answers, Content, Failure, Operation, Origins, Push, Recipients, Surroundings, Token, Vendor,
    operate,
};
use homing_credentials::{FleetSecret, derive_id, receipt_secret};
use homing_domain::{MessageId, VendorAddress, VendorPush};
use homing_ports::{Clock, Entropy, Outbound};

use super::Places;
use super::access::AccessDesk;
use super::admission::ADMITTED_MAX;
use super::answer::Judge;
use super::carrier::LineCarrier;
use super::config::Usable;
use super::content::message_id;
use super::lines::Line;

/// How devices share requests.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batching {
    batch: usize,
}

impl Batching {
    /// As many devices in a request as the policy and the vendor allow.
    pub(super) fn of(batch_max: Option<u16>, tokens_max: usize) -> Self {
        let batch = batch_max.map_or(tokens_max, |most| tokens_max.min(usize::from(most)));
        Self { batch: batch.max(1) }
    }

    /// Requests for so many devices.
    pub(super) fn requests(self, devices: usize) -> u32 {
        u32::try_from(devices.div_ceil(self.batch)).unwrap_or(u32::MAX)
    }

    /// Requests that are made together: one at least.
    pub(super) fn at_once(self) -> u32 {
        u32::try_from(ADMITTED_MAX / self.batch).unwrap_or(u32::MAX).max(1)
    }

    /// Devices in so many requests.
    pub(super) const fn devices(self, requests: u32) -> usize {
        self.batch.saturating_mul(requests as usize)
    }

    fn of_push(self, to: &[VendorAddress]) -> impl Iterator<Item = &[VendorAddress]> {
        to.chunks(self.batch)
    }
}

/// Asks one vendor for one app.
pub(super) struct Questions<'a, P, O> {
    pub(super) ports: &'a P,
    pub(super) entropy: &'a dyn Entropy,
    pub(super) outbound: &'a O,
    pub(super) vendor: &'static dyn Vendor,
    pub(super) line: &'a Line,
    pub(super) usable: &'a Usable,
    pub(super) origins: &'a Origins,
    /// Where receipts are to be sent.
    pub(super) callback_url: Option<String>,
}

/// Where a vendor is to send receipts of an app.
pub(super) fn callback_url(fleet: &FleetSecret, places: &Places, line: &Line) -> Option<String> {
    let (base, channel) = (places.public_url.as_deref()?.trim_end_matches('/'), line.channel.name());
    let secret = receipt_secret(fleet, line.app.as_str(), channel);
    Some(format!("{base}/v1/receipts/{channel}/{}/{secret}", line.app))
}

impl<P: Clock, O: Outbound> Questions<'_, P, O> {
    /// Makes the requests for these devices of the push, its first ones, and takes what comes of each in.
    pub(super) async fn ask(
        &self,
        push: &VendorPush,
        content: &Content,
        to: &[VendorAddress],
        batching: Batching,
        judge: &mut Judge<'_>,
    ) {
        let carrier = LineCarrier {
            outbound: self.outbound,
            ports: self.ports,
            line: self.line,
            is_foreign: push.channel == homing_domain::Channel::WebPush
                && self.origins.redirects(push.channel).is_none(),
        };
        let around = self.surroundings();
        let desk = AccessDesk {
            keeper: &self.usable.access,
            vendor: self.vendor,
            around: &around,
            carrier: &carrier,
            ports: self.ports,
        };
        // Before the first of hundreds: where there is no access, none of them is made.
        let access = desk.access(None).await;
        let answers = match &access {
            Ok(_) => join_all(batching.of_push(to).map(|to| self.one(push, content, to, &carrier, &desk))).await,
            Err(failure) => batching.of_push(to).map(|_| Err(failure.clone())).collect(),
        };
        let mut from = 0;
        for (to, answer) in batching.of_push(to).zip(answers) {
            judge.take(from..from + to.len(), answer);
            from += to.len();
        }
    }

    async fn one(
        &self,
        push: &VendorPush,
        content: &Content,
        to: &[VendorAddress],
        carrier: &LineCarrier<'_, P, O>,
        desk: &AccessDesk<'_, P, LineCarrier<'_, P, O>>,
    ) -> Result<Answers, Failure> {
        let token =
            |address: &VendorAddress| Token { text: address.token.token.clone(), since: Some(address.token.since) };
        let operation = Operation::Push(Push {
            content: content.clone(),
            to: Recipients::Tokens(to.iter().map(token).collect()),
            same_content: false,
            request_id: request_id(push, to),
            receipts: Vec::new(),
        });
        operate(self.vendor, &self.surroundings(), &operation, carrier, desk, || self.ports.now()).await
    }

    fn surroundings(&self) -> Surroundings<'_> {
        let mut random = [0; 64];
        random[..32].copy_from_slice(&self.entropy.random_32());
        random[32..].copy_from_slice(&self.entropy.random_32());
        Surroundings {
            credential: &self.usable.credential,
            access: None,
            origins: self.origins,
            now: self.ports.now(),
            callback_url: self.callback_url.as_deref(),
            random,
        }
    }
}

/// The same for a repeat: this message in this rendering for just these devices. Whoever asks for some of them alone asks for
/// something else, and is not to be dropped with them.
pub(super) fn request_id(push: &VendorPush, to: &[VendorAddress]) -> String {
    let mut devices: Vec<_> = to.iter().map(|address| *address.device.as_bytes()).collect();
    devices.sort_unstable();
    let channel = push.channel.name().as_bytes();
    let fields = [push.body.message.as_bytes(), channel, &push.body.payload, &devices.concat()];
    message_id(MessageId::from_bytes(derive_id("homing/1 vendor request", &fields)))
}
