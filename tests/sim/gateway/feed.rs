//! The feed of the app, as a gateway reads it and brings it to devices.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use homing_contract::queue::v1;
use homing_credentials::derive_id;
use homing_domain::limits::{FEED_PAGE_MAX, FEED_REREAD_EVERY};
use homing_domain::{
    AppId, BatchId, Device, DeviceId, FeedAction, FeedCounts, FeedOffset, Lane, Message, MessageId, PushBody, Tally,
};
use homing_link::server::{FeedLog, FeedPage, StoreFault};
use homing_ports::{Clock, Devices, Error, Feeds, Messages, Outgoing, QueueName, Queues};
use homing_tests::weak::{Owner, Weak};

use super::{Done, Machine};
use crate::agenda::{Event, LinkId};
use crate::mutant::Mutant;
use crate::world::{Answer, World};

/// A gateway gathers what it counts for so long.
const COUNT_AFTER: u64 = 1_000;

/// The log that all links of a gateway share, in one life of it.
pub(crate) type SharedLog = Rc<RefCell<FeedLog>>;

/// Reads on where the log ends. Whether it grew. A gateway that does not notice stops is a fault that is built in.
async fn read_on(weak: &Weak, app: &AppId, log: &SharedLog, mutant: Option<Mutant>) -> Result<bool, Error> {
    let began_at = log.borrow().head();
    loop {
        let head = log.borrow().head();
        let mut read = weak.feed_entries(app, head, FEED_PAGE_MAX).await?;
        let is_all = read.len() < FEED_PAGE_MAX;
        if mutant == Some(Mutant::StopUnnoticed) {
            let stops = read.iter_mut().filter(|(_, entry)| entry.action == FeedAction::Stop);
            stops.for_each(|(_, entry)| entry.message = MessageId::from_bytes([0; 16]));
        }
        log.borrow_mut().append(weak.now(), read);
        if is_all {
            return Ok(log.borrow().head() > began_at);
        }
    }
}

/// Who asks for a page of the feed.
struct Asking {
    weak: Weak,
    app: AppId,
    log: SharedLog,
    device: DeviceId,
    /// The mutant of the run, where it is one of these.
    mutant: Option<Mutant>,
}

impl Asking {
    async fn page(&self, after: FeedOffset, limit: usize) -> Result<FeedPage, Error> {
        let head = self.log.borrow().head();
        if head == 0 || after > head {
            read_on(&self.weak, &self.app, &self.log, self.mutant).await?;
        }
        let (head, candidates) = {
            let log = self.log.borrow();
            let candidates: Vec<_> = log.after(after, self.weak.now()).collect();
            (log.head().max(after), candidates)
        };
        let nothing = FeedPage { through: head, pushes: Vec::new() };
        if candidates.is_empty() {
            return Ok(nothing);
        }
        let Some(device) = self.weak.device(&self.device).await? else { return Ok(nothing) };
        let mut pushes = Vec::new();
        for (offset, id) in candidates {
            let Some(body) = self.body(id, &device).await? else { continue };
            pushes.push((offset, Arc::new(body)));
            if pushes.len() >= limit {
                return Ok(FeedPage { through: offset, pushes });
            }
        }
        Ok(FeedPage { through: head, pushes })
    }

    /// What the device gets of a message, if it does.
    async fn body(&self, id: MessageId, device: &Device) -> Result<Option<PushBody>, Error> {
        let Some(message) = self.weak.message(id).await? else { return Ok(None) };
        let variant = match message.recalls {
            Some(recalled) => {
                let recalled = self.weak.message(recalled).await?;
                recalled.is_some_and(|recalled| recalled.means_in_feed(device)).then_some(0)
            }
            None => self.rendering(&message, device),
        };
        Ok(variant.map(|variant| PushBody::of(&message, variant)))
    }

    fn rendering(&self, subject: &Message, device: &Device) -> Option<u8> {
        if self.mutant == Some(Mutant::LaneIgnored) && subject.lane_of(device) == Lane::Pages {
            return Some(0);
        }
        subject.rendering_in_feed(device)
    }
}

impl World {
    /// A link asks what the feed has for its device.
    pub(super) fn read_feed(
        &mut self,
        gateway: usize,
        link: LinkId,
        device: DeviceId,
        after: FeedOffset,
        limit: usize,
    ) {
        let log = Rc::clone(&self.gateways[gateway].feed);
        let after = if self.is(Mutant::FeedFromHead) { after.max(log.borrow().head()) } else { after };
        let asking = Asking { weak: self.weak.clone(), app: self.app.clone(), log, device, mutant: self.mutant };
        self.hit("feed", "a link reads");
        self.call(gateway, async move {
            let page = asking.page(after, limit).await.map_err(|_| StoreFault::Unavailable);
            Done::Feed(link, page)
        });
    }

