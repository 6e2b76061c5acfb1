//! Devices with addresses at their vendors.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use homing::client::ApiClient;
use serde_json::{Value, json};

use super::CHANNELS;
use super::played::Played;
use crate::vendor_record::Addressee;

/// Registrations under way at the same time.
const IN_FLIGHT: usize = 32;
/// One device of so many has a dead token.
const DEAD_EVERY: u32 = 20;
/// Vendors that find out of some dead tokens only later, and tell by a receipt.
const TELL_LATER: [&str; 5] = ["huawei", "honor", "xiaomi", "oppo", "vivo"];

/// A device that is to be registered.
struct Plan {
    channel: &'static str,
    /// As the app gives it to the server.
    address: String,
    /// As the vendor's log has it.
    token: String,
    is_dead: bool,
}

/// Registers so many devices for each vendor, and writes down who they are.
pub(super) async fn register(
    api: &ApiClient,
    client_key: &str,
    played: &Played,
    count: u32,
    list: &Path,
) -> Result<Vec<Addressee>> {
    let mut plans = Vec::new();
    for channel in CHANNELS {
        if channel == "webpush" {
            plans.extend(browsers(played, count).await?);
        } else {
            plans.extend((0..count).map(|number| plan(channel, number)));
        }
    }
    let registered = stream::iter(plans).map(|plan| one(api, client_key, plan)).buffer_unordered(IN_FLIGHT);
    let devices: Vec<Addressee> = registered.try_collect().await?;
    let mut file = File::create(list)?;
    for device in &devices {
        writeln!(file, "{}", serde_json::to_string(device)?)?;
    }
    Ok(devices)
}

fn plan(channel: &'static str, number: u32) -> Plan {
    let is_dead = number % DEAD_EVERY == DEAD_EVERY / 2;
    let is_told_later = is_dead && (number / DEAD_EVERY).is_multiple_of(2) && TELL_LATER.contains(&channel);
    let token = match (channel, is_dead, is_told_later) {
        ("apns", false, _) => format!("a9{number:062x}"),
        ("apns", true, _) => format!("dead{number:060x}"),
        ("oppo", false, _) => format!("CN_{number:032x}"),
        (_, false, _) => format!("{channel}-token-{number:06}"),
        (_, true, false) => format!("invalid-{channel}-{number}"),
        (_, true, true) => format!("invalid-later-{channel}-{number}"),
    };
    Plan { channel, address: token.clone(), token, is_dead }
}

async fn browsers(played: &Played, count: u32) -> Result<Vec<Plan>> {
    let dead = count / DEAD_EVERY;
    let subscriptions = played.subscriptions(count, dead).await?;
    let plan = |(number, subscription): (u32, &Value)| {
        let token = subscription["endpoint"].as_str().context("a subscription without an endpoint")?.to_owned();
        anyhow::Ok(Plan { channel: "webpush", address: subscription.to_string(), token, is_dead: number < dead })
    };
    let mut plans = (0..).zip(&subscriptions).map(plan).collect::<Result<Vec<_>>>()?;
    // Dead ones are among the others, as they come.
    plans.sort_by(|a, b| a.token.chars().rev().cmp(b.token.chars().rev()));
    Ok(plans)
}

async fn one(api: &ApiClient, client_key: &str, plan: Plan) -> Result<Addressee> {
    let Plan { channel, address, token, is_dead } = plan;
    let platform = match channel {
        "apns" => "ios",
        "webpush" => "web",
        _ => "android",
    };
    let request = json!({ "platform": platform, "vendor": { "channel": channel, "token": address } });
    let registered: Value = api.post("/v1/devices", client_key, &request).await.context("register a device")?;
    let device_id = registered["device_id"].as_str().context("a device without an id")?.to_owned();
    Ok(Addressee { device_id, channel: channel.to_owned(), token, is_dead })
}
