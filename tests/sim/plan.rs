//! What happens in a world: drawn from its seed before it begins, and step by step after that.

mod audience;
mod operator;

use bytes::Bytes;
use homing_domain::{
    Audience, DeliveryPolicy, GatewayRef, MessageChange, Millis, Notice, Options, Priority, QuietHoursPolicy,
};
use homing_ports::{Notices, QueueName};
use homing_tests::weak::Faults;

pub(crate) use self::audience::{LIST_OF_DEVICES, LIST_OF_USERS, TAGS, ZONES, user};
use crate::agenda::Event;
use crate::errand::Wish;
use crate::mutant::Mutant;
use crate::publisher::Draft;
use crate::world::World;

/// Bursts of a world. A device remembers 256 message ids: what is repeated after more than that many newer messages comes
/// twice, and that is a limit of the design, not a fault. So no device gets more in one world.
pub(crate) const BURSTS_MAX: u32 = 2;

/// A device that is deregistered has so many operations after it.
const DEREGISTERED_BEFORE_END: u32 = 15;

/// Calls of a thousand that fail and took effect all the same, and calls that are slow, where they are to be many.
const FAILS_OFTEN: u32 = 100;
const SLOW_OFTEN: u32 = 300;
/// A world where much happens at once.
const OPERATIONS_OF_MANY: u32 = 95;
const PAUSE_OF_MANY: Millis = 300;

/// The character of a world.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) operations: u32,
    /// Notices are neither lost nor swallowed: a live device must get everything soon.
    pub(crate) notices_are_reliable: bool,
    /// A device that is lost for ever at the end: the close job has work to do.
    pub(crate) loses_a_device: bool,
    /// The lost device comes back after all, once its messages are closed.
    pub(crate) comes_back: bool,
    /// Goes on until every message is closed.
    pub(crate) closes: bool,
    /// Mean pause between two operations.
    pub(crate) pause: Millis,
    pub(crate) faults: Faults,
    /// One device is deregistered on the way.
    pub(crate) deregisters: bool,
    /// Ends with takeovers instead of crashes.
    pub(crate) rejoins: bool,
    /// The app asks to be told of completed messages.
    pub(crate) asks_for_events: bool,
    /// Gateways crash seldom, so that links live long.
    pub(crate) is_stable: bool,
    /// One device has quiet hours that end after some minutes: what is for it waits.
    pub(crate) has_quiet_hours: bool,
    /// A person does not let the app show notifications.
    pub(crate) has_notifications_off: bool,
    /// A person does not want one topic.
    pub(crate) has_opt_out: bool,
    /// The token that one device has at its vendor.
    pub(crate) vendor_token: Option<&'static str>,
}

impl Plan {
    /// Draws one.
    pub(crate) fn draw(random: &mut homing_tests::weak::Random) -> Self {
        let notices_are_reliable = random.per_mille(500);
        let mut faults = Faults::ROUGH;
        if notices_are_reliable {
            faults.notice_lost = 0;
        }
        if random.per_mille(100) {
            faults = Faults::NONE;
        } else if random.per_mille(200) {
            faults.slow = 300;
        }
        let loses_a_device = random.per_mille(120);
        Self {
            operations: u32::try_from(random.between(40, 95)).expect("small"),
            notices_are_reliable,
            loses_a_device,
            comes_back: random.per_mille(500),
            closes: loses_a_device || random.per_mille(150),
            pause: [60, 300, 900, 2_000][random.index(4)],
            faults,
            deregisters: random.per_mille(100),
            rejoins: random.per_mille(400),
            is_stable: random.per_mille(400),
            asks_for_events: random.per_mille(500),
            has_quiet_hours: random.per_mille(120),
            has_notifications_off: random.per_mille(150),
            has_opt_out: random.per_mille(250),
            vendor_token: [None, Some("good"), Some("good"), Some("invalid")][random.index(4)],
        }
    }
}

impl Plan {
    /// Makes a world one in which a mutant that few worlds show has a chance.
    pub(crate) fn favour(&mut self, mutant: Mutant) {
        match mutant {
            // Nearly every page of a dispatch is to meet a call that took effect and failed, and so a repeat.
            Mutant::DuplicateWithoutHandOff => {
                self.end_soon();
                self.rejoins = false;
                self.faults.fail_after = FAILS_OFTEN;
            }
            Mutant::SessionRegisteredAfterTakeover => {
                self.end_soon();
                self.rejoins = true;
            }
            // Bindings change between two pages of one message: many of both, at once, and slow ones.
            Mutant::UserSinceIgnored => {
                self.operations = OPERATIONS_OF_MANY;
                self.pause = PAUSE_OF_MANY;
                self.faults.slow = SLOW_OFTEN;
            }
            _ => {}
        }
    }

