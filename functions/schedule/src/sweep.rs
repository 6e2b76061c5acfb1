//! Finds messages that nothing moved although it was time.

use homing_contract::queue;
use homing_domain::limits::{ACCEPTED_SWEEP_AFTER, CLOSE_AFTER_EXPIRY};
use homing_domain::{CloseJob, DueTick, Flow, Message, Schedule, Stage, UnixMillis};
use homing_ports::{Messages, Outgoing, QueueName, Queues, Result};
use homing_telemetry::OverdueSwept;

use crate::{audience_job, held_job};

/// Jobs that one sweep sends: bounds what a backlog that only looks lost adds to the queues.
const JOBS_MAX: usize = 256;
/// Messages that one sweep reads. More than [`JOBS_MAX`], so that messages whose release hangs, and which a sweep leaves
/// alone, do not hide those behind them.
const READS_MAX: usize = 1_024;

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Audience jobs or ticks sent again: their job or their timer may be lost.
    pub released: usize,
    /// Jobs of held parts sent again, likewise.
    pub held: usize,
    /// Close jobs sent: these messages are over.
    pub closed: usize,
    /// Messages that are over and whose audience is still being enumerated. The enumeration is slow or a dead letter; it
    /// goes on by itself or by redriving, and beginning it anew would only add to the load.
    pub hanging: usize,
}

/// What a sweep is about to send.
#[derive(Default)]
struct Jobs {
    audience: Vec<Outgoing>,
    ticks: Vec<Outgoing>,
    held: Vec<Outgoing>,
    close: Vec<Outgoing>,
}

impl Jobs {
    fn len(&self) -> usize {
        self.audience.len() + self.ticks.len() + self.held.len() + self.close.len()
    }
}

/// Sends the jobs of messages that are overdue at `now`: the audience job of one that is still `accepted` or `scheduled` (for a
/// recurring one, its tick), the jobs of parts that were held back and whose time is past, the close job of one that is
/// `released`. A job that was not lost is done twice, which nobody minds. Meant to run every minute or more often.
///
/// # Errors
/// A port call failed; the next sweep finds what this one missed.
pub async fn sweep<P: Messages + Queues>(ports: &P, now: UnixMillis) -> Result<Swept> {
    let mut hanging = 0;
    let mut jobs = Jobs::default();
    for id in ports.overdue(now, READS_MAX).await? {
        // The list may be stale, the row is not.
        let Some(message) = ports.message(id).await?.filter(|message| is_overdue(message, now)) else { continue };
        let is_over = message.expires_at.plus(CLOSE_AFTER_EXPIRY) <= now;
        match (message.stage, &message.schedule) {
            (Stage::Scheduled, Schedule::Recurring(_)) => jobs.ticks.extend(tick(&message)),
            (Stage::Accepted | Stage::Scheduled, _) => jobs.audience.push(audience_job(&message)),
            (Stage::Releasing | Stage::Released, _) if !is_over => jobs.held.extend(held_jobs(&message, now)),
            (Stage::Released, _) => jobs.close.push(close_job(&message)),
            _ => hanging += 1,
        }
        if jobs.len() >= JOBS_MAX {
            break;
        }
    }
    let released = jobs.audience.len() + jobs.ticks.len();
    let swept = Swept { released, held: jobs.held.len(), closed: jobs.close.len(), hanging };
    jobs.audience.append(&mut jobs.held);
    for (queue, jobs) in
        [(QueueName::Audience, jobs.audience), (QueueName::Due, jobs.ticks), (QueueName::Close, jobs.close)]
    {
        if !jobs.is_empty() {
            ports.send(queue, jobs).await?;
        }
    }
    if swept != Swept::default() {
        let Swept { released, held, closed, hanging } = swept;
        OverdueSwept { released, held, closed, hanging }.emit();
    }
    Ok(swept)
}

fn is_overdue(message: &Message, now: UnixMillis) -> bool {
    message.due_at().is_some_and(|due| due <= now)
}

/// The tick of a recurring message: what is due is made there, in one place.
fn tick(message: &Message) -> Option<Outgoing> {
    message.release_at.map(|at| Outgoing::now(queue::encode(&DueTick { message: message.id, at })))
}

/// The jobs of parts whose time is past. One that was not lost says nothing of how far it is, and a rate may make it slow: so
/// it is sent again in the 1st, 2nd, 4th, 8th … minute, and not in every sweep. Of a paused message it waits with all others.
fn held_jobs(message: &Message, now: UnixMillis) -> impl Iterator<Item = Outgoing> {
    let holds = message.holds.iter().filter(|_| message.control.flow != Flow::Paused);
    let again = holds.filter(move |hold| (now.since(**hold) / ACCEPTED_SWEEP_AFTER).is_power_of_two());
    again.map(|hold| held_job(message, *hold))
}

fn close_job(message: &Message) -> Outgoing {
    let job = CloseJob { message: message.id, at: message.expires_at.plus(CLOSE_AFTER_EXPIRY), after: None };
    Outgoing { body: queue::encode(&job), delay: 0, group: Some(message.queue_group()) }
}
