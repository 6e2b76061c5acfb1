//! Pushes to single devices of eight vendors: alone, and beside broadcasts to a ninth that works, says "too fast" to
//! everything, or needs seconds for each answer.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Result;
use futures_util::{StreamExt as _, stream};
use hdrhistogram::Histogram;
use homing_contract::http::v1::AudienceRequest;
use homing_domain::Channel;
use homing_vendor_simulator::Faults;
use tokio::time::MissedTickBehavior;

use super::field::{App, Field};
use super::log::as_it_travels;
use crate::arguments::BenchArguments;
use crate::bench::crowd::LONGEST_MICROS;
use crate::bench::directed::DRAIN_WITHIN;
use crate::bench::report::{Report, count};
use crate::bench::target::{now_micros, started};

/// The vendor in trouble: one device a request, so that a broadcast is as many requests as can be.
const LOUD: Channel = Channel::Fcm;
/// Between two broadcasts to it.
const BROADCAST_EVERY: Duration = Duration::from_secs(1);
/// Pushes a second to the others at most: their wait is measured, not what the machine can do.
const RATE_MAX: u32 = 100;
/// Devices at each of the others.
const DEVICES_OF_OTHERS: u32 = 50;
/// What a vendor in trouble needs for an answer, in milliseconds.
const SLOW_MS: u64 = 5_000;
/// Between two looks at the logs.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Measures.
pub(super) async fn measure(field: &mut Field, arguments: &BenchArguments, report: &mut Report) -> Result<()> {
    let channels: Vec<Channel> = field.vendors.iter().map(|played| played.channel).collect();
    let app = field.app(&channels, Some(LOUD)).await?;
    let mut devices = Vec::new();
    for channel in channels.into_iter().filter(|channel| *channel != LOUD) {
        devices.push(field.register(&app, channel, DEVICES_OF_OTHERS).await?);
    }
    field.register(&app, LOUD, arguments.devices).await?;
    // One of each vendor after the other.
    let devices: Vec<String> = (0..DEVICES_OF_OTHERS as usize)
        .flat_map(|number| devices.iter().map(move |some| some[number].clone()))
        .collect();
    for device in devices.iter().take(8) {
        field.push(&app, AudienceRequest::devices([device.clone()])).await?;
    }
    field.target.quiet().await?;
    let troubles = [
        ("beside fcm at work", Faults::default()),
        ("beside fcm throttled", Faults { throttle_share: 1.0, ..Faults::default() }),
        ("beside fcm slow (5 s)", Faults { slow_ms: SLOW_MS, ..Faults::default() }),
    ];
    let alone = to_others(field, &app, &devices, arguments).await?;
    add(report, "alone", &alone, None);
    for (name, faults) in troubles {
        field.vendor(LOUD)?.process.put_faults(LOUD.name(), faults).await?;
        let before = field.counts(LOUD).await?;
        let beside = {
            let field = &*field;
            tokio::select! {
                sent = send_to_others(field, &app, &devices, arguments) => sent?,
                failed = broadcasts(field, &app) => failed?,
            }
        };
        let beside = wait_for(field, &beside).await?;
        let after = field.counts(LOUD).await?;
        add(report, name, &beside, Some(&alone));
        let seconds = count(arguments.seconds);
        report.add(
            "dispatch",
            format!("{name}: requests to fcm"),
            count(after.requests - before.requests) / seconds,
            "/s",
        );
        field.vendor(LOUD)?.process.put_faults(LOUD.name(), Faults::default()).await?;
        field.target.quiet().await?;
    }
    // What the machine does by itself between two runs.
    let again = to_others(field, &app, &devices, arguments).await?;
    add(report, "alone again", &again, Some(&alone));
    Ok(())
}

fn add(report: &mut Report, name: &str, times: &Measured, alone: Option<&Measured>) {
    report.add("dispatch", format!("{name}: pushes to the others"), count(times.sent), "");
    if times.missing > 0 {
        report.add("dispatch", format!("{name}: not taken in time"), count(times.missing), "");
    }
    report.add_times("dispatch", &format!("{name}: 202 → vendor"), &times.times);
    let p99 = |measured: &Measured| count(measured.times.value_at_quantile(0.99).max(1));
    let ratio = alone.map(|alone| p99(times) / p99(alone));
    report.add("dispatch", format!("{name}: p99 as a multiple of alone"), ratio, "×");
}

/// How long pushes took.
struct Measured {
    sent: u64,
    missing: u64,
    times: Histogram<u64>,
}

/// When each message was accepted, by its id as it travels: microseconds since 1970.
type Accepted = HashMap<String, u64>;

async fn to_others(field: &mut Field, app: &App, devices: &[String], arguments: &BenchArguments) -> Result<Measured> {
    let accepted = send_to_others(field, app, devices, arguments).await?;
    wait_for(field, &accepted).await
}

async fn send_to_others(field: &Field, app: &App, devices: &[String], arguments: &BenchArguments) -> Result<Accepted> {
    let rate = arguments.rate.min(RATE_MAX);
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / rate);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let total = u64::from(rate) * arguments.seconds;
    let clock = stream::unfold(ticks, |mut ticks| async {
        ticks.tick().await;
        Some(((), ticks))
    });
    let devices = devices.iter().cycle();
    let pushes = clock.zip(stream::iter(devices)).take(usize::try_from(total)?).map(|((), device)| async move {
        let message = field.push(app, AudienceRequest::devices([device.clone()])).await?;
        anyhow::Ok((as_it_travels(&message), now_micros()))
    });
    let answers: Vec<_> = pushes.buffer_unordered(arguments.in_flight as usize).collect().await;
    answers.into_iter().collect()
}

/// Until somebody stops waiting for it.
async fn broadcasts(field: &Field, app: &App) -> Result<Accepted> {
    let mut ticks = tokio::time::interval(BROADCAST_EVERY);
    loop {
        ticks.tick().await;
        field.push(app, AudienceRequest::expression(format!("model == {LOUD}"))).await?;
    }
}

/// Waits until the vendors have taken what was accepted.
async fn wait_for(field: &mut Field, accepted: &Accepted) -> Result<Measured> {
    let mut times = Histogram::new_with_max(LONGEST_MICROS, 3)?;
    let began = started();
    loop {
        for played in field.vendors.iter_mut().filter(|played| played.channel != LOUD) {
            for line in played.log.lines()? {
                if let Some(at) = accepted.get(&line.message) {
                    times.saturating_record((line.at * 1_000).saturating_sub(*at));
                }
            }
        }
        let sent = accepted.len() as u64;
        let missing = sent.saturating_sub(times.len());
        if missing == 0 || began.elapsed() > DRAIN_WITHIN {
            return Ok(Measured { sent, missing, times });
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