    /// What was left out the next message or the next link makes good: only a world shows it that ends soon after, with links
    /// that live on.
    const fn end_soon(&mut self) {
        self.operations /= 4;
        self.is_stable = true;
        self.loses_a_device = false;
        self.closes = false;
        self.notices_are_reliable = true;
        self.faults.notice_lost = 0;
    }
}

/// A silent message that nobody's wishes hold up.
fn plain() -> Options {
    Options { silent: true, quiet_hours: QuietHoursPolicy::Ignore, ..Options::default() }
}

impl World {
    /// The next operation, and the time of the one after it.
    pub(crate) fn operate(&mut self) {
        if self.operations == 0 {
            return;
        }
        self.operations -= 1;
        if self.plan.deregisters && self.operations == DEREGISTERED_BEFORE_END {
            self.devices[2].is_deregistered = true;
            let id = self.devices[2].id;
            self.errand(Wish::Deregister(id));
        }
        let pause = self.plan.pause;
        let mut next = self.random.below(2 * pause);
        // Now and then long enough for a detach, an expiry, or a closed link.
        if self.random.per_mille(25) {
            next += self.random.between(30_000, 70_000);
        }
        self.after(next, Event::Operate);
        if self.random.per_mille(120) {
            return self.control_something();
        }
        let device = self.random.index(self.devices.len());
        let gateway = self.random.index(self.gateways.len());
        match self.random.below(100) {
            0..46 => self.publish_something(device),
            46..48 if self.bursts > 0 => self.burst(device),
            48..56 => self.break_a_link(device),
            56..62 => self.crash_device(device),
            62..64 if !self.plan.is_stable => self.crash_gateway(gateway),
            64..65 => self.drain_gateway(gateway),
            65..69 => self.stay_away(device),
            69..74 => self.bind_something(device),
            74..76 => self.change_vendor(),
            76..83 => self.recall_something(),
            83..87 => self.roam(device),
            87..90 => self.upload(device),
            90..92 => self.back_up_or_restore(device),
            92..93 => self.notify_all(Notice::HeartbeatChanged),
            93..94 => self.notify_gateway(gateway, Notice::Drain { spread: 1_000 }),
            94..97 => self.send_poison(),
            97..99 => self.cut_off(gateway),
            _ => {}
        }
    }

    /// Workers die with messages under way: the last moment before the world comes to rest, so that nothing that happens
    /// later repairs what goes wrong here.
    pub(crate) fn last_crashes(&mut self) {
        if self.plan.faults != Faults::NONE {
            let mut state = self.state();
            state.faults.slow = 150;
            state.faults.crash = 15;
        }
        self.salvo(600);
    }

    /// Devices take over, slowly, while messages for them are under way.
    pub(crate) fn last_takeovers(&mut self) {
        let mut state = self.state();
        state.faults.slow = 300;
        state.faults.slow_for = 3_000;
        drop(state);
        self.salvo(1_500);
    }

    /// Broadcasts at one moment, while nobody is there; one of them is stopped before anybody comes back.
    pub(crate) fn last_broadcasts(&mut self) {
        // Slow enough for two to want the same place in the feed; and gateways have to find out by themselves.
        let mut state = self.state();
        state.faults.slow = 500;
        state.faults.slow_for = 300;
        state.faults.notice_lost = 300;
        drop(state);
        for _ in 0..3 {
            let options = Options { ttl_seconds: 900, ..plain() };
            let delay = self.random.below(10);
            self.request(Draft::new(Audience::All, options, Bytes::from_static(b"last")), delay);
        }
        if let Some(request) = self.requests.last() {
            self.errand_after(2_000, Wish::Change(request.id, MessageChange::Abort));
        }
    }

    fn salvo(&mut self, within: Millis) {
        for device in 0..self.devices.len() {
            let id = self.devices[device].id;
            self.roam(device);
            let delay = self.random.below(within);
            let options = Options { ttl_seconds: 900, priority: Priority::High, ..plain() };
            self.request(Draft::new(Audience::Devices(vec![id]), options, Bytes::from_static(b"salvo")), delay);
        }
    }

