//! What may be changed about a message after it was accepted. One rule for every store: an adapter reads the message,
//! applies the change, and writes it back if nobody else did in between.

use bytes::Bytes;

use super::{Flow, Localization, Message, Options};
use crate::audience::{Audience, Exclusion};
use crate::limits::MESSAGE_MAX_HOLDS;
use crate::receipt::Channel;
use crate::schedule::{Recurrence, Schedule};
use crate::stage::Stage;
use crate::time::UnixMillis;

/// What a sender may replace while a message waits for its time. What is left out stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Amendment {
    /// Who it is for, and who of them does not get it.
    pub audience: Option<(Audience, Exclusion)>,
    /// What it brings.
    pub content: Option<AmendedContent>,
    /// How it is to be delivered. Whether it is silent is a matter of its content.
    pub options: Option<Options>,
    /// When it is to be released.
    pub release: Option<AmendedRelease>,
}

/// What an amended message brings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AmendedContent {
    /// What devices get.
    pub payload: Bytes,
    /// The same in other languages.
    pub localizations: Vec<Localization>,
    /// Fields for single vendors' channels.
    pub overrides: Vec<(Channel, Bytes)>,
    /// It shows nothing.
    pub silent: bool,
}

/// When an amended message is released.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AmendedRelease {
    /// As the sender said it.
    pub schedule: Schedule,
    /// When that is next; `None` = at once.
    pub at: Option<UnixMillis>,
    /// From when on its time to live counts.
    pub lives_from: UnixMillis,
}

/// A change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageChange {
    /// Replace parts of it while it waits for its time. A release at once makes it `accepted`.
    Amend(Box<Amendment>),
    /// Never release it.
    Cancel,
    /// Reach nobody else for now.
    Pause(UnixMillis),
    /// Go on.
    Resume(UnixMillis),
    /// Reach nobody else.
    Abort,
    /// Reach nobody else, and take it back.
    Recall,
    /// Reach at most so many devices a second.
    SetRate(Option<u32>),
    /// Parts of it wait for these moments.
    Hold(Vec<UnixMillis>),
    /// The parts that waited for this moment have gone on.
    EndHold(UnixMillis),
    /// Occurrences of a recurring message that were missed are made up for by a later one, which is its next now.
    Skip {
        /// The first that was missed; a change for another one than the next is void.
        missed: UnixMillis,
        /// The last of them.
        to: UnixMillis,
    },
    /// An occurrence of a recurring message was made: the next is at `next`, or there is none.
    Advance {
        /// The occurrence that was made; a change for another one than the next is void.
        occurrence: UnixMillis,
        /// The next.
        next: Option<UnixMillis>,
    },
}

impl MessageChange {
    /// The stable name in logs and metrics.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Amend(_) => "amend",
            Self::Cancel => "cancel",
            Self::Pause(_) => "pause",
            Self::Resume(_) => "resume",
            Self::Abort => "abort",
            Self::Recall => "recall",
            Self::SetRate(_) => "set_rate",
            Self::Hold(_) => "hold",
            Self::EndHold(_) => "end_hold",
            Self::Skip { .. } => "skip",
            Self::Advance { .. } => "advance",
        }
    }
}

/// A change that the message's stage does not allow any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeRefused {
    /// It is released or being released: too late to amend or to cancel. It can be aborted or recalled.
    #[error("the message is {0} already")]
    TooLate(Stage),
    /// It is not being released: there is nothing to pause or to abort.
    #[error("the message is {0}: nothing of it is on its way")]
    NotRunning(Stage),
    /// It was aborted or recalled before, which is for ever.
    #[error("the message was {} before", .0.name())]
    Stopped(Flow),
    /// More moments than a message may wait for.
    #[error("the message waits for too many moments")]
    TooManyHolds,
}

impl Message {
    /// Applies a change. Applying it again changes nothing and succeeds.
    ///
    /// # Errors
    /// [`ChangeRefused`]; the message is as it was.
    pub fn apply(&mut self, change: MessageChange) -> Result<(), ChangeRefused> {
        match change {
            MessageChange::Amend(amendment) => self.amend(*amendment),
            MessageChange::Cancel => self.cancel(),
            MessageChange::Pause(now) => self.pause(now),
            MessageChange::Resume(now) => self.resume(now),
            MessageChange::Abort => self.stop(Flow::Aborted),
            MessageChange::Recall => self.stop(Flow::Recalled),
            MessageChange::SetRate(rate) => self.set_rate(rate),
            MessageChange::Hold(moments) => self.hold(&moments),
            MessageChange::EndHold(moment) => {
                self.holds.retain(|hold| *hold != moment);
                Ok(())
            }
            MessageChange::Skip { missed, to } => {
                self.skip(missed, to);
                Ok(())
            }
            MessageChange::Advance { occurrence, next } => {
                self.advance(occurrence, next);
                Ok(())
            }
        }
    }

    fn amend(&mut self, new: Amendment) -> Result<(), ChangeRefused> {
        let at_once = new.release.as_ref().is_some_and(|release| release.at.is_none());
        let amended = self.amended(new);
        match self.stage {
            Stage::Scheduled => *self = amended,
            // A repeat of what released it at once: it lives from then, and not from the repeat.
            Stage::Accepted if at_once && *self == (Self { expires_at: self.expires_at, ..amended }) => {}
            stage => return Err(ChangeRefused::TooLate(stage)),
        }
        Ok(())
    }

