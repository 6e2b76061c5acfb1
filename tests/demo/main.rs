//! The demonstration: the main job against a server that is killed on the way.
//!
//! Usage: `homing-demo [DIRECTORY]`. It starts `homing serve` in a fresh directory, registers thirty devices, sends 2,000
//! messages while the server is killed at its fail points, a device's process is killed and every link is dropped, and
//! lets `homing-check` judge by the publisher's and the devices' logs alone. Exit code 0 = everything closes.

mod device;
mod field;
mod fleet;
mod process;
mod publisher;
#[path = "../check/record.rs"]
mod record;
mod scenario;
mod server;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;

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
        [] => {
            let directory = tempfile::tempdir()?;
            let code = runtime.block_on(demonstrate(directory.path()))?;
            if code != ExitCode::SUCCESS {
                say(format!("the logs are kept in {}", directory.keep().display()));
            }
            return Ok(code);
        }
        [directory] => {
            let directory = PathBuf::from(directory);
            std::fs::create_dir_all(&directory)?;
            return runtime.block_on(demonstrate(&directory));
        }
        _ => anyhow::bail!("usage: homing-demo [DIRECTORY]"),
    }
    Ok(ExitCode::SUCCESS)
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
