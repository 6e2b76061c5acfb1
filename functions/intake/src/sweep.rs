//! Finds messages whose job was lost between the row and the queue.

use homing_domain::{Stage, UnixMillis};
use homing_ports::{Error, Messages, Queues};

use crate::accept::send_job;

/// Messages looked at in one sweep: bounds what a backlog that only looks lost adds to the queue.
const SWEEP_MAX: usize = 256;

/// Sends the jobs of messages that have been accepted for a minute again, and answers how many. A job that was not lost is
/// done twice, which fanout does not mind.
///
/// # Errors
/// A port call failed; the next sweep finds what this one missed.
pub async fn sweep<P: Messages + Queues>(ports: &P, now: UnixMillis) -> Result<usize, Error> {
    let mut sent = 0;
    for id in ports.overdue(now, SWEEP_MAX).await? {
        // The list may be stale, the row is not.
        if let Some(message) = ports.message(id).await?.filter(|message| message.stage == Stage::Accepted) {
            send_job(ports, &message.app, id).await?;
            sent += 1;
        }
    }
    Ok(sent)
}
