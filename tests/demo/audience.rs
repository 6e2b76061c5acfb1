//! The demonstration of audiences: a hundred thousand devices, of which thousands are live.
//!
//! `homing-demo audience HOMING DEVICES LINKS USERS` runs the server and `homing simulate` (both the program HOMING, best a release
//! build) and sends to a tag expression, to an uploaded list, to everyone, again and again by cron, and to everyone once more
//! with a pause, a slower rate and an abort on the way. The server is killed while pages are enumerated, and while a broadcast goes out by the feed. The checker
//! reads only what was asked for and what the devices' apps heard.

mod crowd;
mod heard;
mod letters;
mod scenario;
mod watch;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;

use scenario::Scenario;
pub(crate) use scenario::Size;
pub(crate) use watch::look_again;

/// Runs it.
pub(crate) async fn demonstrate(program: &Path, directory: &Path, size: Size) -> Result<ExitCode> {
    crate::say(format!("{} devices, {} of them to be live, in {}", size.devices, size.links, directory.display()));
    let mut scenario = Scenario::prepare(program, directory, size).await?;
    scenario.send_to_an_expression().await?;
    scenario.send_to_an_expression_by_the_feed().await?;
    scenario.send_to_a_list().await?;
    scenario.send_again_and_again().await?;
    scenario.send_to_everyone().await?;
    scenario.send_half_way().await?;
    let closes = scenario.end().await?;
    crate::say(if closes { "demo: passed" } else { "demo: FAILED" }.to_owned());
    Ok(if closes { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
