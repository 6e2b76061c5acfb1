//! A device as a process of its own: obeys "drop" lines, ends when its standard input does.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::device::Plan;
use crate::record::read_json;

/// The SDK writes down that earlier messages are done within this, so that the killed callback's message is the only one
/// that comes again.
const SETTLED: Duration = Duration::from_millis(500);

/// Runs the device of a plan; `dies_at` = kill this process inside the callback of that message.
pub(crate) async fn run(plan: &Path, dies_at: Option<u64>) -> Result<()> {
    let plan: Plan = read_json(plan)?;
    let (device, app) = plan.start().await?;
    let app = tokio::spawn(app.run(async move |message| {
        if Some(message) == dies_at {
            // sleep: the SDK does not tell when it has written something down.
            tokio::time::sleep(SETTLED).await;
            die();
        }
    }));
    let mut orders = BufReader::new(tokio::io::stdin()).lines();
    while let Some(order) = orders.next_line().await? {
        if order == "drop" {
            device.drop_link().await;
        }
    }
    device.close().await;
    app.await?
}

/// As by the system's memory killer.
fn die() -> ! {
    let kill = format!("kill -KILL {}", std::process::id());
    let _signalled = Command::new("/bin/sh").args(["-c", &kill]).status();
    std::process::abort()
}
