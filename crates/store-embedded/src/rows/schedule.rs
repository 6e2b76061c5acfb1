//! When a message is released, as rows.

use homing_domain::{Recurrence, Schedule, UnixMillis, WallTime};

use super::{Wrong, optional_time};

/// Exactly one field.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ScheduleRow {
    #[prost(uint64, optional, tag = "1")]
    at: Option<u64>,
    #[prost(message, optional, tag = "2")]
    at_local: Option<WallTimeRow>,
    #[prost(message, optional, tag = "3")]
    recurring: Option<RecurrenceRow>,
    /// At once, although `release_at` says when that is.
    #[prost(bool, optional, tag = "4")]
    now: Option<bool>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct WallTimeRow {
    #[prost(int32, tag = "1")]
    year: i32,
    /// Month, day, hour, minute, second: a byte each.
    #[prost(bytes = "vec", tag = "2")]
    rest: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct RecurrenceRow {
    #[prost(string, tag = "1")]
    cron: String,
    #[prost(string, tag = "2")]
    timezone: String,
    #[prost(uint64, optional, tag = "3")]
    until: Option<u64>,
    #[prost(uint32, optional, tag = "4")]
    remaining: Option<u32>,
}

/// None for "at once", unless that needs saying.
pub(super) fn schedule_row(schedule: &Schedule, release_at: Option<UnixMillis>) -> Option<ScheduleRow> {
    let mut row = ScheduleRow::default();
    match schedule {
        Schedule::Now if release_at.is_none() => return None,
        Schedule::Now => row.now = Some(true),
        Schedule::At(at) => row.at = Some(at.0),
        Schedule::AtLocal(time) => {
            let rest = vec![time.month, time.day, time.hour, time.minute, time.second];
            row.at_local = Some(WallTimeRow { year: time.year.into(), rest });
        }
        Schedule::Recurring(recurrence) => {
            row.recurring = Some(RecurrenceRow {
                cron: recurrence.cron.clone(),
                timezone: recurrence.timezone.clone(),
                until: optional_time(recurrence.until),
                remaining: recurrence.remaining,
            });
        }
    }
    Some(row)
}

/// The first releases knew only `release_at`.
pub(super) fn schedule(row: Option<ScheduleRow>, release_at: Option<u64>) -> Result<Schedule, Wrong> {
    let Some(row) = row else {
        return Ok(release_at.map_or(Schedule::Now, |at| Schedule::At(UnixMillis(at))));
    };
    match (row.at, row.at_local, row.recurring) {
        (None, None, None) if row.now == Some(true) => Ok(Schedule::Now),
        (Some(at), None, None) => Ok(Schedule::At(UnixMillis(at))),
        (None, Some(time), None) => wall_time(&time).map(Schedule::AtLocal),
        (None, None, Some(row)) => Ok(Schedule::Recurring(Recurrence {
            cron: row.cron,
            timezone: row.timezone,
            until: row.until.map(UnixMillis),
            remaining: row.remaining,
        })),
        _ => Err("schedule"),
    }
}

fn wall_time(row: &WallTimeRow) -> Result<WallTime, Wrong> {
    let [month, day, hour, minute, second] = row.rest[..].try_into().map_err(|_| "wall time")?;
    let year = i16::try_from(row.year).map_err(|_| "wall time")?;
    Ok(WallTime { year, month, day, hour, minute, second })
}
