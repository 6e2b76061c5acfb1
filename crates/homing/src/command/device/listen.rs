//! `homing device listen`: a device at the command line.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use homing_device_sdk::{
    Device, Event, FileState, Inbox, Message, Route, Status, Transports, WebPushKeys, WebPushMessage,
};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::credentials;
use super::subscribe::kept_keys;
use crate::arguments::TransportChoice;
use crate::command::context::Surroundings;
use crate::command::table;
use crate::link::{self, ApiRouter};

pub(super) async fn run(
    here: &Surroundings,
    file: Option<PathBuf>,
    choice: TransportChoice,
    count: Option<u64>,
) -> Result<()> {
    let (file, registered) = credentials(here, file)?;
    let keys = kept_keys(&file)?;
    let gateway = registered.route.gateways.first().context("the server named no gateway at registration")?;
    let (device, inbox) = Device::builder(link::identity(&registered)?, Route::new(gateway.host.clone(), gateway.port))
        .router(ApiRouter::new(here.api.clone(), &registered))
        .transports(Transports::new(link::trust(here.ca())?)?)
        .preference(link::preference(choice))
        .start(FileState::open(file.with_extension("state"))?)
        .await?;
    tokio::select! {
        heard = hear(inbox, &keys, here.json, count) => heard?,
        told = tell_status(device.status(), here.json) => told?,
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    device.close().await;
    Ok(())
}

/// Prints what arrives; ends after `count` messages.
async fn hear(mut inbox: Inbox, keys: &Option<WebPushKeys>, json: bool, count: Option<u64>) -> Result<()> {
    let mut messages = 0;
    while let Some(delivery) = inbox.next().await {
        match delivery.event() {
            Event::Message(message) => {
                messages += 1;
                match keys.as_ref().and_then(|keys| keys.open(message)) {
                    Some(opened) => print_web_push(message, &opened?, json)?,
                    None => print_message(message, json)?,
                }
            }
            other if json => table::json_line(&json!({ "event": format!("{other:?}") }))?,
            Event::Recalled { message, .. } => table::line(format!("recalled {message}"))?,
            Event::Skipped { first, last, reason } => {
                table::line(format!("#{first} to #{last} will not come: {reason:?}"))?;
            }
            Event::Reset { .. } | Event::Hole { .. } => table::line("messages may be lost: synchronise")?,
        }
        delivery.done().await;
        if count.is_some_and(|count| messages >= count) {
            break;
        }
    }
    Ok(())
}

/// What came by Web Push, in the sender's words.
fn print_web_push(message: &Message, opened: &WebPushMessage, json: bool) -> Result<()> {
    let WebPushMessage { subscription, plaintext } = opened;
    let text = String::from_utf8_lossy(plaintext);
    if json {
        let web_push = json!({ "subscription": subscription, "text": text });
        return table::json_line(
            &json!({ "message_id": message.id.to_string(), "seq": message.seq, "web_push": web_push }),
        );
    }
    table::line(format!("#{} {} (web push, subscription {subscription})", message.seq, message.id))?;
    table::line(format!("   {text}"))
}

fn print_message(message: &Message, json: bool) -> Result<()> {
    let payload: Value = serde_json::from_slice(&message.payload).unwrap_or(Value::Null);
    if json {
        let seq = message.seq;
        let line = json!({ "message_id": message.id.to_string(), "seq": seq, "payload": payload });
        return table::json_line(&line);
    }
    let text = |pointer: &str| payload.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    table::line(format!("#{} {}", message.seq, message.id))?;
    for part in [text("/notification/title"), text("/notification/body")] {
        if !part.is_empty() {
            table::line(format!("   {part}"))?;
        }
    }
    match payload.get("data") {
        Some(data) => table::line(format!("   {data}")),
        None => Ok(()),
    }
}

/// Tells how the link is doing, on standard error so that a script reads messages only. Ends when it is over.
async fn tell_status(mut status: watch::Receiver<Status>, json: bool) -> Result<()> {
    loop {
        let now = *status.borrow_and_update();
        match now {
            Status::Connected { transport, resumed, .. } if !json => {
                let how = if resumed { "goes on where it was" } else { "begins" };
                tell(&format!("linked over {}, {how}", transport.name()));
            }
            Status::Disconnected { why, retry_in } if !json => {
                tell(&format!("no link ({why:?}), again in {:.1} s", retry_in.as_secs_f64()));
            }
            Status::Stopped(why) => bail!("the device stopped: {why:?}"),
            Status::Closed => return Ok(()),
            Status::Connecting | Status::Connected { .. } | Status::Disconnected { .. } => {}
        }
        if status.changed().await.is_err() {
            return Ok(());
        }
    }
}

#[expect(clippy::print_stderr, reason = "a status line for the person at the terminal")]
fn tell(what: &str) {
    eprintln!("{what}");
}