    fn options(&mut self) -> Options {
        let ttl_seconds = match self.random.below(20) {
            0..2 => 0,
            2..4 => u32::try_from(self.random.between(1, 4)).expect("small"),
            4..7 => u32::try_from(self.random.between(5, 60)).expect("small"),
            _ => u32::try_from(self.random.between(300, 1_200)).expect("small"),
        };
        let collapse_key = self.random.per_mille(150).then(|| format!("k{}", self.random.below(2)));
        let priority = [Priority::Low, Priority::Normal, Priority::High][self.random.index(3)];
        let topic = self.random.per_mille(150).then(|| "news".to_owned());
        let quiet_hours = QuietHoursPolicy::ALL[self.random.index(3)];
        let (silent, sync_read) = (self.random.per_mille(300), self.random.per_mille(200));
        let fallback_after = [1_000, 10_000][self.random.index(2)];
        let delivery = match self.random.below(16) {
            0..3 => DeliveryPolicy::OwnOnly,
            3 => DeliveryPolicy::VendorOnly,
            4..7 => DeliveryPolicy::Fallback { fallback_after },
            _ => DeliveryPolicy::OnlineFirst { fallback_after },
        };
        let rate_per_second = None;
        Options {
            ttl_seconds,
            priority,
            collapse_key,
            topic,
            quiet_hours,
            silent,
            sync_read,
            rate_per_second,
            delivery,
        }
    }

    fn payload(&mut self) -> Bytes {
        let size = if self.random.per_mille(150) { 600 } else { 20 };
        Bytes::from(vec![b'x'; size])
    }

    fn publish_something(&mut self, device: usize) {
        let (options, payload) = (self.options(), self.payload());
        let mut draft = Draft::new(Audience::Devices(vec![self.devices[device].id]), options, payload);
        draft.audience = self.audience(device);
        if draft.audience.segments() > 1 {
            draft.options.rate_per_second = self.rate();
        }
        draft.exclude = self.exclusion();
        (draft.schedule, draft.release_at) = self.schedule();
        let delay = self.random.below(20);
        self.request(draft, delay);
    }

    /// Something that no stage can read.
    fn send_poison(&mut self) {
        let queues = [QueueName::Due, QueueName::Audience, QueueName::Dispatch, QueueName::Receipts, QueueName::Close];
        let queue = queues[self.random.index(queues.len())];
        let body = Bytes::from(format!("poison {}", self.operations));
        self.state().check.poisons.insert((queue, body.clone()));
        self.errand(Wish::Send(queue, body));
    }

    /// More than a mailbox holds, for a device that is away as often as not.
    fn burst(&mut self, device: usize) {
        self.hit("plan", "burst");
        self.bursts -= 1;
        if self.random.per_mille(600) {
            self.stay_away(device);
            let span = self.random.between(45_000, 90_000);
            self.devices[device].away_until = self.now().plus(span);
            if self.random.per_mille(500) {
                // Long enough for the detach, so that an overflow may take what is unseen.
                self.burst_after(device, 35_000);
                return;
            }
        }
        self.burst_after(device, 0);
    }

    fn burst_after(&mut self, device: usize, delay: Millis) {
        let id = self.devices[device].id;
        for _ in 0..self.random.between(66, 80) {
            let options = Options { ttl_seconds: 900, ..plain() };
            let late = delay + self.random.below(3_000);
            self.request(Draft::new(Audience::Devices(vec![id]), options, Bytes::from_static(b"burst")), late);
        }
    }

    fn break_a_link(&mut self, device: usize) {
        for wire in self.wires.of_device(device) {
            self.hit("crash", "link breaks");
            self.cut(wire);
        }
    }

    /// A device is out of reach for a while.
    fn stay_away(&mut self, device: usize) {
        self.hit("device", "stays away");
        let span = self.random.between(1_000, 60_000);
        self.devices[device].away_until = self.now().plus(span);
        self.break_a_link(device);
    }

    fn bind_something(&mut self, device: usize) {
        let id = self.devices[device].id;
        let user = self.user_or_nobody();
        self.errand(Wish::Bind(id, user));
    }

    /// A device gets an address at its vendor, or loses it.
    fn change_vendor(&mut self) {
        let token = [None, Some("good")][self.random.index(2)];
        let device = self.devices[self.random.index(2)].id;
        self.errand(Wish::Report(device, token));
    }

    fn notify_all(&mut self, notice: Notice) {
        for gateway in 0..self.gateways.len() {
            self.notify_gateway(gateway, notice.clone());
        }
    }

    fn notify_gateway(&mut self, gateway: usize, notice: Notice) {
        let reference: GatewayRef = self.gateways[gateway].reference();
        let weak = self.weak.clone();
        self.executor.spawn(0, false, async move {
            drop(weak.notify(reference, vec![notice]).await);
        });
    }
}
