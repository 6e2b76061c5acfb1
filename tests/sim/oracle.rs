//! The last look: every message is accounted for, and the ledger says exactly what the apps' logs say.

mod feed;
mod series;
mod targets;

pub(crate) use self::targets::{DEVICES_ON_LIST, users_on_list};

use std::collections::BTreeSet;

use homing_domain::mailbox::EntryState;
use homing_domain::{
    Breakdown, BusEvent, Channel, Counter, Delivery, DeliveryPolicy, DeviceId, Fact, Message, Reason, Schedule, Stage,
    Step, Tally, Target,
};
use homing_wire::FactKind;

use crate::world::World;

/// What people did, whichever way the message came: the way may change after it.
fn of_any_channel(tally: &Tally) -> Tally {
    let mut merged = Tally::default();
    for (counter, number) in tally.iter() {
        match counter {
            Counter::Fact(_, fact) => merged.add(Counter::Fact(Channel::Own, fact), number),
            Counter::Sent(_) => merged.add(Counter::Sent(Channel::Own), number),
            counter => merged.add(counter, number),
        }
    }
    merged
}

/// How far a row came, and for what its device was.
fn add_steps(row: &Delivery, expected: &mut Tally) {
    let steps = [
        (row.sent.is_some(), Step::Sent),
        (row.stage == Stage::Delivered, Step::Delivered),
        (row.displayed.is_some(), Step::Displayed),
        (row.opened.is_some(), Step::Opened),
    ];
    for (_, step) in steps.into_iter().filter(|(came, _)| *came) {
        if step == Step::Sent {
            expected.add(Counter::Sent(Channel::Own), 1);
        }
        if let Some(about) = &row.about {
            expected.add(Counter::Of(Breakdown::Platform(about.platform), step), 1);
            expected.add(Counter::Of(Breakdown::Version(about.version), step), 1);
        }
    }
}

/// A live device of a gateway that hears every notice has a message after this at the latest.
const PROMPT: u64 = 60_000;

impl World {
    /// Where no notice is lost, nobody waits for a re-read.
    pub(crate) fn check_prompt(&mut self) {
        let now = self.now();
        for device in 0..self.devices.len() {
            let entry = &self.devices[device];
            if entry.connected_since.is_none_or(|since| now.since(since) < PROMPT) {
                continue;
            }
            let id = entry.id;
            let waits = {
                let state = self.state();
                state.mailboxes[&id]
                    .entries
                    .iter()
                    .find(|entry| {
                        entry.state == EntryState::Live
                            && now.since(entry.enqueued_at) > PROMPT
                            && entry.expires_at > now
                            && !state.check.told.contains(&(entry.message, id))
                    })
                    .map(|entry| entry.message)
            };
            self.hit("check", "a live device has everything");
            if let Some(message) = waits {
                self.violated(format!("{message} waits for device {device}, which is live and was never told"));
            }
        }
    }

    /// A device that left is given up while its gateway lives, else it looks live for ever.
    pub(crate) fn check_given_up(&mut self) {
        for device in 0..self.devices.len() {
            let id = self.devices[device].id;
            let route = self.state().mailboxes[&id].route;
            let lives = |route: &homing_domain::mailbox::Route| {
                self.gateways.iter().any(|gateway| gateway.is_up && gateway.reference() == route.gateway)
            };
            let is_stuck = route.filter(lives);
            self.hit("check", "a device that left is given up");
            if let Some(route) = is_stuck
                && self.devices[device].links.is_empty()
                && !self.devices[device].is_lost
            {
                self.violated(format!("device {device} left, and looks live at {} for ever", route.gateway));
            }
        }
    }

    /// A close never hides a loss: what it ended stands in its device's mailbox.
    pub(crate) fn check_closed(&mut self) {
        let mut hidden = Vec::new();
        let state = self.state();
        for ((message, device), row) in &state.ledger.rows {
            let is_transient = state.messages.rows.get(message).is_some_and(|row| row.options.ttl_seconds == 0);
            if row.reason != Some(Reason::Closed) || is_transient {
                continue;
            }
            let mailbox = state.mailboxes.get(device);
            let is_there = mailbox.is_some_and(|mailbox| mailbox.entries.iter().any(|entry| entry.message == *message));
            if !is_there {
                hidden.push(format!("{message} for {device} was closed: the close hides a loss"));
            }
        }
        drop(state);
        for what in hidden {
            self.violated(what);
        }
    }

