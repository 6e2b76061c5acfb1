//! The demonstration: the main job against a server that is killed on the way.
//!
//! Usage: `homing-demo [DIRECTORY]`. It starts `homing serve` in a fresh directory, registers thirty devices, sends 2,000
//! messages while the server is killed at its fail points, a device's process is killed and every link is dropped, and
//! lets `homing-check` judge by the publisher's and the devices' logs alone. Exit code 0 = everything closes.
//!
//! `homing-demo vendors HOMING DEVICES` lets the program HOMING play the nine vendors for a server, with everything that goes
//! wrong with them. `homing-demo aws [DIRECTORY]` does the same against the AWS deployment in an emulator, with two gateways of which one is
//! killed and one drained; `homing-demo aws-drain [DIRECTORY]` moves thousands of links from gateway to gateway.

mod audience;
mod aws;
#[path = "../check/crowd_record.rs"]
mod crowd_record;
mod device;
mod field;
mod fleet;
mod process;
mod publisher;
#[path = "../check/record.rs"]
mod record;
mod scenario;
mod server;
#[path = "../check/vendor_record.rs"]
mod vendor_record;
mod vendors;

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use tokio::runtime::Runtime;

use scenario::{MESSAGES, Outcome, Scenario};

fn main() -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["device", plan] => runtime.block_on(process::run(Path::new(plan), None))?,
        ["device", plan, dies_at] => {
            runtime.block_on(process::run(Path::new(plan), Some(dies_at.parse()?)))?;
        }
        [] => return kept_when_it_fails(&runtime, None, demonstrate),
        ["audience", program, devices, links, users] => {
            let size = audience::Size { devices: devices.parse()?, links: links.parse()?, users: users.parse()? };
            let program = Path::new(program);
            return kept_when_it_fails(&runtime, None, async |directory: &Path| {
                audience::demonstrate(program, directory, size).await
            });
        }
        ["vendors", program, devices] => {
            let (program, devices) = (Path::new(program), devices.parse()?);
            return kept_when_it_fails(&runtime, None, async |directory: &Path| {
                vendors::demonstrate(program, directory, devices).await
            });
        }
        ["aws"] => return kept_when_it_fails(&runtime, None, aws::demonstrate),
        ["aws", directory] => return kept_when_it_fails(&runtime, Some(directory), aws::demonstrate),
        ["aws-drain"] => return kept_when_it_fails(&runtime, None, aws::drain_and_crash),
        ["aws-drain", directory] => return kept_when_it_fails(&runtime, Some(directory), aws::drain_and_crash),
        [directory] => return kept_when_it_fails(&runtime, Some(directory), demonstrate),
        _ => anyhow::bail!(
            "usage: homing-demo [aws | aws-drain] [DIRECTORY], audience HOMING DEVICES LINKS USERS, or vendors HOMING DEVICES"
        ),
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs a demonstration in a directory, or in a fresh one that is kept when it fails.
fn kept_when_it_fails(
    runtime: &Runtime,
    directory: Option<&str>,
    demonstration: impl AsyncFnOnce(&Path) -> Result<ExitCode>,
) -> Result<ExitCode> {
    if let Some(directory) = directory {
        std::fs::create_dir_all(directory)?;
        return runtime.block_on(demonstration(Path::new(directory)));
    }
    let directory = tempfile::tempdir()?;
    let ended = runtime.block_on(demonstration(directory.path()));
    if !matches!(ended, Ok(code) if code == ExitCode::SUCCESS) {
        say(format!("the logs are kept in {}", directory.keep().display()));
    }
    ended
}

async fn demonstrate(directory: &Path) -> Result<ExitCode> {
    say(format!("a fresh server, {} devices, {MESSAGES} messages, in {}", fleet::DEVICES, directory.display()));
    let scenario = Scenario::prepare(directory).await?;
    say(format!("devices are linked; the server logs to {}", scenario.server_logs().display()));
    let Outcome { deaths, links_dropped, device_restarts, verdict } = scenario.run().await?;
    for (point, times) in &deaths.at {
        say(format!("killed at {point:<29} {times}"));
    }
    say(format!("killed by plain SIGKILL                 {}", deaths.killed));
    say(format!("server deaths in all                    {}", deaths.total()));
    say(format!("links dropped                           {links_dropped}"));
    say(format!("device processes killed                 {device_restarts}"));
    let missing = deaths.missing();
    let closes = verdict.success() && missing.is_empty() && device_restarts > 0 && links_dropped == fleet::DEVICES;
    if !missing.is_empty() {
        say(format!("fail points never reached: {}", missing.join(", ")));
    }
    if !deaths.stopped_cleanly {
        say("the server's last stop was not clean".to_owned());
    }
    say(if closes && deaths.stopped_cleanly { "demo: passed" } else { "demo: FAILED" }.to_owned());
    Ok(if closes && deaths.stopped_cleanly { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Tells the person who watches; a closed terminal does not matter.
fn say(what: String) {
    let _closed = writeln!(std::io::stdout().lock(), "{what}");
}
