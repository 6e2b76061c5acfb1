//! The independent checker of the demonstration.
//!
//! It reads the publisher's log, the list of devices and each device's callback log, and from these alone says whether
//! every message that was answered with 202 arrived exactly once at each device it was for. Only then does it look at
//! the server's balances, and says whether they agree.
//!
//! Usage: `homing-check PUBLISHER-LOG DEVICES-JSON BALANCES-JSON`. Exit code 0 = everything closes. `homing-check crowd …`
//! does the same for the demonstration of audiences, whose devices share one log, and `homing-check vendors …` for the one of
//! the vendors, by their log.

mod arrived;
mod balance;
mod crowd;
mod crowd_record;
mod expected;
mod record;
#[cfg(test)]
mod tests;
mod vendor_record;
mod vendors;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};

use arrived::Arrivals;
use expected::Expectations;
use record::{Balances, Device, read_json, read_lines};

/// Findings printed: the first ones tell what is wrong, thousands more do not.
const FINDINGS_SHOWN: usize = 40;

fn main() -> Result<ExitCode> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [publisher, devices, balances] = &arguments[..] else {
        if let [what, publisher, devices, arrivals, balances] = &arguments[..]
            && what == Path::new("crowd")
        {
            let closes = crowd::check(publisher, devices, arrivals, balances)?;
            return Ok(if closes { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        if let [what, publisher, devices, vendors, server] = &arguments[..]
            && what == Path::new("vendors")
        {
            let closes = vendors::check(publisher, devices, vendors, server)?;
            return Ok(if closes { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        bail!(
            "usage: homing-check PUBLISHER-LOG DEVICES-JSON BALANCES-JSON\n       \
             homing-check crowd PUBLISHER-LOG DEVICES-JSONL ARRIVALS-JSONL BALANCES-JSON\n       \
             homing-check vendors PUBLISHER-LOG DEVICES-JSONL VENDORS-LOG SERVER-JSON"
        );
    };
    let devices: Vec<Device> = read_json(devices)?;
    let expectations = Expectations::read(&read_lines(publisher)?, &devices);
    let mut arrivals = BTreeMap::new();
    for device in &devices {
        let seen = Arrivals::read(&device.device_id, &read_lines(&device.log)?, &expectations);
        arrivals.insert(device.device_id.clone(), seen);
    }
    let mut findings = expectations.findings.clone();
    findings.extend(arrivals.values().flat_map(|device| device.findings.iter().cloned()));
    let balances: Balances = read_json(balances)?;
    findings.extend(balance::compare(&expectations, &arrivals, &balances));
    report(&expectations, &arrivals, &findings)?;
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn report(expectations: &Expectations, arrivals: &BTreeMap<String, Arrivals>, findings: &[String]) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let arrived: usize = arrivals.values().map(|device| device.messages.values().sum::<usize>()).sum();
    let repeats: usize = arrivals.values().map(|device| device.repeats).sum();
    let starts: usize = arrivals.values().map(|device| device.starts).sum();
    let skipped: u64 = arrivals.values().map(|device| device.skipped).sum();
    writeln!(out, "messages answered with 202      {:>8}", expectations.messages.len())?;
    writeln!(out, "requests, repeats among them    {:>8}", expectations.requests)?;
    writeln!(out, "keys with an unanswered request {:>8}", expectations.unanswered.len())?;
    writeln!(out, "deliveries expected             {:>8}", expectations.deliveries())?;
    writeln!(out, "deliveries in the devices' logs {arrived:>8}")?;
    writeln!(out, "repeats after a killed callback {repeats:>8}")?;
    writeln!(out, "seqs skipped with a reason      {skipped:>8}")?;
    writeln!(out, "device processes                {starts:>8}")?;
    for finding in findings.iter().take(FINDINGS_SHOWN) {
        writeln!(out, "WRONG: {finding}")?;
    }
    if findings.len() > FINDINGS_SHOWN {
        writeln!(out, "… and {} more", findings.len() - FINDINGS_SHOWN)?;
    }
    let verdict = if findings.is_empty() { "everything closes" } else { "IT DOES NOT CLOSE" };
    writeln!(out, "checker: {verdict}")?;
    Ok(())
}
