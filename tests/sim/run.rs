//! One run: a world is built, lives through its plan, comes to rest, and is looked at.

use std::cell::Cell;
use std::rc::Rc;

use homing_credentials::member_key;
use homing_domain::limits::{LEASE_RENEW_EVERY, LEASE_VALID_FOR};
use homing_domain::mailbox::Mailbox;
use homing_domain::{
    AlertSettings, App, AppId, Device as DirectoryDevice, DeviceId, DeviceProfile, EventSettings, MemberKey,
    MemberKind, Message, Platform, Preferences, QuietHours, Stage, UnixMillis, UploadedAudience, UpstreamRoute,
    VendorToken,
};
use homing_ports::QueueName;
use homing_tests::weak::{Coverage, Executor, Faults, Random, Weak, Weakness};

use crate::agenda::{Agenda, Event};
use crate::device::Device;
use crate::gateway::Gateway;
use crate::mutant::Mutant;
use crate::oracle::{DEVICES_ON_LIST, users_on_list};
use crate::plan::{BURSTS_MAX, LIST_OF_DEVICES, LIST_OF_USERS, Plan, TAGS, ZONES};
use crate::stages::Worker;
use crate::wire::Wires;
use crate::world::{LeasePace, World};

/// Devices of a world.
const DEVICES: usize = 3;
/// Gateways of a world.
const GATEWAYS: usize = 2;
/// Rounds until every message is closed: an hour after 20 minutes of life, and some.
const CLOSE_ROUNDS: usize = 30;
const CLOSE_ROUND: u64 = 300_000;
/// Rounds until every recall is: each lives for three days, since a device may show for so long what is taken back.
const LONG_CLOSE_ROUNDS: usize = 20;
const LONG_CLOSE_ROUND: u64 = 4 * 3_600_000;
/// Between two looks at the queues.
const DRAIN_ROUND: u64 = 10_000;
/// Rounds of a minute until nothing is held any more: the longest hold is a quarter of an hour and some.
const HOLD_ROUNDS: u32 = 45;
/// Life of the mailboxes.
const EPOCH: u64 = 1;

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) violations: Vec<String>,
    pub(crate) coverage: Coverage,
    pub(crate) trace: Vec<String>,
    pub(crate) steps: u64,
    pub(crate) plan: Plan,
}

/// Runs one world.
pub(crate) fn run(seed: u64, mutant: Option<Mutant>, with_trace: bool) -> Outcome {
    let mut world = build(seed, mutant, with_trace);
    let plan = world.plan;
    world.live();
    let mut state = world.state();
    let violations = std::mem::take(&mut state.check.violations);
    let trace = state.trace.take().unwrap_or_default();
    drop(state);
    Outcome { violations, coverage: world.coverage(), trace, steps: world.steps, plan }
}

const fn weakness_of(mutant: Option<Mutant>) -> Weakness {
    match mutant {
        Some(Mutant::DuplicateWithoutHandOff) => Weakness::DuplicateWithoutRoute,
        Some(Mutant::HandOffBeforeCommit) => Weakness::EnqueueForgets,
        Some(Mutant::TrimWithoutFence) => Weakness::TrimWithoutFence,
        Some(Mutant::OverflowOfAcknowledged) => Weakness::OverflowOfSeen,
        Some(Mutant::BareCounterAdd) => Weakness::BareCounterAdd,
        Some(Mutant::TakeoverWithoutFence) => Weakness::TakeoverWithoutFence,
        Some(Mutant::RecallOfSeen) => Weakness::WithdrawOfSeen,
        Some(Mutant::SendForgets) => Weakness::SendForgets,
        Some(Mutant::GiveUpForgets) => Weakness::GiveUpForgets,
        Some(Mutant::OverdueWithoutScheduled) => Weakness::OverdueWithoutScheduled,
        Some(Mutant::OverdueWithoutReleased) => Weakness::OverdueWithoutReleased,
        Some(Mutant::TickReleasesEarly) => Weakness::TimeHidden,
        Some(Mutant::OverdueWithoutHolds) => Weakness::OverdueWithoutHolds,
        Some(Mutant::HaltUnnoticed) => Weakness::FlowHidden,
        Some(Mutant::ExclusionIgnored) => Weakness::ExclusionHidden,
        Some(Mutant::UserSinceIgnored) => Weakness::UserSinceHidden,
        Some(Mutant::RefusalIgnored) => Weakness::RefusalHidden,
        Some(Mutant::HoldIgnored) => Weakness::HoldHidden,
        Some(Mutant::HoldForgotten) => Weakness::HoldForgets,
        Some(Mutant::WithdrawForgotten) => Weakness::WithdrawForgets,
        Some(Mutant::FeedOverwrites) => Weakness::FeedOverwrites,
        Some(Mutant::ClaimForgets) => Weakness::ClaimForgets,
        Some(Mutant::ClaimOfEnded) => Weakness::ClaimOfEnded,
        Some(Mutant::ClaimWithoutPast) => Weakness::ClaimWithoutPast,
        Some(Mutant::LostAnswerIsLater) => Weakness::LostAnswerIsLater,
        _ => Weakness::None,
    }
}

