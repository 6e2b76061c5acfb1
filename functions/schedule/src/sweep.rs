//! Finds messages that nothing moved although it was time.

use homing_contract::queue;
use homing_domain::limits::CLOSE_AFTER_EXPIRY;
use homing_domain::{CloseJob, Message, Stage, UnixMillis};
use homing_ports::{Messages, Outgoing, QueueName, Queues, Result};
use homing_telemetry::OverdueSwept;

use crate::audience_job;

/// Jobs that one sweep sends: bounds what a backlog that only looks lost adds to the queues.
const JOBS_MAX: usize = 256;
/// Messages that one sweep reads. More than [`JOBS_MAX`], so that messages whose release hangs, and which a sweep leaves
/// alone, do not hide those behind them.
const READS_MAX: usize = 1_024;

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Audience jobs sent again: their job or their timer may be lost.
    pub released: usize,
    /// Close jobs sent: these messages are over.
    pub closed: usize,
    /// Messages that are over and whose audience is still being enumerated. The enumeration is slow or a dead letter; it
    /// goes on by itself or by redriving, and beginning it anew would only add to the load.
    pub hanging: usize,
}

/// Sends the jobs of messages that are overdue at `now`: the audience job of one that is still `accepted` or `scheduled`, the
/// close job of one that is `released`. A job that was not lost is done twice, which nobody minds. Meant to run every minute
/// or more often.
///
/// # Errors
/// A port call failed; the next sweep finds what this one missed.
pub async fn sweep<P: Messages + Queues>(ports: &P, now: UnixMillis) -> Result<Swept> {
    let mut swept = Swept::default();
    let (mut audience_jobs, mut close_jobs) = (Vec::new(), Vec::new());
    for id in ports.overdue(now, READS_MAX).await? {
        // The list may be stale, the row is not.
        let Some(message) = ports.message(id).await?.filter(|message| is_overdue(message, now)) else { continue };
        match message.stage {
            Stage::Accepted | Stage::Scheduled => audience_jobs.push(audience_job(&message)),
            Stage::Released => close_jobs.push(close_job(&message)),
            _ => swept.hanging += 1,
        }
        if audience_jobs.len() + close_jobs.len() >= JOBS_MAX {
            break;
        }
    }
    swept.released = audience_jobs.len();
    swept.closed = close_jobs.len();
    for (queue, jobs) in [(QueueName::Audience, audience_jobs), (QueueName::Close, close_jobs)] {
        if !jobs.is_empty() {
            ports.send(queue, jobs).await?;
        }
    }
    if swept != Swept::default() {
        OverdueSwept { released: swept.released, closed: swept.closed, hanging: swept.hanging }.emit();
    }
    Ok(swept)
}

fn is_overdue(message: &Message, now: UnixMillis) -> bool {
    message.due_at().is_some_and(|due| due <= now)
}

fn close_job(message: &Message) -> Outgoing {
    let job = CloseJob { message: message.id, at: message.expires_at.plus(CLOSE_AFTER_EXPIRY), after: None };
    Outgoing { body: queue::encode(&job), delay: 0, group: Some(message.app.as_str().into()) }
}
