//! Recurring messages: each occurrence is one message, and as many were made as were asked for.

use std::collections::BTreeMap;

use homing_domain::{Message, Recurrence, Schedule, Stage, UnixMillis};

use crate::world::World;

impl World {
    pub(super) fn check_series(&self, series: &Message, faults: &mut Vec<String>) {
        let state = self.state();
        let occurrences: Vec<&Message> =
            state.messages.rows.values().filter(|message| message.series == Some(series.id)).collect();
        let mut by_time = BTreeMap::<UnixMillis, usize>::new();
        for occurrence in &occurrences {
            *by_time.entry(occurrence.release_at.unwrap_or_default()).or_insert(0) += 1;
        }
        if let Some((at, count)) = by_time.iter().find(|(_, count)| **count > 1) {
            faults.push(format!("{} has {count} occurrences at {at}", series.id));
        }
        let is_shown = state.messages.shards.keys().any(|(message, _)| *message == series.id);
        if is_shown {
            faults.push(format!("{} recurs, and is itself delivered", series.id));
        }
        let wanted =
            self.requests.iter().find(|request| request.id == series.id).map(|request| &request.draft.schedule);
        let Some(Schedule::Recurring(Recurrence { remaining: Some(count), .. })) = wanted else { return };
        match series.stage {
            Stage::Cancelled => {}
            Stage::Completed if occurrences.len() == *count as usize => {}
            stage => faults.push(format!("{} is {stage} after {} of {count}", series.id, occurrences.len())),
        }
    }
}
