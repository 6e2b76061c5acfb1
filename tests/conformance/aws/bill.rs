//! What a push costs from request to receipt, counted from the calls that the real stages and a real gateway make.
//!
//! docs/COSTS.md quotes these tables; a stage that begins to spend more fails here first.

mod actors;
mod crowd;

use std::collections::BTreeMap;

use actors::{Actors, Bill};
use crowd::Crowd;

/// Requests and capacity units that a bill may have at most, by kind: what docs/COSTS.md says.
type Limits = BTreeMap<&'static str, f64>;

#[expect(clippy::print_stdout, reason = "the figures are for a person to read, with --nocapture")]
fn print(title: &str, devices: usize, bill: &Bill) {
    println!("{title}");
    for (kind, amount) in bill.kinds() {
        #[expect(clippy::cast_precision_loss, reason = "a thousand devices")]
        let each = amount / devices as f64;
        println!("  {kind:<28} {amount:>9.1} in all, {each:>8.3} per device");
    }
    for (actor, call, cost) in bill.lines() {
        println!("    {actor:<10} {call:<36} {:>6} requests {:>8.1} units", cost.requests, cost.units);
    }
}

fn assert_within(bill: &Bill, limits: &Limits) {
    for (kind, amount) in bill.kinds() {
        let limit = limits.get(kind).unwrap_or_else(|| panic!("docs/COSTS.md says nothing of {kind}"));
        assert!(amount <= *limit, "{kind}: {amount}, and docs/COSTS.md says {limit}");
    }
}

/// The table of docs/COSTS.md under a heading: `| kind | amount |`.
fn documented(heading: &str) -> Limits {
    const DOCUMENT: &str = include_str!("../../../docs/COSTS.md");
    let section = DOCUMENT.split("\n## ").find(|section| section.starts_with(heading)).expect("the section is there");
    let kinds = Bill::KINDS.into_iter();
    let amount = |kind: &'static str| {
        let row = section.lines().find(|line| line.starts_with(&format!("| {kind} |")))?;
        let number = row.split('|').nth(2)?.trim().replace(',', "");
        Some((kind, number.parse().expect("a number")))
    };
    kinds.filter_map(amount).collect()
}

/// The second push to so many devices: by then caches are warm, as in a process that serves more than one, and the gateway
/// has read again what it reads after its start.
async fn counted(devices: usize) -> Bill {
    let actors = Actors::start().await;
    let crowd = Crowd::link(&actors, devices).await;
    drop(actors.push(&crowd, "warm").await);
    actors.push(&crowd, "counted").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_device_by_https() {
    let bill = counted(1).await;
    print("one device by HTTPS", 1, &bill);
    assert_within(&bill, &documented("One device by HTTPS"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_devices_by_one_message() {
    let bill = counted(1_000).await;
    print("1,000 devices by one message", 1_000, &bill);
    assert_within(&bill, &documented("1,000 devices by one message"));
}
