//! Broadcasts that went by the feed: whoever was to get them has them, nobody else has, and they are counted as the gateways
//! heard of them.

use homing_domain::{
    Channel, Counter, Device, DeviceId, Fact, Flow, Lane, Message, MessageId, Millis, Stage, Tally, UnixMillis,
};
use homing_wire::FactKind;

use crate::world::World;

/// How long a stop takes from the feed to every gateway, with faults: a hint that is lost, and reads by the clock that fail.
const STOP_TAKES_WITH_FAULTS: Millis = 130_000;
/// And without: one read by the clock.
const STOP_TAKES: Millis = 40_000;
/// How long a broadcast takes to every device that is there, with faults.
const BROADCAST_TAKES: Millis = 90_000;

impl World {
    /// A gateway brings a device something of the feed.
    pub(crate) fn check_feed_push(&mut self, id: DeviceId, message: MessageId, now: UnixMillis) {
        let state = self.state();
        let row = state.messages.rows.get(&message).cloned();
        let subject = row.as_ref().and_then(|row| row.recalls).and_then(|recalled| state.messages.rows.get(&recalled));
        let subject = subject.cloned().or(row);
        let device = state.devices.rows.get(&id).cloned();
        let stopped_at = state.feeds.stopped_at.get(&message).copied();
        drop(state);
        if let (Some(subject), Some(device)) = (subject, device)
            && subject.lane_of(&device) != Lane::Feed
        {
            self.violated(format!("{message} comes to {id} by the feed, and its way is pages"));
        }
        let known_at = match self.rests_since {
            Some(since) => stopped_at.map(|at| at.max(since).plus(STOP_TAKES)),
            None => stopped_at.map(|at| at.plus(STOP_TAKES_WITH_FAULTS)),
        };
        if known_at.is_some_and(|known_at| now > known_at) {
            self.violated(format!("{message} comes to {id} by the feed, and it was stopped long ago"));
        }
    }

    /// Whoever is there has every broadcast that lives.
    pub(crate) fn check_feed(&mut self) {
        let now = self.now();
        let state = self.state();
        let messages: Vec<Message> = state.messages.rows.values().cloned().collect();
        let rows: Vec<Device> = state.devices.rows.values().cloned().collect();
        drop(state);
        let mut faults = Vec::new();
        for message in messages.iter().filter(|message| is_out(message, now)) {
            let subject = match message.recalls {
                Some(recalled) => messages.iter().find(|other| other.id == recalled),
                None => Some(message),
            };
            // Whoever was of an excluded user when it was asked for them may be of another by now.
            let Some(subject) = subject.filter(|subject| subject.exclude.users.is_empty()) else { continue };
            for device in rows.iter().filter(|device| subject.rendering_in_feed(device).is_some()) {
                self.hit("check", "a device has its broadcasts");
                if !self.has_from_feed(message, subject, device.id) {
                    faults.push(format!("{} is in the feed, and {} has not got it", message.id, device.id));
                }
            }
        }
        faults.into_iter().for_each(|fault| self.violated(fault));
    }

    fn has_from_feed(&self, message: &Message, subject: &Message, id: DeviceId) -> bool {
        let device = self.devices.iter().find(|device| device.id == id);
        device.is_none_or(|device| {
            let log = &device.log;
            let is_excused = device.is_lost || device.is_deregistered || log.before_restore.contains(&message.id);
            let has_it = if message.recalls.is_some() {
                // It is taken back wherever it came, and does not come any more.
                log.taken_back.contains(&subject.id) || log.before_restore.contains(&subject.id)
            } else {
                log.shown.contains_key(&message.id) || log.taken_back.contains(&message.id)
            };
            is_excused || has_it
        })
    }

    /// The part of a message's numbers that gateways counted: as many as they heard of, but for those that died with one.
    pub(super) fn check_feed_counts(&self, message: &Message, counted: i64, faults: &mut Vec<String>) -> Tally {
        let state = self.state();
        let heard = state.feeds.acknowledged.get(&message.id).copied().unwrap_or(0);
        let lost = state.feeds.in_flight.get(&message.id).copied().unwrap_or(0);
        drop(state);
        let possible = i64::from(heard.saturating_sub(lost))..=i64::from(heard);
        if !possible.contains(&counted) {
            faults.push(format!("{}: {counted} by the feed are counted, {heard} heard of, {lost} lost", message.id));
        }
        Tally::of_feed(u32::try_from(counted).unwrap_or(0))
    }

    /// Rows of devices that got it by the feed tell what people did with it, and no end.
    pub(super) fn check_feed_rows(&self, message: &Message, targets: &[DeviceId], faults: &mut Vec<String>) -> Tally {
        let state = self.state();
        let rows = state.ledger.rows.iter().filter(|((of, device), _)| *of == message.id && !targets.contains(device));
        let mut facts = Tally::default();
        for ((_, id), row) in rows {
            if message.feed_after.is_none() || row.stage != Stage::Pending {
                faults.push(format!("{}: a row for {id}, which is no target, {}", message.id, row.stage));
            }
            let log = self.devices.iter().find(|device| device.id == *id).map(|device| &device.log);
            let kinds = [
                (row.displayed, Fact::Displayed, FactKind::Displayed),
                (row.opened, Fact::Opened, FactKind::Opened),
                (row.dismissed, Fact::Dismissed, FactKind::Dismissed),
            ];
            super::add_steps(row, &mut facts);
            for (_, fact, kind) in kinds.into_iter().filter(|(recorded, ..)| recorded.is_some()) {
                facts.add(Counter::Fact(Channel::Own, fact), 1);
                if !log.is_some_and(|log| log.facts.contains(&(message.id, kind))) {
                    faults.push(format!("{} for {id} is {} and nobody did that", message.id, fact.name()));
                }
            }
        }
        facts
    }
}

/// Whether it has been in the feed for so long that every device that is there has it.
fn is_out(message: &Message, now: UnixMillis) -> bool {
    message.feed_after.is_some()
        && message.control.flow == Flow::Running
        && message.expires_at > now
        && message.releasing_at.is_some_and(|began_at| now.since(began_at) > BROADCAST_TAKES)
}
