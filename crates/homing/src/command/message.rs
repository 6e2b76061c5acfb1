//! `homing message`.

use anyhow::{Context as _, Result};
use homing_contract::http::v1::{
    BalanceView, FlowName, MessagePatch, MessageSummary, MessageView, Notification, RateRequest, RecallAccepted,
    ScheduleRequest, StageName, TraceView,
};
use serde::Serialize;
use serde_json::json;

use super::context::Surroundings;
use super::device::credentials;
use super::schedule::schedule;
use super::{table, watch};
use crate::arguments::{AmendArguments, MessageCommand, NewRate, OneMessage};

pub(super) async fn run(command: MessageCommand) -> Result<()> {
    match command {
        MessageCommand::Show { message, key, server } => {
            let here = Surroundings::new(&server)?;
            let view: MessageView = here.api.get(&format!("/v1/messages/{message}"), &here.server_key(&key)?).await?;
            if here.json { table::json(&view) } else { show(&view) }
        }
        MessageCommand::Cancel { message, key, server } => {
            let here = Surroundings::new(&server)?;
            let path = format!("/v1/messages/{message}/cancel");
            let summary: MessageSummary = here.api.post(&path, &here.server_key(&key)?, &json!({})).await?;
            if here.json { table::json(&summary) } else { table::line(format!("{}: {message}", stage(summary.stage))) }
        }
        MessageCommand::Amend(arguments) => amend(*arguments).await,
        MessageCommand::Trace { message, device, key, server } => {
            let here = Surroundings::new(&server)?;
            let device = match device {
                Some(device) => device,
                None => credentials(&here, None)?.1.device_id,
            };
            let path = format!("/v1/messages/{message}/trace?device={device}");
            let view: TraceView = here.api.get(&path, &here.server_key(&key)?).await?;
            if here.json { table::json(&view) } else { trace(&view) }
        }
        MessageCommand::Watch { watch, message } => {
            let here = Surroundings::new(&message.server)?;
            let token = here.server_key(&message.key)?;
            watch::follow(&here, &token, &message.message, watch).await
        }
        MessageCommand::Pause(message) => control(&message, "pause", &()).await,
        MessageCommand::Resume(message) => control(&message, "resume", &()).await,
        MessageCommand::Abort(message) => control(&message, "abort", &()).await,
        MessageCommand::Rate { rate: NewRate(rate), message } => {
            control(&message, "rate", &RateRequest { rate_per_second: rate.map(i64::from) }).await
        }
        MessageCommand::Recall(message) => recall(&message).await,
    }
}

async fn control(message: &OneMessage, verb: &str, body: &(impl Serialize + Sync)) -> Result<()> {
    let here = Surroundings::new(&message.server)?;
    let path = format!("/v1/messages/{}/{verb}", message.message);
    let summary: MessageSummary = here.api.post(&path, &here.server_key(&message.key)?, body).await?;
    if here.json {
        return table::json(&summary);
    }
    let rate = summary.control.rate_per_second.map(|rate| format!(", at most {rate} devices a second"));
    let state = flow(summary.control.state);
    table::line(format!("{} and {state}{}", stage(summary.stage), rate.unwrap_or_default()))
}

async fn recall(message: &OneMessage) -> Result<()> {
    let here = Surroundings::new(&message.server)?;
    let path = format!("/v1/messages/{}/recall", message.message);
    let accepted: RecallAccepted = here.api.post(&path, &here.server_key(&message.key)?, &()).await?;
    if here.json {
        return table::json(&accepted);
    }
    table::line(format!("recalled by {}", accepted.message_id))?;
    table::line(format!("how far that is: homing message watch {}", accepted.message_id))
}

const fn flow(state: FlowName) -> &'static str {
    match state {
        FlowName::Running => "running",
        FlowName::Paused => "paused",
        FlowName::Aborted => "aborted",
        FlowName::Recalled => "recalled",
    }
}

