//! The demonstration of the vendors: nine of them played by `homing vendors`, and everything that goes wrong with them.
//!
//! `homing-demo vendors HOMING DEVICES` registers so many devices at each vendor, five of a hundred with dead tokens, and sends
//! to all of them while one request of ten is "too fast", one vendor is down, receipts come twice and late, the server is
//! killed while it dispatches, a policy is changed, and answers of vendors are lost. A certificate that expired is told of by mail. The checker reads the
//! publisher's log and the vendors' log, and only then what the server says.

mod addressees;
mod credentials;
mod deployed;
mod letter;
mod mail_server;
mod played;
mod scenario;
mod watch;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;

pub(crate) use deployed::{Deployed, Outside};
use scenario::Scenario;

/// The vendors' channels.
const CHANNELS: [&str; 9] = ["apns", "fcm", "huawei", "honor", "xiaomi", "oppo", "vivo", "meizu", "webpush"];

/// Runs it. `devices` is how many each vendor has.
pub(crate) async fn demonstrate(program: &Path, directory: &Path, devices: u32) -> Result<ExitCode> {
    crate::say(format!("{} vendors with {devices} devices each, in {}", CHANNELS.len(), directory.display()));
    let mut scenario = Scenario::prepare(program, directory, devices).await?;
    scenario.send_through_an_outage().await?;
    scenario.send_through_a_kill().await?;
    scenario.change_the_policy_while_sending().await?;
    scenario.send_while_answers_are_lost().await?;
    scenario.send_online_first().await?;
    scenario.hear_of_the_certificate().await?;
    let closes = scenario.end().await?;
    crate::say(if closes { "demo: passed" } else { "demo: FAILED" }.to_owned());
    Ok(if closes { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
