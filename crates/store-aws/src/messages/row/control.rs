//! When a message is released and how it goes on, as attributes of its row.

use bytes::Bytes;
use homing_domain::{Control, Flow, Message, Recurrence, Schedule, UnixMillis, WallTime};

use crate::item::{Damaged, ItemReader, ItemWriter};

pub(super) fn write(row: ItemWriter, message: &Message) -> ItemWriter {
    let control = &message.control;
    let row = row
        .with_some("fl", (control.flow != Flow::Running).then_some(control.flow))
        .with_some("pa", control.paused_at)
        .with_some("pf", (control.paused_for != 0).then_some(control.paused_for))
        .with_some("ho", (!message.holds.is_empty()).then(|| message.holds.clone()));
    match &message.schedule {
        Schedule::Now => row,
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