fn build(seed: u64, mutant: Option<Mutant>, with_trace: bool) -> World {
    let weak = Weak::new(seed);
    let mut random = Random::new(seed.wrapping_mul(0x9e37_79b9).wrapping_add(1));
    let mut plan = Plan::draw(&mut random);
    if let Some(mutant) = mutant {
        plan.favour(mutant);
    }
    {
        let mut state = weak.lock();
        state.faults = plan.faults;
        state.weakness = weakness_of(mutant);
        state.trace = with_trace.then(Vec::new);
    }
    let mut world = World {
        executor: Executor::new(weak.clone()),
        weak,
        random,
        plan,
        mutant,
        agenda: Agenda::default(),
        answers: Rc::default(),
        wires: Wires::default(),
        gateways: (0..GATEWAYS).map(Gateway::new).collect(),
        devices: Vec::new(),
        requests: Vec::new(),
        errands: Vec::new(),
        workers: Worker::all(),
        app: "demo".parse().expect("an app id"),
        pace: Rc::new(LeasePace { every: Cell::new(LEASE_RENEW_EVERY), valid_for: Cell::new(LEASE_VALID_FOR) }),
        is_resting: false,
        rests_since: None,
        operations: plan.operations,
        bursts: BURSTS_MAX,
        steps: 0,
        next_owner: 0,
    };
    for index in 0..DEVICES {
        world.register(index);
    }
    for gateway in 0..GATEWAYS {
        world.after(0, Event::StartGateway(gateway));
    }
    world.upload_lists();
    let app = app(&world.app, plan.asks_for_events);
    world.state().settings.apps.insert(app.id.clone(), app);
    for worker in 0..world.workers.len() {
        world.after(0, Event::StartWorker(worker));
    }
    world.after(200, Event::Operate);
    world
}

fn app(id: &AppId, asks_for_events: bool) -> App {
    App {
        id: id.clone(),
        name: id.to_string(),
        server_keys: Vec::new(),
        client_key: [0; 32],
        quota_per_second: None,
        heartbeat: None,
        events: EventSettings { message_completed: asks_for_events, presence: false },
        upstream: UpstreamRoute::Poll,
        alerts: AlertSettings::default(),
        created_at: Weak::START,
        revision: 1,
    }
}