    fn amended(&self, new: Amendment) -> Self {
        let lives_for = |options: &Options| u64::from(options.ttl_seconds) * 1_000;
        let mut amended = self.clone();
        let mut lives_from = self.expires_at.minus(lives_for(&self.options));
        if let Some((audience, exclude)) = new.audience {
            (amended.audience, amended.exclude) = (audience, exclude);
        }
        if let Some(options) = new.options {
            amended.options = Options { silent: self.options.silent, ..options };
        }
        if let Some(AmendedContent { payload, localizations, overrides, silent }) = new.content {
            (amended.payload, amended.localizations, amended.overrides) = (payload, localizations, overrides);
            amended.options.silent = silent;
        }
        if let Some(release) = new.release {
            amended.stage = if release.at.is_some() { Stage::Scheduled } else { Stage::Accepted };
            (amended.schedule, amended.release_at) = (release.schedule, release.at);
            lives_from = release.lives_from;
        }
        amended.expires_at = lives_from.plus(lives_for(&amended.options));
        amended
    }

    fn cancel(&mut self) -> Result<(), ChangeRefused> {
        match self.stage {
            Stage::Accepted | Stage::Scheduled | Stage::Cancelled => {
                self.stage = Stage::Cancelled;
                Ok(())
            }
            stage => Err(ChangeRefused::TooLate(stage)),
        }
    }

    fn pause(&mut self, now: UnixMillis) -> Result<(), ChangeRefused> {
        // Its last page may have been under way when it was paused: a repeat is answered all the same.
        if self.control.flow != Flow::Paused {
            self.is_running()?;
            self.control.flow = Flow::Paused;
            self.control.paused_at = Some(now);
        }
        Ok(())
    }

    /// What was paused goes on even when there is nothing left of it, and what went on before needs no second time.
    fn resume(&mut self, now: UnixMillis) -> Result<(), ChangeRefused> {
        match (self.control.flow, self.stage) {
            (Flow::Paused, _) => {
                self.control.flow = Flow::Running;
                self.end_pause(now);
                Ok(())
            }
            (Flow::Running, Stage::Releasing | Stage::Released | Stage::Completed) => Ok(()),
            (Flow::Running, stage) => Err(ChangeRefused::NotRunning(stage)),
            (flow, _) => Err(ChangeRefused::Stopped(flow)),
        }
    }

    /// Before and while it runs; after that there is nobody left to reach more slowly.
    fn set_rate(&mut self, rate: Option<u32>) -> Result<(), ChangeRefused> {
        let is_ahead = matches!(self.stage, Stage::Accepted | Stage::Scheduled);
        if !is_ahead && self.options.rate_per_second != rate {
            self.is_running()?;
        }
        self.options.rate_per_second = rate;
        Ok(())
    }

    /// Recalling goes further than aborting, and is possible long after the release.
    fn stop(&mut self, flow: Flow) -> Result<(), ChangeRefused> {
        match (self.stage, self.control.flow, flow) {
            (_, Flow::Recalled, Flow::Aborted) => return Err(ChangeRefused::Stopped(Flow::Recalled)),
            (_, before, _) if before == flow => {}
            (Stage::Accepted | Stage::Scheduled | Stage::Cancelled, ..) => {
                return Err(ChangeRefused::NotRunning(self.stage));
            }
            // Held parts of a released message are on their way still.
            (Stage::Completed, _, Flow::Aborted) => return Err(ChangeRefused::NotRunning(self.stage)),
            _ => self.control.flow = flow,
        }
        Ok(())
    }

    fn is_running(&self) -> Result<(), ChangeRefused> {
        if self.control.flow.is_stopped() {
            return Err(ChangeRefused::Stopped(self.control.flow));
        }
        let has_held_parts = self.stage == Stage::Released && !self.holds.is_empty();
        match self.stage {
            Stage::Releasing => Ok(()),
            _ if has_held_parts => Ok(()),
            stage => Err(ChangeRefused::NotRunning(stage)),
        }
    }

    fn end_pause(&mut self, now: UnixMillis) {
        if let Some(paused_at) = self.control.paused_at.take() {
            self.control.paused_for += now.since(paused_at);
        }
    }

    fn hold(&mut self, moments: &[UnixMillis]) -> Result<(), ChangeRefused> {
        let mut holds = self.holds.clone();
        holds.extend(moments);
        holds.sort_unstable();
        holds.dedup();
        if holds.len() > MESSAGE_MAX_HOLDS {
            return Err(ChangeRefused::TooManyHolds);
        }
        self.holds = holds;
        Ok(())
    }

    fn skip(&mut self, missed: UnixMillis, to: UnixMillis) {
        if self.stage == Stage::Scheduled && self.release_at == Some(missed) {
            self.come_next_at(to);
        }
    }

    fn come_next_at(&mut self, next: UnixMillis) {
        self.expires_at = next.plus(u64::from(self.options.ttl_seconds) * 1_000);
        self.release_at = Some(next);
    }

    fn advance(&mut self, occurrence: UnixMillis, next: Option<UnixMillis>) {
        if self.stage != Stage::Scheduled || self.release_at != Some(occurrence) {
            return;
        }
        if let Schedule::Recurring(Recurrence { remaining: Some(remaining), .. }) = &mut self.schedule {
            *remaining = remaining.saturating_sub(1);
        }
        match next {
            Some(next) => self.come_next_at(next),
            None => self.stage = Stage::Completed,
        }
    }
}

#[cfg(test)]
mod matrix;
#[cfg(test)]
mod tests;
