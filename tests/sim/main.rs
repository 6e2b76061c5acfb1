//! The deterministic simulation: thousands of small worlds, each drawn from a seed, in which the real stages and the real
//! link machines run on ports that are as weak as they may be, while devices, gateways and workers die at any pause.
//!
//! In each world no accepted message may be lost, shown twice or miscounted. `make sim` runs 10,000 of them,
//! `make sim SEED=7` replays one with its trace, `make sim-mutants` shows that built-in faults are found.

mod agenda;
mod coverage;
mod device;
mod errand;
mod gateway;
mod mutant;
mod oracle;
mod plan;
mod publisher;
mod report;
mod run;
mod stages;
mod wire;
mod world;

use std::process::ExitCode;

/// Worlds that `cargo test` looks at.
const SEEDS_OF_A_TEST: u64 = 1_000;
/// Worlds in which a built-in fault must be found.
const SEEDS_OF_A_MUTANT: u64 = 10_000;

#[expect(
    clippy::disallowed_methods,
    reason = "this is the main of a test binary: its configuration is read once, here"
)]
fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the main of a test binary: its configuration is read once, here"
)]
fn word(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    if has("--list") {
        // There are no ignored tests to list.
        if !has("--ignored") {
            report::list();
        }
        return ExitCode::SUCCESS;
    }
    let mutant = word("MUTANT").map(|name| name.parse().unwrap_or_else(|error: String| panic!("{error}")));
    let first = number("FIRST").unwrap_or(1);
    let is_right = if let Some(seed) = number("SEED") {
        report::replay(seed, mutant)
    } else if number("MUTANTS").is_some() {
        report::mutants(number("SEEDS").unwrap_or(SEEDS_OF_A_MUTANT))
    } else {
        let seeds = number("SEEDS").unwrap_or(SEEDS_OF_A_TEST);
        report::seeds(first, seeds, mutant)
    };
    if is_right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