impl World {
    /// A device registers: its mailbox and its row are there before anything else happens.
    fn register(&mut self, index: usize) {
        let mut bytes = [0; 16];
        bytes[0] = u8::try_from(index).expect("few devices") * 80;
        bytes[15] = u8::try_from(index).expect("few devices") + 1;
        let id = DeviceId::from_bytes(bytes);
        let user = ["ada", "ada", "bo"][index].parse::<homing_domain::UserId>().expect("a user id");
        let vendor = self.plan.vendor_token.filter(|_| index == 2).map(|token| VendorToken {
            channel: "fcm".to_owned(),
            token: token.to_owned(),
            since: self.now(),
        });
        let mut mailbox = Mailbox::new(self.app.clone(), EPOCH, 1, Some(user.hash()));
        mailbox.has_vendor = vendor.is_some();
        let now = self.now();
        let mut row = DirectoryDevice {
            id,
            app: self.app.clone(),
            profile: DeviceProfile {
                platform: Platform::Android,
                brand: None,
                model: None,
                os_version: None,
                app_version: None,
                locale: None,
                timezone: Some(ZONES[index].to_owned()),
                notifications_enabled: !(index == 2 && self.plan.has_notifications_off),
            },
            vendor,
            user: Some(user),
            tags: TAGS[index].iter().map(|tag| (*tag).to_owned()).collect(),
            epoch: EPOCH,
            key_id: 1,
            credential_generation: 1,
            created_at: now,
            updated_at: now,
            revision: 0,
            lanes: Vec::new(),
            user_since: None,
            preferences: self.preferences(index),
            seen_at: now,
        };
        // Long ago.
        row.note_lane(UnixMillis(0));
        let mut state = self.state();
        state.mailboxes.insert(id, mailbox);
        state.devices.rows.insert(id, row);
        drop(state);
        self.devices.push(Device::new(index, id, EPOCH));
        let delay = self.random.below(2_000);
        self.after(delay, Event::StartDevice(index));
    }

    /// Lists of users and of devices that were uploaded before the world began.
    fn upload_lists(&mut self) {
        let users = users_on_list().map(|user| (member_key(&user), Some(user)));
        let devices = DEVICES_ON_LIST.map(|index| (MemberKey::of_device(&self.devices[index].id), None));
        let mut state = self.weak.lock();
        for (id, kind) in [(LIST_OF_USERS, MemberKind::Users), (LIST_OF_DEVICES, MemberKind::Devices)] {
            let list = UploadedAudience {
                id,
                app: self.app.clone(),
                name: None,
                kind,
                created_at: Weak::START,
                expires_at: UnixMillis::NEVER,
                members: Some(2),
            };
            state.audiences.rows.insert(id, list);
        }
        let of_users = users.into_iter().map(|(key, user)| ((LIST_OF_USERS, key), user));
        let of_devices = devices.into_iter().map(|(key, user)| ((LIST_OF_DEVICES, key), user));
        state.audiences.members.extend(of_users.chain(of_devices));
    }

    /// Quiet hours begin and end soon after the world does.
    fn preferences(&self, index: usize) -> Preferences {
        // 08:00 in London is half past one in India.
        let quiet = QuietHours { start: 13 * 60 + 30, end: 13 * 60 + 33 };
        Preferences {
            quiet_hours: (index == 1 && self.plan.has_quiet_hours).then_some(quiet),
            opted_out: if index == 0 && self.plan.has_opt_out { vec!["news".to_owned()] } else { Vec::new() },
        }
    }

    /// Through the plan, to rest, and to the last look.
    fn live(&mut self) {
        while self.operations > 0 && self.is_sound() {
            let until = self.now().plus(10_000);
            self.run_until(until);
        }
        self.run_for(2_000);
        self.last_crashes();
        self.run_for(7_000);
        if self.plan.loses_a_device {
            self.crash_device(0);
            self.devices[0].is_lost = true;
            self.hit("device", "is lost for ever");
        }
        self.calm_down();
        self.resume_all();
        self.come_back();
        self.run_for(10_000);
        if self.plan.rejoins {
            self.last_takeovers();
            self.run_for(8_000);
            self.state().faults = Faults::NONE;
        }
        self.rests_since = Some(self.now());
        self.run_for(110_000);
        self.drain_queues();
        if self.plan.notices_are_reliable {
            self.check_prompt();
        }
        self.end_holds();
        self.leave_and_return();
        self.run_for(90_000);
        self.drain_queues();
        self.check_feed();
        if self.plan.closes {
            self.close_all();
            self.check_closed();
            if self.plan.loses_a_device && self.plan.comes_back {
                self.hit("device", "comes back after the close");
                self.devices[0].is_lost = false;
                self.start_device(0);
                self.run_for(120_000);
                self.drain_queues();
            }
        }
        if self.is_sound() {
            self.check_end();
        }
    }

