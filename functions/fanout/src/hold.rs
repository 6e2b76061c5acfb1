//! Devices that are held back: the moments they wait for are announced in the message before their page is stored, so that
//! no page waits for a moment that nobody knows of.

use futures_util::future::try_join_all;
use homing_domain::limits::MESSAGE_MAX_HOLDS;
use homing_domain::{ChangeRefused, DueTick, Message, MessageChange, Millis, Target, UnixMillis};
use homing_ports::StageError;

use crate::decide::round_up;
use crate::{CLOCKS_APART, Fanout, Ports};

/// Holds are rounded up to this where a message waits for too many moments.
const COARSE_GRANULARITY: Millis = 3_600_000;
/// When even that is too many, a page is made again after this. The earliest moments are over by and by.
const RETRY_AFTER: Millis = 60_000;
/// Timers that are set at the same time.
const TIMERS_AT_ONCE: usize = 16;

/// When a target of a page that is stored goes to dispatch: `None` = with the others that wait for its moment. A moment that
/// is as near as clocks are apart may be over on another machine, which has looked for its pages already: the queue itself
/// bridges that.
pub(crate) fn delay_of(target: &Target, now: UnixMillis) -> Option<Millis> {
    match target.hold {
        Some(hold) if target.refusal.is_none() => Some(hold.since(now)).filter(|delay| *delay <= CLOCKS_APART),
        _ => Some(0),
    }
}

impl<P: Ports> Fanout<P> {
    /// Announces the moments that targets of a page wait for. Moves them when there are too many.
    pub(crate) async fn announce_holds(&self, message: &Message, targets: &mut [Target]) -> Result<(), StageError> {
        if self.announced(message, targets).await? {
            return Ok(());
        }
        for hold in targets.iter_mut().filter_map(|target| target.hold.as_mut()) {
            *hold = round_up(*hold, COARSE_GRANULARITY).min(message.expires_at);
        }
        if self.announced(message, targets).await? {
            return Ok(());
        }
        Err(StageError::Later { delay: RETRY_AFTER })
    }

    /// Whether there was room. The timers are set first: a moment that the message names always has one.
    async fn announced(&self, message: &Message, targets: &[Target]) -> Result<bool, StageError> {
        let mut new: Vec<_> = targets.iter().filter_map(|target| target.hold).collect();
        new.sort_unstable();
        new.dedup();
        new.retain(|hold| !message.holds.contains(hold));
        if new.is_empty() {
            return Ok(true);
        }
        if message.holds.len() + new.len() > MESSAGE_MAX_HOLDS {
            return Ok(false);
        }
        for some in new.chunks(TIMERS_AT_ONCE) {
            let timer = |at: &UnixMillis| self.ports.set_timer(DueTick { message: message.id, at: *at });
            try_join_all(some.iter().map(timer)).await?;
        }
        match self.ports.change(message.id, MessageChange::Hold(new)).await? {
            Some(Ok(_)) => Ok(true),
            Some(Err(ChangeRefused::TooManyHolds)) => Ok(false),
            Some(Err(refused)) => Err(StageError::poison(refused)),
            None => Err(StageError::poison("the message disappeared")),
        }
    }
}
