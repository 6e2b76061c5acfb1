//! `homing simulate`: many devices of an app in one process, for trying things out at scale.
//!
//! They are registered through the API like any others, get tags and users, and some of them hold links with the real SDK.
//! What each one's app hears is written to a file before it is acknowledged, so that somebody else can judge by it.

mod arrivals;
mod people;
mod population;

use std::sync::Arc;

use anyhow::{Context as _, Result};
use tokio::io::AsyncReadExt as _;

use crate::arguments::SimulateArguments;
use crate::command::{Surroundings, line};

use self::arrivals::ArrivalLog;
use self::people::People;
use self::population::Population;

/// Registers, links, says `ready`, and stays until standard input ends or a signal comes.
///
/// # Errors
/// In words for the person at the terminal.
pub async fn run(arguments: SimulateArguments) -> Result<()> {
    let here = Surroundings::new(&arguments.server)?;
    let (_, keys) = here.keys(&arguments.key)?;
    std::fs::create_dir_all(&arguments.directory)
        .with_context(|| format!("{} cannot be made", arguments.directory.display()))?;
    let people = People::new(&arguments);
    let population = Population { api: here.api.clone(), keys, people: &people };
    let registered = population.register().await?;
    people.write(&registered, &arguments.directory.join("devices.jsonl"))?;
    let log = Arc::new(ArrivalLog::create(&arguments.directory.join("arrivals.jsonl"))?);
    let links = arrivals::link(&people, registered, here.ca(), &log).await?;
    line(format!("ready: {} devices, {} of them linked", arguments.devices, links.len()))?;
    wait_for_the_end().await;
    arrivals::leave(links).await;
    log.flush()
}

/// A parent that is gone, or somebody at the terminal.
async fn wait_for_the_end() {
    let mut input = tokio::io::stdin();
    let mut ignored = [0; 64];
    let ended = async { while matches!(input.read(&mut ignored).await, Ok(read) if read > 0) {} };
    tokio::select! {
        () = ended => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