    fn is_sound(&self) -> bool {
        self.state().check.violations.is_empty()
    }

    fn run_for(&mut self, span: u64) {
        let until = self.now().plus(span);
        self.run_until(until);
    }

    /// Nobody stays away any longer.
    fn come_back(&mut self) {
        let now = self.now();
        for gateway in &self.gateways {
            gateway.cut_off_until.set(now);
        }
        for device in 0..self.devices.len() {
            self.devices[device].away_until = now;
            let life = self.devices[device].life;
            if self.devices[device].is_on && !self.devices[device].is_connected() {
                self.after(10, Event::Connect(device, life));
            }
        }
    }

    /// Until the stages have nothing left to do.
    fn drain_queues(&mut self) {
        for _ in 0..60 {
            let left: usize = {
                let state = self.state();
                let soon = state.now.plus(DRAIN_ROUND);
                // A timer may be hours ahead.
                let ticks = usize::from(state.queues.next_visible(QueueName::Due).is_some_and(|at| at <= soon));
                let queues = [QueueName::Audience, QueueName::Dispatch, QueueName::Receipts];
                ticks + queues.into_iter().map(|queue| state.queues.waiting_items(queue)).sum::<usize>()
            };
            if left == 0 || !self.is_sound() {
                return;
            }
            self.run_for(DRAIN_ROUND);
        }
        self.violated("the queues do not drain".to_owned());
    }

    /// Until nothing waits for its time any more: the timer of the last hold may be lost, and the sweep comes later.
    fn end_holds(&mut self) {
        for _ in 0..HOLD_ROUNDS {
            if !self.is_sound() || self.held_message().is_none() {
                return;
            }
            self.hit("hold", "outlives the plan");
            self.run_for(60_000);
            self.drain_queues();
        }
        if let Some(message) = self.held_message() {
            let Message { id, stage, holds, release_at, .. } = message;
            self.violated(format!("{id} is held for ever: {stage}, until {holds:?} or {release_at:?}"));
        }
    }

    /// A message of which something waits for its time.
    fn held_message(&self) -> Option<Message> {
        let is_waiting = |message: &&Message| match message.stage {
            Stage::Scheduled => true,
            Stage::Releasing | Stage::Released => !message.holds.is_empty(),
            _ => false,
        };
        self.state().messages.rows.values().find(is_waiting).cloned()
    }

    /// Every device leaves, long enough to be given up, and comes back.
    fn leave_and_return(&mut self) {
        let away = self.now().plus(45_000);
        for device in 0..self.devices.len() {
            self.devices[device].away_until = away;
            for wire in self.wires.of_device(device) {
                self.wires.cut(wire);
                self.after(50, Event::Over(wire, crate::wire::End::Device));
                self.after(100, Event::Over(wire, crate::wire::End::Gateway));
            }
        }
        self.last_broadcasts();
        self.run_for(5_000);
        self.state().faults = Faults::NONE;
        self.run_for(35_000);
        self.check_given_up();
        self.run_for(20_000);
        self.come_back();
        self.run_for(30_000);
    }

    /// Goes on until the last message is closed; leases are renewed seldom, for nothing else happens.
    fn close_all(&mut self) {
        self.pace.every.set(1_500_000);
        self.pace.valid_for.set(4_500_000);
        let rounds = [CLOSE_ROUND; CLOSE_ROUNDS].into_iter().chain([LONG_CLOSE_ROUND; LONG_CLOSE_ROUNDS]);
        for round in rounds {
            if self.open_messages() == 0 || !self.is_sound() {
                break;
            }
            self.run_for(round);
        }
        let open = self.open_messages();
        if self.is_sound() && open > 0 {
            self.violated(format!("{open} messages are never completed"));
        }
        self.drain_queues();
    }

    /// Messages of which something is still to come.
    fn open_messages(&self) -> usize {
        self.state()
            .messages
            .rows
            .values()
            .filter(|message| !matches!(message.stage, Stage::Completed | Stage::Cancelled))
            .count()
    }
}
