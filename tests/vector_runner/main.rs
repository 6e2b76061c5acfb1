//! Runs the vendors' test vectors over real HTTP.
//!
//! Usage: `homing-vectors DIR`. Every case, receipt and crypto entry of every `*.json` file in DIR goes through the real
//! encoder, a request to a server on loopback that judges it as the file says, and the real decoder; what comes out is compared
//! with what the file expects. Exit code 0 = every one of them holds, and there was at least one in each file.
//!
//! The runner knows the form of the files and the vendors' ways to sign, and nothing of the cases: other files of the same form
//! are run alike. The files are told in `tests/vectors/README.md`.

mod actual;
mod case;
mod content;
mod credential;
mod crypto;
mod file;
mod judge;
mod jwt;
mod keys;
mod matcher;
mod outcome;
mod receipt;
mod request;
mod script;
mod server;
mod signs;
#[cfg(test)]
mod tests;
mod wire;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};

use crate::file::Vectors;
use crate::keys::Keys;
use crate::wire::Wire;

/// What came of the entries of one kind in one file.
#[derive(Clone, Copy, Default)]
struct Tally {
    ran: usize,
    missed: usize,
    expected: usize,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [directory] = &arguments[..] else { bail!("usage: homing-vectors DIR") };
    let mut out = std::io::stdout().lock();
    let all = run(directory, &mut out).await?;
    writeln!(out, "all: {}/{} ran, {} missed", all.ran, all.expected, all.missed)?;
    let holds = all.missed == 0 && all.ran == all.expected;
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs every file of a directory.
async fn run(directory: &Path, out: &mut impl std::io::Write) -> Result<Tally> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(directory)
        .with_context(|| directory.display().to_string())?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    if files.is_empty() {
        bail!("{} holds no *.json file", directory.display());
    }
    let (wire, keys) = (Wire::start().await?, Keys::generate()?);
    let mut all = Tally::default();
    for path in files {
        let vectors = Vectors::read(&path).with_context(|| path.display().to_string())?;
        let tally = run_file(&path, &vectors, &wire, &keys, out).await?;
        all = Tally {
            ran: all.ran + tally.ran,
            missed: all.missed + tally.missed,
            expected: all.expected + tally.expected,
        };
    }
    Ok(all)
}

async fn run_file(
    path: &Path,
    file: &Vectors,
    wire: &Wire,
    keys: &Keys,
    out: &mut impl std::io::Write,
) -> Result<Tally> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut all = Tally::default();
    let mut counts = Vec::new();
    for (kind, entries) in [("cases", &file.cases), ("receipts", &file.receipts), ("crypto", &file.crypto)] {
        let mut tally = Tally { expected: entries.len(), ..Tally::default() };
        for entry in entries {
            let misses = match kind {
                "cases" => case::run(file, entry, wire, keys).await,
                "receipts" => receipt::run(file, entry, wire, keys).await,
                _ => crypto::run(file, entry, keys),
            };
            // What cannot even be read or begun is a miss of this entry and none of the others.
            let misses = misses.unwrap_or_else(|error| vec![format!("{error:#}")]);
            tally.ran += 1;
            tally.missed += usize::from(!misses.is_empty());
            let entry_name = entry.get("name").and_then(serde_json::Value::as_str).unwrap_or("(no name)");
            writeln!(out, "{} {name} {kind}: {entry_name}", if misses.is_empty() { "ok  " } else { "MISS" })?;
            for miss in misses {
                writeln!(out, "       {miss}")?;
            }
        }
        counts.push(format!("{kind} {}/{}", tally.ran - tally.missed, tally.expected));
        all = Tally {
            ran: all.ran + tally.ran,
            missed: all.missed + tally.missed,
            expected: all.expected + tally.expected,
        };
    }
    if file.cases.is_empty() {
        bail!("{name} holds no case");
    }
    writeln!(out, "{name}: {}/{} ran; {} hold", all.ran, all.expected, counts.join(", "))?;
    Ok(all)
}
