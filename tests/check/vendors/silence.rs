//! Who was not pushed, and of whom the server does not know: a vendor that was asked and did not answer may have taken it, and is
//! not asked again.

use std::collections::{BTreeMap, BTreeSet};

use super::pushes::{Pushes, travelling};
use crate::vendor_record::{Addressee, Told};

/// What the server says of silent vendors, by message and channel.
pub(super) struct Silence<'a>(BTreeMap<(String, &'a str), BTreeSet<&'a str>>);

impl<'a> Silence<'a> {
    pub(super) fn read(devices: &'a [Addressee], told: &'a Told) -> Self {
        let channels: BTreeMap<&str, &str> =
            devices.iter().map(|device| (device.device_id.as_str(), device.channel.as_str())).collect();
        let mut silent = BTreeMap::<_, BTreeSet<_>>::new();
        for (message, device) in &told.silent {
            let channel = channels.get(device.as_str()).copied().unwrap_or("no vendor");
            silent.entry((travelling(message), channel)).or_default().insert(device.as_str());
        }
        Self(silent)
    }

    /// Devices of one channel of which it says so.
    pub(super) fn of(&self, message: &str, channel: &'a str) -> BTreeSet<&'a str> {
        self.0.get(&(message.to_owned(), channel)).cloned().unwrap_or_default()
    }

    /// What disagrees with the logs.
    pub(super) fn compare(&self, pushes: &Pushes, devices: &[Addressee]) -> Vec<String> {
        let mut findings = Vec::new();
        for device in devices {
            let silent = |message: &str| self.of(message, &device.channel).contains(device.device_id.as_str());
            let missing = pushes.missing.iter().filter(|(_, id)| *id == device.device_id);
            for (message, id) in missing.filter(|(message, _)| !silent(message)) {
                findings.push(format!("device {id} was never pushed {message}, and the server does not say why"));
            }
        }
        for ((message, channel), silent) in &self.0 {
            match pushes.answers_lost.get(&(message.clone(), (*channel).to_owned())) {
                Some(answers) => findings.extend(taken_back(pushes, message, channel, silent, *answers)),
                None => findings.extend(killed(pushes, message, channel, silent)),
            }
        }
        for ((message, channel), answers) in &pushes.answers_lost {
            if *answers > 0 && !self.0.contains_key(&(message.clone(), channel.as_str())) {
                findings.push(format!("{message}: {channel} took {answers} answers back, and nobody is silent"));
            }
        }
        findings
    }
}

/// Each answer that the vendor took back was of one push, which stands in its log.
fn taken_back(pushes: &Pushes, message: &str, channel: &str, silent: &BTreeSet<&str>, answers: usize) -> Vec<String> {
    let pushed = pushes.count(message, silent);
    let mut findings = Vec::new();
    if silent.len() != answers {
        findings.push(format!("{message}: {channel} took {answers} answers back, {} are silent", silent.len()));
    }
    if pushed != silent.len() {
        findings.push(format!("{message}: of {} silent ones {channel} took {pushed}", silent.len()));
    }
    findings
}

/// Who was pushed was so right before a kill; and few were about to be.
fn killed(pushes: &Pushes, message: &str, channel: &str, silent: &BTreeSet<&str>) -> Vec<String> {
    let mut findings = Vec::new();
    let mut unasked = 0;
    for device in silent {
        match pushes.pushed.get(&(message.to_owned(), (*device).to_owned())) {
            Some(at) if !pushes.was_unwritten(message, *at) => findings
                .push(format!("device {device}: {channel} answered about {message} at {at}, nobody was killed then")),
            Some(_) => {}
            None => unasked += 1,
        }
    }
    let most = pushes.unasked_max(message);
    if unasked > most {
        findings.push(format!("{message}: {channel} was not asked for {unasked}, and a kill explains {most}"));
    }
    findings
}
