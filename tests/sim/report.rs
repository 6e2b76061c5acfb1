//! Runs many worlds on all cores, and says what came of them.

use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use homing_tests::weak::Coverage;

use crate::coverage::missing;
use crate::mutant::Mutant;
use crate::run::run;

/// Lines of a trace that are printed for a failure; `SEED=` prints all.
const TRACE_LINES: usize = 40;

macro_rules! say {
    ($($part:tt)*) => {
        drop(writeln!(std::io::stdout().lock(), $($part)*))
    };
}

/// What the test harness's protocol asks for.
pub(crate) fn list() {
    say!("sim: test");
}

/// One world with its trace.
pub(crate) fn replay(seed: u64, mutant: Option<Mutant>) -> bool {
    let outcome = run(seed, mutant, true);
    for line in &outcome.trace {
        say!("{line}");
    }
    say!("seed {seed}: {} steps, {:?}", outcome.steps, outcome.plan);
    for violation in &outcome.violations {
        say!("WRONG: {violation}");
    }
    outcome.violations.is_empty()
}

struct Found {
    seed: u64,
    violation: String,
}

struct Sum {
    coverage: Coverage,
    steps: u64,
    found: Vec<Found>,
    worlds: u64,
}

fn run_many(first: u64, count: u64, mutant: Option<Mutant>) -> Sum {
    let next = AtomicU64::new(first);
    let stop = AtomicBool::new(false);
    let sum = Mutex::new(Sum { coverage: Coverage::default(), steps: 0, found: Vec::new(), worlds: 0 });
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        return;
                    }
                    let outcome = run(seed, mutant, false);
                    let mut sum = sum.lock().expect("no world panics");
                    sum.worlds += 1;
                    sum.steps += outcome.steps;
                    sum.coverage.merge(&outcome.coverage);
                    if let Some(violation) = outcome.violations.into_iter().next() {
                        sum.found.push(Found { seed, violation });
                        stop.store(mutant.is_some() || sum.found.len() >= 20, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let mut sum = sum.into_inner().expect("no world panics");
    sum.found.sort_by_key(|found| found.seed);
    sum
}

/// Many worlds, in none of which anything may be wrong, and all of which together must have met everything.
pub(crate) fn seeds(first: u64, count: u64, mutant: Option<Mutant>) -> bool {
    let sum = run_many(first, count, mutant);
    for (kind, name, hits) in sum.coverage.iter() {
        say!("{hits:>10}  {kind}: {name}");
    }
    let worlds = sum.worlds.max(1);
    say!("{} worlds, {} steps, {} steps per world", sum.worlds, sum.steps, sum.steps / worlds);
    for found in &sum.found {
        say!("WRONG in seed {}: {}", found.seed, found.violation);
    }
    if let Some(found) = sum.found.first() {
        say!("the end of the trace of seed {}:", found.seed);
        let outcome = run(found.seed, mutant, true);
        for line in outcome.trace.iter().rev().take(TRACE_LINES).rev() {
            say!("{line}");
        }
        return false;
    }
    let missing = missing(&sum.coverage, sum.worlds);
    for (kind, name) in &missing {
        say!("NEVER MET: {kind}: {name}");
    }
    missing.is_empty()
}

/// Each built-in fault must be found.
pub(crate) fn mutants(seeds: u64) -> bool {
    let mut is_right = true;
    for mutant in Mutant::ALL {
        let sum = run_many(1, seeds, Some(*mutant));
        match sum.found.first() {
            Some(found) => say!("found {mutant} in seed {}: {}", found.seed, found.violation),
            None => {
                say!("NOT FOUND in {} worlds: {mutant}", sum.worlds);
                is_right = false;
            }
        }
    }
    say!("{} mutants", Mutant::ALL.len());
    is_right
}
