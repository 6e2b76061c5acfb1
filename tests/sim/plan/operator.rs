//! What people do to messages on their way: pause, slow down, abort, cancel, amend, take back.

use bytes::Bytes;
use homing_domain::{AmendedContent, AmendedRelease, Amendment, MessageChange, MessageId, Millis, Schedule, Stage};

use crate::errand::Wish;
use crate::world::World;

/// Only the latest requests are of interest: the others are over.
const RECENT: usize = 12;

impl World {
    /// Something that a sender does about a message of his.
    pub(crate) fn control_something(&mut self) {
        let Some((message, stage)) = self.some_recent() else { return };
        let now = self.now();
        let draw = self.random.below(10);
        if stage == Stage::Scheduled && draw < 8 {
            return self.reconsider(message, draw < 3);
        }
        let change = match draw {
            0..4 => {
                self.resume_later(message);
                MessageChange::Pause(now)
            }
            4..6 => MessageChange::Abort,
            6 => MessageChange::Cancel,
            _ => MessageChange::SetRate(self.rate()),
        };
        self.errand(Wish::Change(message, change));
    }

    /// A message that waits for its time is cancelled, or becomes another one.
    fn reconsider(&mut self, message: MessageId, cancels: bool) {
        let change = if cancels {
            MessageChange::Cancel
        } else {
            let Some(amendment) = self.amendment(message) else { return };
            MessageChange::Amend(Box::new(amendment))
        };
        self.errand(Wish::Change(message, change));
    }

    /// A sender takes a message back, whatever has become of it.
    pub(crate) fn recall_something(&mut self) {
        if let Some((message, _)) = self.some_recent() {
            self.errand(Wish::Recall(message));
        }
    }

    /// A rate at which everyone takes some seconds.
    pub(crate) fn rate(&mut self) -> Option<u32> {
        self.random.per_mille(700).then(|| u32::try_from(self.random.between(1, 40)).expect("small"))
    }

    /// Nobody leaves a message paused for ever.
    fn resume_later(&mut self, message: MessageId) {
        let span: Millis = if self.random.per_mille(300) { 95_000 } else { self.random.between(500, 30_000) };
        self.errand_after(span, Wish::Resume(message));
    }

    /// Messages that nobody resumed, because whoever would have has died.
    pub(crate) fn resume_all(&mut self) {
        let paused: Vec<MessageId> = {
            let state = self.state();
            let rows = state.messages.rows.values();
            rows.filter(|row| row.control.flow == homing_domain::Flow::Paused).map(|row| row.id).collect()
        };
        for message in paused {
            self.errand(Wish::Resume(message));
        }
    }

    fn some_recent(&mut self) -> Option<(MessageId, Stage)> {
        let recent: Vec<(MessageId, Stage)> = {
            let state = self.state();
            let ids = self.requests.iter().rev().take(RECENT).map(|request| request.id);
            ids.filter_map(|id| Some((id, state.messages.rows.get(&id)?.stage))).collect()
        };
        // What was made to be controlled is chosen more often than chance would have it.
        let interesting: Vec<_> =
            recent.iter().filter(|(id, stage)| self.is_controllable(*id, *stage)).copied().collect();
        let choice = if interesting.is_empty() || self.random.per_mille(300) { recent } else { interesting };
        (!choice.is_empty()).then(|| choice[self.random.index(choice.len())])
    }

    fn is_controllable(&self, message: MessageId, stage: Stage) -> bool {
        let state = self.state();
        let has_rate = state.messages.rows.get(&message).is_some_and(|row| row.options.rate_per_second.is_some());
        stage == Stage::Scheduled || stage == Stage::Releasing && has_rate
    }

    /// Another text, another time, perhaps at once.
    fn amendment(&mut self, message: MessageId) -> Option<Amendment> {
        let row = self.state().messages.rows.get(&message).cloned()?;
        if matches!(row.schedule, Schedule::Recurring(_)) {
            return None;
        }
        let now = self.now();
        let at = self.random.per_mille(700).then(|| now.plus(self.random.between(0, 60_000)));
        let content = AmendedContent {
            payload: Bytes::from_static(b"amended"),
            silent: row.options.silent,
            ..AmendedContent::default()
        };
        let release =
            AmendedRelease { schedule: at.map_or(Schedule::Now, Schedule::At), at, lives_from: at.unwrap_or(now) };
        Some(Amendment { content: Some(content), release: Some(release), ..Amendment::default() })
    }
}
