//! `homing message`.

use anyhow::Result;
use homing_contract::http::v1::{BalanceView, MessageView, StageName, TraceView};

use super::context::Surroundings;
use super::device::credentials;
use super::table;
use crate::arguments::MessageCommand;

pub(super) async fn run(command: MessageCommand) -> Result<()> {
    match command {
        MessageCommand::Show { message, key, server } => {
            let here = Surroundings::new(&server)?;
            let view: MessageView = here.api.get(&format!("/v1/messages/{message}"), &here.server_key(&key)?).await?;
            if here.json { table::json(&view) } else { show(&view) }
        }
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
    }
}

fn show(view: &MessageView) -> Result<()> {
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
    pairs.push(("expires", summary.expires_at.to_string()));
    table::line(table::of_pairs(pairs))?;
    let heads = ["", "targeted", "delivered", "handed off", "expired", "failed", "recalled", "suppressed", "pending"];
    let mut balance = table::with_heads(heads);
    balance.add_row(row("all", &view.balance));
    for (channel, numbers) in &view.channels {
        balance.add_row(row(channel, numbers));
    }
    table::line(balance)
}

fn row(name: &str, numbers: &BalanceView) -> Vec<String> {
    let columns = [
        numbers.targeted,
        numbers.delivered,
        numbers.handed_off,
        numbers.expired,
        numbers.failed,
        numbers.recalled,
        numbers.suppressed,
        numbers.pending,
    ];
    std::iter::once(name.to_owned()).chain(columns.map(|number| number.to_string())).collect()
}

fn trace(view: &TraceView) -> Result<()> {
    let mut stops = table::with_heads(["stop", "at", "detail"]);
    for stop in &view.stops {
        stops.add_row([stop.stop.clone(), stop.at.map_or_else(String::new, |at| at.to_string()), stop.detail.clone()]);
    }
    table::line(stops)?;
    table::line(&view.explanation)
}

fn stage(stage: StageName) -> String {
    match serde_json::to_value(stage) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}
