//! Exactly those are targeted whom the request named, and each with the fate that they wished for.

use std::collections::BTreeSet;

use homing_domain::{
    Audience, Delivery, Device, DeviceId, ENUMERATION_WHOLE, Exclusion, Flow, Lane, Message, QuietHoursPolicy, Reason,
    Stage, Target, UnixMillis, UserId,
};

use crate::plan::{LIST_OF_DEVICES, LIST_OF_USERS, user};
use crate::world::World;

/// Who is on the lists that were uploaded before the world began.
pub(crate) fn users_on_list() -> [UserId; 2] {
    [user("ada"), user("nobody")]
}

/// The devices on the list of devices: the first and the last.
pub(crate) const DEVICES_ON_LIST: [usize; 2] = [0, 2];

impl World {
    pub(super) fn check_targets(&self, message: &Message, targets: &[Target], faults: &mut Vec<String>) {
        let found: BTreeSet<DeviceId> = targets.iter().map(|target| target.device).collect();
        if found.len() != targets.len() {
            faults.push(format!("{} targets a device twice", message.id));
        }
        let (certain, possible) = self.wanted(message);
        let is_whole = !message.control.flow.is_stopped();
        if !found.is_subset(&possible) || is_whole && !certain.is_subset(&found) {
            let id = message.id;
            faults
                .push(format!("{id} targets {found:?} instead of {certain:?} to {possible:?}: {:?}", message.audience));
        }
        for target in targets {
            self.check_fate(message, target, faults);
        }
    }

    /// Who must be targeted, and who may be: whoever changes hands on the way may be the one or the other.
    fn wanted(&self, message: &Message) -> (BTreeSet<DeviceId>, BTreeSet<DeviceId>) {
        let now = self.now();
        let state = self.state();
        if let Audience::RecipientsOf(recalled) = &message.audience {
            // Pages that were being made while the recall was are stopped by dispatch.
            let shards = state.messages.shards.iter().filter(|((of, _), _)| of == recalled);
            let targets = shards.flat_map(|(_, shard)| shard.targets.iter().map(|target| target.device));
            return (BTreeSet::new(), targets.collect());
        }
        let mut certain: BTreeSet<DeviceId> = BTreeSet::new();
        let mut possible = BTreeSet::new();
        for device in state.devices.rows.values() {
            let (is_certain, is_possible) = self.is_in(&message.audience, device, now);
            if message.lane_of(device) == Lane::Feed {
                continue;
            }
            let (is_surely_out, may_be_out) = self.is_out(&message.exclude, device, now);
            if is_possible && !is_surely_out {
                possible.insert(device.id);
            }
            if is_certain && !may_be_out {
                certain.insert(device.id);
            }
        }
        drop(state);
        // Whoever was deregistered on the way was there before.
        for device in self.devices.iter().filter(|device| device.is_deregistered) {
            possible.insert(device.id);
            certain.remove(&device.id);
        }
        if let Audience::Devices(devices) = &message.audience {
            let strangers = devices.iter().filter(|id| self.devices.iter().all(|device| device.id != **id));
            strangers.for_each(|id| {
                certain.insert(*id);
                possible.insert(*id);
            });
        }
        (certain, possible)
    }

    /// Whether a device is in an audience for sure, and whether it may be.
    fn is_in(&self, audience: &Audience, device: &Device, now: UnixMillis) -> (bool, bool) {
        let sure = |is_in: bool| (is_in, is_in);
        match audience {
            Audience::All => sure(true),
            Audience::Devices(devices) => sure(devices.contains(&device.id)),
            Audience::Expression(expression) => sure(expression.holds_for(device, now)),
            Audience::Uploaded(list) if *list == LIST_OF_DEVICES => sure(self.is_on_list(device.id)),
            Audience::Uploaded(list) if *list == LIST_OF_USERS => is_of(device, &users_on_list()),
            Audience::Users(users) => is_of(device, users),
            Audience::Uploaded(_) | Audience::RecipientsOf(_) => sure(false),
        }
    }

    /// Whether a device is excluded for sure, and whether it may be.
    fn is_out(&self, exclude: &Exclusion, device: &Device, now: UnixMillis) -> (bool, bool) {
        let is_named = exclude.devices.contains(&device.id)
            || exclude.expression.as_ref().is_some_and(|expression| expression.holds_for(device, now))
            || exclude.uploaded == Some(LIST_OF_DEVICES) && self.is_on_list(device.id);
        let (of_user, may_be_of_user) =
            if exclude.users.is_empty() { (false, false) } else { is_of(device, &exclude.users) };
        (is_named || of_user, is_named || may_be_of_user)
    }

    fn is_on_list(&self, id: DeviceId) -> bool {
        DEVICES_ON_LIST.iter().any(|index| self.devices[*index].id == id)
    }

    /// What the person wished for. Quiet hours come and go, so only a drop that was allowed is looked at: "now or never" cannot
    /// wait for their end.
    fn check_fate(&self, message: &Message, target: &Target, faults: &mut Vec<String>) {
        let row = self.state().devices.rows.get(&target.device).cloned();
        let Some(device) = row.filter(|_| message.recalls.is_none()) else { return };
        let options = &message.options;
        let expected = if !options.silent && !device.profile.notifications_enabled {
            Some(Reason::NotificationsOff)
        } else if options.topic.as_deref().is_some_and(|topic| device.preferences.opted_out_of(topic)) {
            Some(Reason::OptedOut)
        } else {
            None
        };
        let is_dropped = target.refusal == Some(Reason::QuietHours)
            && device.preferences.quiet_hours.is_some()
            && (options.quiet_hours == QuietHoursPolicy::Drop || options.ttl_seconds == 0);
        if target.refusal != expected && !(expected.is_none() && is_dropped) {
            let (id, device) = (message.id, target.device);
            faults.push(format!("{id} for {device} is refused for {:?} instead of {expected:?}", target.refusal));
        }
    }

    /// Progress ends at the whole, unless the message was stopped.
    pub(super) fn check_enumerated(&self, message: &Message, enumerated: i64, faults: &mut Vec<String>) {
        let whole = i64::from(ENUMERATION_WHOLE);
        let is_right = match (message.stage, message.control.flow) {
            (Stage::Cancelled, _) => enumerated == 0,
            (_, Flow::Running) => enumerated == whole,
            _ => enumerated <= whole,
        };
        if !is_right {
            faults.push(format!("{} is enumerated to {enumerated} of {whole}", message.id));
        }
    }

    /// Whether a device heard that the message is to be taken back.
    pub(super) fn has_taken_back(&self, message: &Message, target: Target, row: &Delivery) -> bool {
        let Some(recalled) = message.recalls else { return false };
        let device = self.devices.iter().find(|device| device.id == target.device);
        device.is_some_and(|device| match row.stage {
            Stage::Delivered => device.log.taken_back.contains(&recalled),
            // The same message may be recalled and read elsewhere: each has its own ends.
            _ => false,
        })
    }
}

/// Of one of these users for sure, or perhaps: bindings change on the way.
fn is_of(device: &Device, users: &[UserId]) -> (bool, bool) {
    let is_bound = device.user.as_ref().is_some_and(|user| users.contains(user));
    let never_changed = device.user_since.is_none() && device.user.is_some();
    (is_bound && never_changed, is_bound || !never_changed)
}
