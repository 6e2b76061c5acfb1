//! What the server says, beside what the logs say.

use std::collections::BTreeSet;

use super::pushes::Pushes;
use crate::vendor_record::{Addressee, Numbers, Told, Ways};

use super::pushes::travelling;

/// Vendors that tell of arrivals.
const WITH_RECEIPTS: [&str; 6] = ["huawei", "honor", "xiaomi", "oppo", "vivo", "meizu"];
/// The vendor that tells once: what it told while the server was away is lost.
const TELLS_ONCE: &str = "meizu";

/// What disagrees.
pub(super) fn compare(pushes: &Pushes, devices: &[Addressee], told: &Told) -> Vec<String> {
    let mut findings = silence(pushes, told);
    findings.extend(cleaning(devices, told));
    findings.extend(balances(pushes, devices, told));
    findings
}

/// A good token that was not pushed is one whose vendor was silent, of a message that a kill caught.
fn silence(pushes: &Pushes, told: &Told) -> Vec<String> {
    let mut findings = Vec::new();
    let silent: BTreeSet<(String, &str)> =
        told.silent.iter().map(|(message, device)| (travelling(message), device.as_str())).collect();
    for (message, device) in &pushes.missing {
        if !silent.contains(&(message.clone(), device.as_str())) {
            findings.push(format!("device {device} was never pushed {message}, and the server does not say why"));
        }
    }
    for (message, device) in &silent {
        if !pushes.was_caught(message) {
            findings
                .push(format!("device {device}: the vendor was silent about {message}, and nobody was killed then"));
        }
    }
    if silent.len() > pushes.in_flight {
        findings.push(format!("{} silent, and at most {} were in flight", silent.len(), pushes.in_flight));
    }
    findings
}

/// Dead tokens are gone, and no others.
fn cleaning(devices: &[Addressee], told: &Told) -> Vec<String> {
    let addressed: BTreeSet<&str> = told.addressed.iter().map(String::as_str).collect();
    let mut findings = Vec::new();
    for device in devices {
        let Addressee { device_id, channel, token, is_dead } = device;
        match (is_dead, addressed.contains(device_id.as_str())) {
            (true, true) => findings.push(format!("{channel}: the dead token {token} of {device_id} is still there")),
            (false, false) => findings.push(format!("{channel}: the good token {token} of {device_id} was cleaned")),
            _ => {}
        }
    }
    findings
}

fn balances(pushes: &Pushes, devices: &[Addressee], told: &Told) -> Vec<String> {
    let mut findings = Vec::new();
    let good = |channel: &str| -> BTreeSet<&str> {
        let is_good = |device: &&Addressee| device.channel == channel && !device.is_dead;
        devices.iter().filter(is_good).map(|device| device.device_id.as_str()).collect()
    };
    let dead = i64::try_from(devices.iter().filter(|device| device.is_dead).count()).unwrap_or(i64::MAX);
    for (message, sent) in &pushes.sent {
        let Some(balances) = told.balances.get(&sent.message_id) else {
            findings.push(format!("the server has no numbers of {message}"));
            continue;
        };
        let all = balances.all;
        if all.targeted != sum(&all) {
            findings.push(format!("{message}: the balance does not close: {all:?}"));
        }
        if all.targeted != i64::try_from(devices.len()).unwrap_or(i64::MAX) {
            findings.push(format!("{message}: {} targeted, {} devices", all.targeted, devices.len()));
        }
        // Online first, who has a dead token keeps the message in the mailbox.
        let pending_max = if sent.ways == Ways::OnlineFirst { dead } else { 0 };
        if all.pending > pending_max {
            findings.push(format!("{message}: {} pending", all.pending));
        }
        for channel in WITH_RECEIPTS {
            let pushed = pushes.count(message, &good(channel));
            let numbers = balances.by_channel.get(channel).copied().unwrap_or_default();
            let may_be_lost = channel == TELLS_ONCE && pushes.was_caught(message);
            let is_right = if may_be_lost { numbers.delivered <= pushed } else { numbers.delivered == pushed };
            if !is_right {
                findings
                    .push(format!("{message}: {channel} told of {pushed} arrivals, {} delivered", numbers.delivered));
            }
        }
    }
    findings
}

const fn sum(numbers: &Numbers) -> i64 {
    numbers.delivered
        + numbers.handed_off
        + numbers.expired
        + numbers.failed
        + numbers.recalled
        + numbers.suppressed
        + numbers.cancelled
        + numbers.pending
}