async fn amend(arguments: AmendArguments) -> Result<()> {
    let here = Surroundings::new(&arguments.server)?;
    let (token, path) = (here.server_key(&arguments.key)?, format!("/v1/messages/{}", arguments.message));
    let summary: MessageSummary = here.api.patch(&path, &token, &patch(arguments)?).await?;
    if here.json {
        return table::json(&summary);
    }
    let at = summary.release_at.map_or_else(|| "at once".to_owned(), |at| format!("at {at}"));
    table::line(format!("{}, {at}: {}", stage(summary.stage), summary.message_id))
}

fn patch(arguments: AmendArguments) -> Result<MessagePatch> {
    let AmendArguments { title, body, data, now, schedule: when, .. } = arguments;
    let has_text = title.is_some() || body.is_some();
    let data = data.map(|text| serde_json::from_str(&text)).transpose();
    let schedule = if now { Some(None) } else { schedule(when)?.map(Some) };
    Ok(MessagePatch {
        notification: has_text.then(|| Notification { title, body, ..Notification::default() }),
        data: data.context("--data must be a JSON object, as '{\"order\": 7}'")?,
        schedule,
        ..MessagePatch::default()
    })
}

pub(super) fn show(view: &MessageView) -> Result<()> {
    let summary = &view.summary;
    let audience = match summary.audience.named {
        Some(named) => format!("{named} {}", summary.audience.kind),
        None => summary.audience.kind.clone(),
    };
    let mut pairs = vec![
        ("message", summary.message_id.clone()),
        ("stage", stage(summary.stage)),
        ("audience", audience),
        ("accepted", summary.accepted_at.to_string()),
    ];
    pairs.extend(summary.release_at.map(|at| ("release at", at.to_string())));
    if let Some(ScheduleRequest { cron: Some(cron), timezone, count, .. }) = &summary.schedule {
        let zone = timezone.as_deref().unwrap_or("UTC");
        let left = count.map_or_else(String::new, |count| format!(", {count} left"));
        pairs.push(("recurs", format!("{cron} ({zone}){left}")));
    }
    pairs.extend(summary.series.clone().map(|series| ("occurrence of", series)));
    if summary.control.state != FlowName::Running {
        pairs.push(("control", flow(summary.control.state).to_owned()));
    }
    pairs.extend(summary.control.rate_per_second.map(|rate| ("rate", format!("{rate} devices a second"))));
    pairs.push(("enumerated", format!("{:.0} %", view.progress.enumerated * 100.0)));
    pairs.push(("expires", summary.expires_at.to_string()));
    table::line(table::of_pairs(pairs))?;
    let heads = [
        "",
        "targeted",
        "delivered",
        "handed off",
        "expired",
        "failed",
        "recalled",
        "suppressed",
        "cancelled",
        "pending",
    ];
    let mut balance = table::with_heads(heads);
    balance.add_row(row("all", &view.balance, view.approximate));
    for (channel, numbers) in &view.channels {
        balance.add_row(row(channel, numbers, view.approximate));
    }
    table::line(balance)
}

/// What is counted without rows of single devices is "about" so many.
fn row(name: &str, numbers: &BalanceView, is_approximate: bool) -> Vec<String> {
    let about = if is_approximate { "about " } else { "" };
    let columns = [
        numbers.targeted,
        numbers.delivered,
        numbers.handed_off,
        numbers.expired,
        numbers.failed,
        numbers.recalled,
        numbers.suppressed,
        numbers.cancelled,
        numbers.pending,
    ];
    std::iter::once(name.to_owned()).chain(columns.map(|number| format!("{about}{number}"))).collect()
}

fn trace(view: &TraceView) -> Result<()> {
    let mut stops = table::with_heads(["stop", "at", "detail"]);
    for stop in &view.stops {
        stops.add_row([stop.stop.clone(), stop.at.map_or_else(String::new, |at| at.to_string()), stop.detail.clone()]);
    }
    table::line(stops)?;
    table::line(&view.explanation)
}

pub(super) fn stage(stage: StageName) -> String {
    match serde_json::to_value(stage) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}
