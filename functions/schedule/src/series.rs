//! Recurring messages: each occurrence is made as a message of its own.
//!
//! The order is the promise here too: the occurrence and its job, then the next timer, and last the series says where it
//! stands. A crash in between repeats the tick, which names the same occurrence. What was missed while nobody was there to
//! make it (a machine that was off) is made up for once, by the latest, and the next is the first after now.

use homing_calendar::next_occurrence;
use homing_credentials::occurrence_id;
use homing_domain::{Control, DueTick, Message, MessageChange, Millis, Recurrence, Schedule, Stage, UnixMillis};
use homing_ports::{Accepted, QueueName, Result};

use crate::{Ports, audience_job};

/// A tick that overtook its series looks again after this: about as long as making an occurrence takes.
pub(crate) const AHEAD_RETRY: Millis = 1_000;

/// Makes the occurrence that is due, or the latest if others were missed, and moves the series on to its next.
pub(crate) async fn occur<P: Ports>(
    ports: &P,
    series: &Message,
    recurrence: &Recurrence,
    due: UnixMillis,
    now: UnixMillis,
) -> Result<()> {
    let rest =
        Recurrence { remaining: recurrence.remaining.map(|count| count.saturating_sub(1)), ..recurrence.clone() };
    let latest = latest(recurrence, due, now);
    // After a crash the one that is due may be made already: then its job may be lost, and the latest is
    // the next, not one more for the same tick.
    let is_made = latest != due && ports.message(occurrence_id(&series.id, due)).await?.is_some();
    if is_made {
        make(ports, occurrence(series, due, now)).await?;
        return advance(ports, series, due, Some(latest).filter(|_| rest.remaining != Some(0))).await;
    }
    if latest != due && !skip(ports, series, due, latest).await? {
        return Ok(());
    }
    make(ports, occurrence(series, latest, now)).await?;
    advance(ports, series, latest, next_occurrence(&rest, now)).await
}

/// The series first says which occurrence makes up for those that were missed, so that a repeat after a crash makes no other
/// one in its place. Whether it is still so far: else somebody moved it on.
async fn skip<P: Ports>(ports: &P, series: &Message, missed: UnixMillis, to: UnixMillis) -> Result<bool> {
    ports.set_timer(DueTick { message: series.id, at: to }).await?;
    let moved = ports.change(series.id, MessageChange::Skip { missed, to }).await?;
    Ok(matches!(moved, Some(Ok(series)) if series.stage == Stage::Scheduled && series.release_at == Some(to)))
}

async fn advance<P: Ports>(
    ports: &P,
    series: &Message,
    occurrence: UnixMillis,
    next: Option<UnixMillis>,
) -> Result<()> {
    if let Some(next) = next {
        ports.set_timer(DueTick { message: series.id, at: next }).await?;
    }
    // Refused to nobody; void when the sender changed the series meanwhile, which set its own timer.
    let _moved = ports.change(series.id, MessageChange::Advance { occurrence, next }).await?;
    Ok(())
}

/// Accepts an occurrence, or finds it accepted, and sends its job unless it is on its way.
async fn make<P: Ports>(ports: &P, occurrence: Message) -> Result<()> {
    let job = audience_job(&occurrence);
    match ports.accept(occurrence).await? {
        Accepted::Existing(made) if made.stage != Stage::Accepted => Ok(()),
        Accepted::New | Accepted::Existing(_) => ports.send(QueueName::Audience, vec![job]).await,
    }
}

fn occurrence(series: &Message, at: UnixMillis, now: UnixMillis) -> Message {
    Message {
        id: occurrence_id(&series.id, at),
        accepted_at: now,
        schedule: Schedule::At(at),
        release_at: Some(at),
        series: Some(series.id),
        expires_at: at.plus(u64::from(series.options.ttl_seconds) * 1_000),
        stage: Stage::Accepted,
        control: Control::default(),
        ..series.clone()
    }
}

/// The last occurrence up to now, when that of `due` is past. Occurrences rise with the moment that they follow: the one
/// looked for follows the last moment that is not followed by a later one.
fn latest(recurrence: &Recurrence, due: UnixMillis, now: UnixMillis) -> UnixMillis {
    let (mut latest, mut end) = (due, now);
    while latest < end {
        let middle = UnixMillis(latest.0.midpoint(end.0));
        match next_occurrence(recurrence, middle) {
            Some(next) if next <= now => latest = next,
            _ => end = middle,
        }
    }
    latest
}