    /// Somebody says that the feed has grown.
    pub(super) fn feed_hint(&mut self, gateway: usize) {
        self.hit("notice", "feed");
        let (weak, app, log) = (self.weak.clone(), self.app.clone(), Rc::clone(&self.gateways[gateway].feed));
        // One that fails is one that was lost.
        let mutant = self.mutant;
        self.call(gateway, async move { Done::FeedRead(read_on(&weak, &app, &log, mutant).await.unwrap_or(false)) });
    }

    /// The feed is read again by the clock, for hints may be lost.
    pub(super) fn reread_feed(&mut self, gateway: usize) {
        if self.is(Mutant::FeedByHintOnly) {
            return;
        }
        let (weak, app, log) = (self.weak.clone(), self.app.clone(), Rc::clone(&self.gateways[gateway].feed));
        let (owner, answers, pace) = (self.gateways[gateway].owner, self.answers.clone(), self.pace.clone());
        let mutant = self.mutant;
        self.executor.spawn(owner, false, async move {
            loop {
                weak.sleep(FEED_REREAD_EVERY.max(pace.every.get())).await;
                if let Ok(true) = read_on(&weak, &app, &log, mutant).await {
                    weak.lock().coverage.hit("feed", "read again, and there was more");
                    answers.borrow_mut().push_back(Answer::Gateway(gateway, owner, Box::new(Done::FeedRead(true))));
                }
            }
        });
    }

    /// The log was read: every link looks again.
    pub(super) fn feed_read(&mut self, gateway: usize, has_grown: bool) {
        if !has_grown {
            return;
        }
        let ids: Vec<_> = self.gateways[gateway].links.keys().copied().collect();
        for id in ids {
            self.with_link(gateway, id, |machine, now| {
                if let Machine::Live(live) = machine {
                    live.feed_grew(now);
                }
            });
        }
    }

    /// A device has messages of the feed.
    pub(super) fn count_feed(&mut self, gateway: usize, messages: &[MessageId]) {
        for message in messages {
            *self.gateways[gateway].counts.entry(*message).or_insert(0) += 1;
            *self.state().feeds.acknowledged.entry(*message).or_insert(0) += 1;
        }
        let entry = &mut self.gateways[gateway];
        if !std::mem::replace(&mut entry.is_counting, true) {
            let owner = entry.owner;
            self.after(COUNT_AFTER, Event::Count(gateway, owner));
        }
    }

    /// Sends what was counted, until it is durable.
    pub(crate) fn send_counts(&mut self, gateway: usize, owner: Owner) {
        let entry = &mut self.gateways[gateway];
        if entry.owner != owner {
            return;
        }
        entry.is_counting = false;
        let counts = std::mem::take(&mut entry.counts);
        entry.counted += 1;
        let id = counts_id(gateway, entry.incarnation, entry.counted);
        entry.counts_on_their_way.insert(entry.counted, counts.clone());
        let number = entry.counted;
        let changes = counts.into_iter().map(|(message, count)| (message, Tally::of_feed(count))).collect();
        let weak = self.weak.clone();
        self.call(gateway, async move {
            let body = v1::encode(&FeedCounts { id, changes });
            while weak.send(QueueName::Receipts, vec![Outgoing::now(body.clone())]).await.is_err() {
                weak.sleep(200).await;
            }
            Done::Counted(number)
        });
    }

    /// What a gateway that ends has not made durable, or does not know to be: it may be counted or not.
    pub(super) fn lose_counts(&mut self, gateway: usize) {
        let entry = &mut self.gateways[gateway];
        let lost =
            std::mem::take(&mut entry.counts_on_their_way).into_values().chain([std::mem::take(&mut entry.counts)]);
        let lost: Vec<BTreeMap<_, _>> = lost.collect();
        entry.is_counting = false;
        let mut state = self.state();
        for (message, count) in lost.into_iter().flatten() {
            *state.feeds.in_flight.entry(message).or_insert(0) += count;
            state.coverage.hit("feed", "counts end with their gateway");
        }
    }
}

fn counts_id(gateway: usize, incarnation: u64, number: u64) -> BatchId {
    let fields: [&[u8]; 3] = [&gateway.to_be_bytes(), &incarnation.to_be_bytes(), &number.to_be_bytes()];
    BatchId::from_bytes(derive_id("simulated feed counts", &fields))
}
