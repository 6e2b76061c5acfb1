//! When, as flags say it.

use anyhow::{Context as _, Result};
use homing_contract::http::v1::ScheduleRequest;
use serde_json::{Map, Value};

use crate::arguments::ScheduleArguments;

/// The schedule that flags ask for; `None` = at once. What they name is checked by the server.
pub(super) fn schedule(arguments: ScheduleArguments) -> Result<Option<ScheduleRequest>> {
    let ScheduleArguments { at, at_local, cron, timezone, until, count } = arguments;
    let texts = [("at", at), ("at_local", at_local), ("cron", cron), ("timezone", timezone), ("until", until)];
    let texts = texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), Value::from(text?))));
    let count = count.map(|count| ("count".to_owned(), Value::from(count)));
    let said: Map<String, Value> = texts.chain(count).collect();
    if said.is_empty() {
        return Ok(None);
    }
    let schedule = serde_json::from_value(Value::Object(said));
    schedule.map(Some).context("--at and --until are times with their offset from UTC, as 2026-12-24T18:00:00+08:00")
}
