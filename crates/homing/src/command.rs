//! The commands that talk to a server, and what they print.

mod app;
mod audience;
mod channel;
mod context;
mod device;
mod dlq;
mod message;
mod push;
mod schedule;
mod table;
mod vendors;
mod watch;

use anyhow::Result;

pub(crate) use context::Surroundings;
pub(crate) use table::line;

use crate::arguments::Command;

/// A command came to an end that is neither success nor an ordinary failure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{words}")]
pub struct EndedWith {
    /// The program's exit code.
    pub code: u8,
    /// What happened.
    pub words: String,
}

/// Runs a client command; `serve` and `bench` are not among them.
///
/// # Errors
/// In words for the person at the terminal.
pub async fn run(command: Command) -> Result<()> {
    match command {
        Command::App(command) => app::run(command).await,
        Command::Channel(command) => channel::run(command).await,
        Command::Device(command) => device::run(command).await,
        Command::Push(arguments) => push::run(*arguments).await,
        Command::Message(command) => message::run(command).await,
        Command::Audience(command) => audience::run(command).await,
        Command::Dlq(command) => dlq::run(command).await,
        Command::Vendors(arguments) => vendors::run(*arguments).await,
        Command::Serve(_) | Command::Simulate(_) | Command::Bench(_) => {
            anyhow::bail!("this command does not talk to a server")
        }
    }
}
