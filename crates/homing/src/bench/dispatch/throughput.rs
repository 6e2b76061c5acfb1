//! Broadcasts to one vendor's devices after the other.

use std::time::Duration;

use anyhow::{Result, bail};
use hdrhistogram::Histogram;
use homing_contract::http::v1::AudienceRequest;
use homing_domain::Channel;

use super::field::{App, Field};
use super::log::as_it_travels;
use crate::arguments::BenchArguments;
use crate::bench::crowd::LONGEST_MICROS;
use crate::bench::report::{Report, count};
use crate::bench::target::{now_micros, started};

/// One broadcast ends within this, or the measurement has failed.
const ROUND_WITHIN: Duration = Duration::from_secs(60);

/// What the rounds of one vendor came to.
struct Rounds {
    sends: u64,
    /// From the first to the last line of each round.
    millis: u64,
    /// Lines that the first moment of a round does not count.
    firsts: u64,
    times: Histogram<u64>,
}

/// Measures each vendor.
pub(super) async fn measure(field: &mut Field, arguments: &BenchArguments, report: &mut Report) -> Result<()> {
    let channels: Vec<Channel> = field.vendors.iter().map(|played| played.channel).collect();
    for channel in channels {
        let app = field.app(&[channel], None).await?;
        field.register(&app, channel, arguments.devices).await?;
        one(field, &app, channel, arguments, report).await?;
    }
    Ok(())
}

async fn one(
    field: &mut Field,
    app: &App,
    channel: Channel,
    arguments: &BenchArguments,
    report: &mut Report,
) -> Result<()> {
    // Access, connections and caches are there for the first round that counts.
    let mut rounds = Rounds { sends: 0, millis: 0, firsts: 0, times: Histogram::new_with_max(LONGEST_MICROS, 3)? };
    round(field, app, channel, arguments.devices, None).await?;
    let (before, writes_before) = (field.target.usage()?, field.target.store_writes().await);
    let counts_before = field.counts(channel).await?;
    let (began, length) = (started(), Duration::from_secs(arguments.seconds) / u32::try_from(field.vendors.len())?);
    while rounds.sends == 0 || began.elapsed() < length {
        round(field, app, channel, arguments.devices, Some(&mut rounds)).await?;
    }
    let sends = count(rounds.sends);
    let cpu = field.target.cpu_since(before, sends)?;
    let writes = field.target.store_writes().await.zip(writes_before).map(|(after, before)| (after - before) / sends);
    let counts = field.counts(channel).await?;
    let name = |what: &str| format!("{channel}: {what}");
    let span = count(rounds.millis.max(1)) / 1_000.0;
    report.add("dispatch", name("sends while a broadcast runs"), count(rounds.sends - rounds.firsts) / span, "/s");
    report.add_times("dispatch", &name("202 → vendor"), &rounds.times);
    report.add("dispatch", name("server CPU per send, all stages"), cpu, "µs");
    report.add("dispatch", name("writes to the store per send"), writes, "");
    let requests = counts.requests - counts_before.requests;
    report.add("dispatch", name("sends per request"), sends / count(requests.max(1)), "");
    for (version, number) in &counts.by_version {
        let before = counts_before.by_version.get(version).copied().unwrap_or(0);
        report.add("dispatch", name(&format!("requests over {version}")), count(number - before), "");
    }
    report.add("dispatch", name("connections, from the start"), count(counts.connections), "");
    Ok(())
}

/// A broadcast until its balance closes.
async fn round(
    field: &mut Field,
    app: &App,
    channel: Channel,
    devices: u32,
    rounds: Option<&mut Rounds>,
) -> Result<()> {
    let message = field.push(app, AudienceRequest::all()).await?;
    let accepted = now_micros();
    let handed_off = field.settled(app, &message, devices, ROUND_WITHIN).await?;
    let Some(played) = field.vendors.iter_mut().find(|played| played.channel == channel) else {
        bail!("{channel} is not played")
    };
    let mut lines = played.log.lines()?;
    let travelled = as_it_travels(&message);
    lines.retain(|line| line.message == travelled);
    if lines.len() != devices as usize || handed_off != i64::from(devices) {
        bail!("{channel} took {} pushes of {devices}, and the server says {handed_off}", lines.len());
    }
    let Some(rounds) = rounds else { return Ok(()) };
    let first = lines.iter().map(|line| line.at).min().unwrap_or_default();
    let last = lines.iter().map(|line| line.at).max().unwrap_or_default();
    rounds.sends += lines.len() as u64;
    rounds.firsts += lines.iter().filter(|line| line.at == first).count() as u64;
    rounds.millis += last - first;
    for line in lines {
        rounds.times.saturating_record((line.at * 1_000).saturating_sub(accepted));
    }
    Ok(())
}
