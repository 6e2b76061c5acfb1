//! Keeps the server running: starts it with one drill after the other, and again whenever it died.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};
use homing::process::{ServerCommand, ServerProcess};
use tokio::sync::{mpsc, oneshot};

use crate::publisher::Publisher;

/// The drills in their order, with the passing at which each strikes: early enough for its share of the messages.
const DRILLS: [(&str, u32); 8] = [
    ("before-audience-send", 40),
    ("between-enqueue-and-hand-off", 60),
    ("acks-unflushed", 8),
    ("between-receipts-and-trim", 4),
    ("before-audience-send", 70),
    ("between-enqueue-and-hand-off", 90),
    ("acks-unflushed", 14),
    ("between-receipts-and-trim", 9),
];

/// What the scenario asks of the keeper.
pub(crate) enum Order {
    /// Kill the server, whatever it is doing.
    Kill(oneshot::Sender<()>),
    /// Stop it for good, in peace.
    Stop(oneshot::Sender<Deaths>),
}

/// How often the server died, and where.
#[derive(Clone, Debug, Default)]
pub(crate) struct Deaths {
    /// By fail point.
    pub(crate) at: BTreeMap<&'static str, u32>,
    /// By plain SIGKILL.
    pub(crate) killed: u32,
    /// Whether the last stop was clean.
    pub(crate) stopped_cleanly: bool,
}

impl Deaths {
    /// The fail points that were never reached.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        DRILLS.iter().map(|(point, _)| *point).filter(|point| !self.at.contains_key(point)).collect()
    }

    pub(crate) fn total(&self) -> u32 {
        self.at.values().sum::<u32>() + self.killed
    }
}

/// Runs the server until it is told to stop. It starts without a drill, for the preparations; the drills begin with the
/// first kill.
pub(crate) async fn keep(
    command: ServerCommand,
    first: ServerProcess,
    mut orders: mpsc::Receiver<Order>,
    publisher: Publisher,
) -> Result<()> {
    let mut deaths = Deaths::default();
    let mut drills = DRILLS.into_iter();
    let mut armed: Option<&'static str> = None;
    let mut server = first;
    loop {
        let order = tokio::select! {
            ended = server.ended() => {
                let status = ended?;
                let Some(point) = armed else { bail!("the server ended by itself: {status}") };
                publisher.note_cut_off()?;
                confirm(&command, point)?;
                *deaths.at.entry(point).or_default() += 1;
                None
            }
            order = orders.recv() => Some(order),
        };
        match order {
            None => {}
            Some(Some(Order::Kill(done))) => {
                server.kill().await?;
                publisher.note_cut_off()?;
                deaths.killed += 1;
                let _gone = done.send(());
            }
            Some(Some(Order::Stop(done))) => {
                deaths.stopped_cleanly = server.stop().await?.success();
                let _gone = done.send(deaths);
                return Ok(());
            }
            Some(None) => return Ok(()),
        }
        let mut again = command.clone();
        armed = drills.next().map(|(point, hit)| {
            again.flags.extend(["--fail-point".to_owned(), format!("{point}:{hit}")]);
            point
        });
        server = again.start().await.context("the server did not come up again")?;
    }
}

/// The server must have said where it died.
fn confirm(command: &ServerCommand, point: &str) -> Result<()> {
    let logs = std::fs::read_to_string(command.logs())?;
    let last = logs.lines().rev().find(|line| line.starts_with("fail point ")).unwrap_or_default();
    if last.contains(point) { Ok(()) } else { bail!("the server died elsewhere than at {point}: {last:?}") }
}