    /// Everything is accounted for.
    pub(crate) fn check_end(&mut self) {
        let found = self.find_faults();
        for fault in found {
            self.violated(fault);
        }
    }

    fn find_faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let state = self.state();
        for (id, row) in &state.devices.rows {
            if state.mailboxes[id].user != row.user.as_ref().map(homing_domain::UserId::hash) {
                faults.push(format!("{id} is bound to {:?} in the directory, and to another in its mailbox", row.user));
            }
        }
        for (queue, letter) in state.queues.dead() {
            let is_poison = state.check.poisons.contains(&(queue, letter.body.clone()));
            if !is_poison || letter.reason.is_none() {
                faults.push(format!("a dead letter in {}: {:?}, {:?}", queue.name(), letter.body, letter.reason));
            }
        }
        for (queue, body) in &state.check.poisons {
            if !state.queues.dead().any(|(of, letter)| of == *queue && letter.body == *body) {
                faults.push(format!("{body:?} was given up in {}, and no dead letter tells of it", queue.name()));
            }
        }
        for request in self.requests.iter().filter(|request| request.is_answered) {
            if !state.messages.rows.contains_key(&request.id) {
                faults.push(format!("{} was answered 202 and is gone", request.id));
            }
        }
        let messages: Vec<Message> = state.messages.rows.values().cloned().collect();
        let upstreams: BTreeSet<(DeviceId, u64)> =
            state.upstreams.stored.iter().map(|stored| (stored.upstream.device, stored.upstream.id)).collect();
        drop(state);
        for message in &messages {
            self.check_message(message, &mut faults);
        }
        for device in &self.devices {
            for id in &device.settled_uploads {
                if !upstreams.contains(&(device.id, *id)) {
                    faults.push(format!("upstream message {id} of device {} was settled and is gone", device.index));
                }
            }
        }
        faults
    }

    fn check_message(&self, message: &Message, faults: &mut Vec<String>) {
        if let Schedule::Recurring(_) = message.schedule {
            return self.check_series(message, faults);
        }
        let state = self.state();
        if !matches!(message.stage, Stage::Released | Stage::Completed | Stage::Cancelled) {
            faults.push(format!("{} is still {}", message.id, message.stage));
            return;
        }
        if message.stage == Stage::Cancelled {
            let is_counted = state.ledger.tallies.get(&message.id).is_some_and(|tally| !tally.is_empty());
            if is_counted || state.ledger.rows.keys().any(|(of, _)| *of == message.id) {
                faults.push(format!("{} is cancelled, and somebody is targeted", message.id));
            }
            return;
        }
        let targets: Vec<Target> = state
            .messages
            .shards
            .iter()
            .filter(|((of, _), _)| *of == message.id)
            .flat_map(|(_, shard)| shard.targets.iter().copied())
            .collect();
        let tally = state.ledger.tallies.get(&message.id).cloned().unwrap_or_default();
        drop(state);
        self.check_targets(message, &targets, faults);
        self.check_told(message, targets.len(), faults);
        let by_feed = tally.get(Counter::Targeted) - i64::try_from(targets.len()).unwrap_or(i64::MAX);
        let mut expected = Tally::targeted(targets.len());
        expected.merge(&self.check_feed_counts(message, by_feed, faults));
        let devices: Vec<DeviceId> = targets.iter().map(|target| target.device).collect();
        expected.merge(&self.check_feed_rows(message, &devices, faults));
        for target in &targets {
            self.check_delivery(message, *target, &mut expected, faults);
        }
        let enumerated = tally.get(Counter::Enumerated);
        expected.add(Counter::Enumerated, enumerated);
        self.check_enumerated(message, enumerated, faults);
        if of_any_channel(&tally) != expected {
            faults.push(format!("{}: the numbers are {tally:?}, the rows say {expected:?}", message.id));
        }
    }

    /// An app that asked is told when a message is complete, with numbers that add up; one that did not is left alone.
    fn check_told(&self, message: &Message, targeted: usize, faults: &mut Vec<String>) {
        let state = self.state();
        let mut told = state.told.iter().filter_map(|event| match event {
            BusEvent::MessageCompleted { message: of, balance, .. } if *of == message.id => Some(*balance),
            _ => None,
        });
        let is_told = told.clone().next().is_some();
        // What takes back what was read elsewhere is nobody's message.
        let is_awaited = self.plan.asks_for_events && message.has_sender() && message.stage == Stage::Completed;
        if is_told && !is_awaited {
            faults.push(format!("{} is {}, and an event says that it is complete", message.id, message.stage));
        }
        if !is_told && is_awaited {
            faults.push(format!("{} is completed, and nobody was told", message.id));
        }
        // Somebody may get a broadcast after it was closed.
        let is_wrong = |of: i64| match usize::try_from(of) {
            Ok(of) if message.feed_after.is_some() => of < targeted,
            of => of != Ok(targeted),
        };
        if told.any(|balance| balance.pending != 0 || is_wrong(balance.targeted)) {
            faults.push(format!("{}: an event says other numbers than {targeted} targets, all ended", message.id));
        }
    }

    fn check_delivery(&self, message: &Message, target: Target, expected: &mut Tally, faults: &mut Vec<String>) {
        let device = self.devices.iter().find(|device| device.id == target.device);
        let shown = device.is_some_and(|device| device.log.shown.contains_key(&message.id));
        let is_deregistered = device.is_some_and(|device| device.is_deregistered);
        let is_lost = device.is_some_and(|device| device.is_lost) || is_deregistered;
        let is_transient = message.options.ttl_seconds == 0;
        let is_of_old_life = device.is_some_and(|device| device.log.before_restore.contains(&message.id));
        let state = self.state();
        let in_mailbox = state
            .mailboxes
            .get(&target.device)
            .is_some_and(|mailbox| mailbox.entries.iter().any(|entry| entry.message == message.id || entry.span > 1));
        let is_forgotten = state.check.forgotten.contains(&(message.id, target.device));
        let row = state.ledger.rows.get(&(message.id, target.device)).cloned();
        drop(state);
        let who = format!("{} for {}", message.id, target.device);
        let Some(row) = row else {
            // A lost device's messages wait in its mailbox; a lost hint about "now or never" is told by the close.
            if !(is_lost && in_mailbox || is_transient) || self.plan.closes {
                faults.push(format!("{who} is lost: no row, in the mailbox: {in_mailbox}, in the log: {shown}"));
            }
            return;
        };
        let kinds = [
            (row.displayed, Fact::Displayed, FactKind::Displayed),
            (row.opened, Fact::Opened, FactKind::Opened),
            (row.dismissed, Fact::Dismissed, FactKind::Dismissed),
        ];
        for (recorded, fact, kind) in kinds {
            if recorded.is_some() {
                expected.add(Counter::Fact(Channel::Own, fact), 1);
                if !device.is_some_and(|device| device.log.facts.contains(&(message.id, kind))) {
                    faults.push(format!("{who} is {} and nobody did that", fact.name()));
                }
            }
        }
        add_steps(&row, expected);
        if !row.stage.is_terminal() {
            if !(is_lost && in_mailbox || is_transient) || self.plan.closes {
                faults.push(format!("{who} is pending for ever, in the mailbox: {in_mailbox}, in the log: {shown}"));
            }
            return;
        }
        expected.add(Counter::Ended(row.channel, row.stage), 1);
        let is_with_vendor = self.state().vendors.taken.contains_key(&(message.id, target.device));
        let is_silent = row.reason == Some(Reason::VendorSilent);
        if row.stage == Stage::HandedOff && !is_with_vendor && !is_silent {
            faults.push(format!("{who} is handed off, and no vendor has it"));
        }
        if is_silent && message.options.delivery != DeliveryPolicy::VendorOnly {
            faults.push(format!("{who} is given up for its vendor's silence, and had a way of its own"));
        }
        if target.refusal.is_some() && row.reason != target.refusal {
            faults.push(format!("{who} is refused for {:?} and ended for {:?}", target.refusal, row.reason));
        }
        let shown = if message.recalls.is_some() { self.has_taken_back(message, target, &row) } else { shown };
        let agrees = (row.stage == Stage::Delivered) == shown;
        // "Now or never" leaves no trace in the mailbox, so its repeats and lost answers may say otherwise.
        let is_excused = row.reason == Some(Reason::Deregistered)
            || is_of_old_life
            || is_transient
            || is_forgotten
            // It may come at any time, or never.
            || is_with_vendor
            || is_lost && in_mailbox;
        if !agrees && !is_excused {
            faults.push(format!("{who} ended as {} {:?}, in the log: {shown}", row.stage, row.reason));
        }
        let may_be_closed = is_transient || is_deregistered || self.plan.loses_a_device;
        if row.reason == Some(Reason::Closed) && !may_be_closed {
            faults.push(format!("{who} was closed, and nobody was lost"));
        }
    }
}
