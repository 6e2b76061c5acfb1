//! Durable accepts: how many pushes per second are answered with 202, each with its row and its job on disk, beside what
//! the disk can do.

use std::time::Duration;

use anyhow::Result;
use futures_util::{StreamExt as _, stream};
use hdrhistogram::Histogram;
use homing_contract::http::v1::AudienceRequest;

use super::crowd::LONGEST_MICROS;
use super::disk;
use super::report::{Report, count};
use super::target::{Server, Target, now_micros, started};
use crate::arguments::BenchArguments;

/// Offline devices that the pushes are spread over: their mailboxes (64 entries each) hold a quarter of a million.
const OFFLINE_DEVICES: u32 = 4_096;

/// Measures.
pub(super) async fn measure(arguments: &BenchArguments, report: &mut Report) -> Result<()> {
    let target = Target::start(arguments).await?;
    if let Server::Child { command, .. } = &target.server {
        disk::measure(command.data_dir.parent().unwrap_or(&command.data_dir), report)?;
    }
    let devices = target.register(OFFLINE_DEVICES).await?;
    let before = target.usage()?;
    let (began, length) = (started(), Duration::from_secs(arguments.seconds));
    let (mut accepted, mut refused, mut times) = (0_u64, 0_u64, Histogram::<u64>::new_with_max(LONGEST_MICROS, 3)?);
    let push = |number: usize| {
        let device = devices[number % devices.len()].device_id.clone();
        let target = &target;
        async move {
            let sent = now_micros();
            let pushed = target.push(AudienceRequest::devices([device]), sent).await;
            pushed.map(|()| now_micros() - sent)
        }
    };
    let running = stream::iter(0..).take_while(|_| std::future::ready(began.elapsed() < length));
    let mut answers = running.map(push).buffer_unordered(arguments.in_flight as usize);
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(took) => {
                accepted += 1;
                times.saturating_record(took);
            }
            Err(_) => refused += 1,
        }
    }
    drop(answers);
    let seconds = began.elapsed().as_secs_f64();
    report.add("accept", "durable accepts over HTTP", count(accepted) / seconds, "/s");
    report.add("accept", "requests not accepted", count(refused), "");
    report.add_times("accept", "request → 202", &times);
    // The workers come after: an accept is paid for when its message stands in the mailbox.
    target.quiet().await?;
    let cpu = target.cpu_since(before, count(accepted.max(1)))?;
    report.add("accept", "server CPU per accept, mailbox entry included", cpu, "µs");
    target.stop().await
}
