//! Who messages of a world are for, and when.

use homing_domain::{
    Audience, AudienceId, DeviceId, Exclusion, Millis, Recurrence, Schedule, UnixMillis, UserId, WallTime,
};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::world::World;

/// The list of users that was uploaded before the world began.
pub(crate) const LIST_OF_USERS: AudienceId = AudienceId::from_bytes([1; 16]);
/// The list of devices that was.
pub(crate) const LIST_OF_DEVICES: AudienceId = AudienceId::from_bytes([2; 16]);
/// The tags of each device.
pub(crate) const TAGS: [&[&str]; 3] = [&["even", "vip"], &["odd"], &["even"]];
/// Where each device is. Nepal is a quarter of an hour ahead of India, and nothing on Earth is closer.
pub(crate) const ZONES: [&str; 3] = ["Asia/Kathmandu", "Asia/Kolkata", "Asia/Kathmandu"];

/// A scheduled message is at most so far ahead: then even one whose timer is lost is released before the last look.
const SCHEDULED_AHEAD_MAX: Millis = 120_000;
/// Occurrences of a recurring message.
const OCCURRENCES_MAX: u64 = 3;

impl World {
    /// Who a message is for; a third of all are for one device.
    pub(super) fn audience(&mut self, device: usize) -> Audience {
        match self.random.below(50) {
            0..5 => Audience::All,
            44..46 => Audience::Expression("even".parse().expect("an expression")),
            5..12 => Audience::Users(vec![self.user()]),
            12..14 => Audience::Users(vec![user("ada"), user("bo")]),
            14..18 => Audience::Devices(self.devices.iter().map(|device| device.id).collect()),
            18..19 => {
                let unknown = DeviceId::from_bytes(self.random.bytes_16());
                Audience::Devices(vec![self.devices[device].id, unknown])
            }
            19..21 => {
                let text = ["even", "!even", "even && vip", "odd || vip", "nobody"][self.random.index(5)];
                Audience::Expression(text.parse().expect("an expression"))
            }
            21..22 => Audience::Uploaded(LIST_OF_USERS),
            22..23 => Audience::Uploaded(LIST_OF_DEVICES),
            _ => Audience::Devices(vec![self.devices[device].id]),
        }
    }

    /// Who does not get it.
    pub(super) fn exclusion(&mut self) -> Exclusion {
        let mut exclude = Exclusion::default();
        match self.random.below(24) {
            0 => exclude.devices = vec![self.devices[self.random.index(3)].id],
            1 => exclude.users = vec![self.user()],
            2 => exclude.expression = Some("vip".parse().expect("an expression")),
            3 => exclude.uploaded = Some(LIST_OF_DEVICES),
            _ => {}
        }
        exclude
    }

    /// When it is to be released.
    pub(super) fn schedule(&mut self) -> (Schedule, Option<UnixMillis>) {
        let now = self.now();
        match self.random.below(100) {
            0..12 => {
                let at = now.plus(self.random.between(0, SCHEDULED_AHEAD_MAX));
                (Schedule::At(at), Some(at))
            }
            12..15 => {
                let step = [5, 10, 20][self.random.index(3)];
                let recurrence = Recurrence {
                    cron: format!("*/{step} * * * * *"),
                    timezone: "UTC".to_owned(),
                    until: None,
                    remaining: Some(u32::try_from(self.random.between(1, OCCURRENCES_MAX)).expect("small")),
                };
                let first = homing_calendar::next_occurrence(&recurrence, now);
                (Schedule::Recurring(recurrence), first)
            }
            15..17 => {
                // In Nepal soon, in India a quarter of an hour later.
                let there = now.plus(self.random.between(0, 60_000));
                let time = wall_time(there, ZONES[0]);
                (Schedule::AtLocal(time), Some(now.max(homing_calendar::earliest_on_earth(&time))))
            }
            _ => (Schedule::Now, None),
        }
    }

    fn user(&mut self) -> UserId {
        user(["ada", "bo"][self.random.index(2)])
    }

    /// Some user, or nobody.
    pub(super) fn user_or_nobody(&mut self) -> Option<UserId> {
        if self.random.per_mille(350) { None } else { Some(self.user()) }
    }
}

/// A user of the world.
pub(crate) fn user(name: &str) -> UserId {
    name.parse().expect("a user id")
}

/// What a clock there shows then.
fn wall_time(at: UnixMillis, zone: &str) -> WallTime {
    let millis = i64::try_from(at.0).expect("this century");
    let there = Timestamp::from_millisecond(millis).expect("this century");
    let there = there.to_zoned(TimeZone::get(zone).expect("a zone"));
    let small = |number: i8| u8::try_from(number).expect("not negative");
    WallTime {
        year: there.year(),
        month: small(there.month()),
        day: small(there.day()),
        hour: small(there.hour()),
        minute: small(there.minute()),
        second: small(there.second()),
    }
}
