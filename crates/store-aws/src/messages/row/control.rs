//! When a message is released and how it goes on, as attributes of its row.

use aws_sdk_dynamodb::types::AttributeValue;
use bytes::{Buf as _, BufMut as _, Bytes};
use homing_domain::{Control, Flow, Message, Recurrence, Schedule, UnixMillis, WallTime};

use crate::item::{Damaged, ItemReader, ItemWriter, Value};

pub(super) fn write(row: ItemWriter, message: &Message) -> ItemWriter {
    let control = &message.control;
    let row = row
        .with_some("fl", (control.flow != Flow::Running).then_some(control.flow))
        .with_some("pa", control.paused_at)
        .with_some("pf", (control.paused_for != 0).then_some(control.paused_for))
        .with_some("ho", (!message.holds.is_empty()).then(|| Moments(message.holds.clone())));
    match &message.schedule {
        Schedule::Now => row.with_some("sn", message.release_at.map(|_| true)),
        Schedule::At(at) => row.with("sa", *at),
        Schedule::AtLocal(time) => row.with("sl", wall_time_to_bytes(time)),
        Schedule::Recurring(recurrence) => row
            .with("cr", recurrence.cron.clone())
            .with("tz", recurrence.timezone.clone())
            .with_some("un", recurrence.until)
            .with_some("rm", recurrence.remaining),
    }
}

pub(super) fn read(row: &mut ItemReader) -> Result<Control, Damaged> {
    Ok(Control {
        flow: row.take_some("fl")?.unwrap_or_default(),
        paused_at: row.take_some("pa")?,
        paused_for: row.take_some("pf")?.unwrap_or_default(),
    })
}

/// The first releases knew only when.
pub(super) fn read_schedule(row: &mut ItemReader, release_at: Option<UnixMillis>) -> Result<Schedule, Damaged> {
    if let Some(bytes) = row.take_some("sl")? {
        return wall_time_of(&bytes).map(Schedule::AtLocal).ok_or_else(|| row.damaged("sl"));
    }
    if let Some(cron) = row.take_some("cr")? {
        let (timezone, until) = (row.take("tz")?, row.take_some("un")?);
        return Ok(Schedule::Recurring(Recurrence { cron, timezone, until, remaining: row.take_some("rm")? }));
    }
    if row.take_some("sn")? == Some(true) {
        return Ok(Schedule::Now);
    }
    Ok(row.take_some("sa")?.or(release_at).map_or(Schedule::Now, Schedule::At))
}

fn wall_time_to_bytes(time: &WallTime) -> Bytes {
    let rest = [time.month, time.day, time.hour, time.minute, time.second];
    [&time.year.to_be_bytes()[..], &rest].concat().into()
}

fn wall_time_of(bytes: &Bytes) -> Option<WallTime> {
    let [a, b, month, day, hour, minute, second] = bytes[..].try_into().ok()?;
    Some(WallTime { year: i16::from_be_bytes([a, b]), month, day, hour, minute, second })
}

/// Moments in order, as the first in 8 bytes and each other one by its distance: seven bits a byte, the lowest first, the
/// eighth says that there is more. Quarters of an hour are 3 bytes each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Moments(pub(super) Vec<UnixMillis>);

impl Value for Moments {
    fn into_value(self) -> AttributeValue {
        let mut bytes = Vec::with_capacity(8 + self.0.len() * 3);
        let mut last = None;
        for moment in self.0 {
            match last.replace(moment) {
                None => bytes.put_u64(moment.0),
                Some(last) => put_distance(&mut bytes, moment.since(last)),
            }
        }
        Bytes::from(bytes).into_value()
    }

    fn from_value(value: AttributeValue) -> Option<Self> {
        let mut bytes = Bytes::from_value(value)?;
        let mut last = UnixMillis(bytes.try_get_u64().ok()?);
        let mut moments = vec![last];
        while bytes.has_remaining() {
            last = UnixMillis(last.0.checked_add(take_distance(&mut bytes)?)?);
            moments.push(last);
        }
        Some(Self(moments))
    }
}

fn put_distance(bytes: &mut Vec<u8>, mut distance: u64) {
    while distance > 0x7f {
        bytes.put_u8((distance & 0x7f) as u8 | 0x80);
        distance >>= 7;
    }
    bytes.put_u8(distance as u8);
}

fn take_distance(bytes: &mut Bytes) -> Option<u64> {
    let mut distance = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let byte = bytes.try_get_u8().ok()?;
        distance |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(distance);
        }
    }
    None
}
