//! The checker of the vendors: whether everybody with a good token was pushed each message once, and nobody twice.

mod pushes;
mod silence;
#[cfg(test)]
mod tests;
mod told;

use std::io::Write as _;
use std::path::Path;

use anyhow::Result;

use crate::record::{read_json, read_lines};
use crate::vendor_record::{Addressee, Pushed, Told, WrittenDown};
use pushes::Pushes;

/// Reads the four files and says whether everything closes.
pub(crate) fn check(publisher: &Path, devices: &Path, vendors: &Path, server: &Path) -> Result<bool> {
    let written: Vec<WrittenDown> = read_lines(publisher)?;
    let devices: Vec<Addressee> = read_lines(devices)?;
    let pushed: Vec<Pushed> = read_lines(vendors)?;
    let pushes = Pushes::read(&written, &devices, &pushed);
    // Until here nothing of the server was read.
    let told: Told = read_json(server)?;
    let mut findings = pushes.findings.clone();
    findings.extend(told::compare(&pushes, &devices, &told));
    let mut out = std::io::stdout().lock();
    writeln!(out, "messages answered with 202      {:>8}", pushes.sent.len())?;
    writeln!(out, "devices with a good token       {:>8}", devices.iter().filter(|device| !device.is_dead).count())?;
    writeln!(out, "devices with a dead one         {:>8}", devices.iter().filter(|device| device.is_dead).count())?;
    writeln!(out, "pushes in the vendors' log      {:>8}", pushed.len())?;
    writeln!(out, "good ones that were not pushed  {:>8}", pushes.missing.len())?;
    writeln!(out, "answers that vendors took back  {:>8}", pushes.answers_lost.values().sum::<usize>())?;
    writeln!(out, "vendors silent, says the server {:>8}", told.silent.len())?;
    for finding in findings.iter().take(super::FINDINGS_SHOWN) {
        writeln!(out, "WRONG: {finding}")?;
    }
    if findings.len() > super::FINDINGS_SHOWN {
        writeln!(out, "… and {} more", findings.len() - super::FINDINGS_SHOWN)?;
    }
    writeln!(out, "checker: {}", if findings.is_empty() { "everything closes" } else { "IT DOES NOT CLOSE" })?;
    Ok(findings.is_empty())
}
