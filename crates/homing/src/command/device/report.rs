//! `homing device report`: what a device is, and what its person wants to be spared.

use anyhow::{Context as _, Result};
use homing_contract::http::v1::{DevicePatch, DeviceView, QuietHoursView, SetTags};

use super::credentials;
use crate::arguments::{ReportArguments, Switch};
use crate::command::context::Surroundings;
use crate::command::table;

pub(super) async fn run(arguments: ReportArguments) -> Result<()> {
    let here = Surroundings::new(&arguments.server)?;
    let (_, registered) = credentials(&here, arguments.device.clone())?;
    let (path, secret) = (format!("/v1/devices/{}", registered.device_id), &registered.device_secret);
    let tags = arguments.tag.clone();
    let patch = patch(arguments)?;
    let mut device: Option<DeviceView> = None;
    if patch != DevicePatch::default() {
        device = Some(here.api.patch(&path, secret, &patch).await?);
    }
    if !tags.is_empty() {
        device = Some(here.api.put(&format!("{path}/tags"), secret, &SetTags { tags }).await?);
    }
    let device = match device {
        Some(device) => device,
        None => here.api.get(&path, secret).await?,
    };
    if here.json { table::json(&device) } else { show(device) }
}

fn patch(arguments: ReportArguments) -> Result<DevicePatch> {
    let quiet_hours = arguments.quiet_hours.as_deref().map(quiet_hours).transpose()?;
    let topics = arguments.opt_out;
    Ok(DevicePatch {
        locale: arguments.locale.map(Some),
        timezone: arguments.timezone.map(Some),
        app_version: arguments.app_version.map(Some),
        os_version: arguments.os_version.map(Some),
        notifications_enabled: arguments.notifications.map(|switch| switch == Switch::On),
        quiet_hours,
        opted_out_topics: (!topics.is_empty()).then_some(Some(topics)),
        ..DevicePatch::default()
    })
}

/// Reads `22:00-07:00` or `never`. The server checks the times.
fn quiet_hours(text: &str) -> Result<Option<QuietHoursView>> {
    if text == "never" {
        return Ok(None);
    }
    let (start, end) = text.split_once('-').context("--quiet-hours is as 22:00-07:00, or never")?;
    Ok(Some(QuietHoursView { start: start.to_owned(), end: end.to_owned() }))
}

fn show(device: DeviceView) -> Result<()> {
    let hours = device.quiet_hours.map(|hours| format!("{} to {}", hours.start, hours.end));
    let notifications = if device.notifications_enabled { "on" } else { "off" };
    table::line(table::of_pairs([
        ("device", device.device_id),
        ("user", device.user_id.unwrap_or_default()),
        ("tags", device.tags.join(", ")),
        ("locale", device.locale.unwrap_or_default()),
        ("time zone", device.timezone.unwrap_or_default()),
        ("app version", device.app_version.unwrap_or_default()),
        ("os version", device.os_version.unwrap_or_default()),
        ("notifications", notifications.to_owned()),
        ("quiet hours", hours.unwrap_or_default()),
        ("opted out of", device.opted_out_topics.join(", ")),
        ("last seen", device.last_seen_at.to_string()),
    ]))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::arguments::{Arguments, Command, DeviceCommand};

    fn parse(flags: &[&str]) -> Result<DevicePatch> {
        let line = ["homing", "device", "report"].iter().chain(flags);
        let Command::Device(DeviceCommand::Report(arguments)) = Arguments::try_parse_from(line)?.command else {
            panic!("not report")
        };
        patch(*arguments)
    }

    #[test]
    fn flags_become_the_report() {
        let flags =
            ["d.json", "--locale", "zh-CN", "--quiet-hours", "22:00-07:00", "--opt-out", "a", "--notifications", "off"];
        let report = serde_json::to_value(parse(&flags).unwrap()).unwrap();
        let expected = serde_json::json!({
            "locale": "zh-CN", "quiet_hours": {"start": "22:00", "end": "07:00"}, "opted_out_topics": ["a"],
            "notifications_enabled": false
        });
        assert_eq!(report, expected);
        assert_eq!(parse(&["--quiet-hours", "never"]).unwrap().quiet_hours, Some(None));
        assert_eq!(parse(&["--tag", "vip"]).unwrap(), DevicePatch::default());
    }

    #[test]
    fn nonsense_is_refused() {
        for flags in [&["--quiet-hours", "22:00"][..], &["--notifications", "perhaps"], &["--mood", "good"]] {
            assert!(parse(flags).is_err(), "{flags:?}");
        }
    }
}
