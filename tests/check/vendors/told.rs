//! What the server says, beside what the logs say.

use std::collections::BTreeSet;

use super::pushes::Pushes;
use super::silence::Silence;
use crate::vendor_record::{Addressee, Numbers, Told, Ways};

/// Vendors that tell of arrivals.
const WITH_RECEIPTS: [&str; 6] = ["huawei", "honor", "xiaomi", "oppo", "vivo", "meizu"];
/// The vendor that tells once: what it told while the server was away is lost.
const TELLS_ONCE: &str = "meizu";
/// Vendors whose own answer is the last that is heard.
const WITHOUT_RECEIPTS: [&str; 3] = ["apns", "fcm", "webpush"];

/// What disagrees.
pub(super) fn compare(pushes: &Pushes, devices: &[Addressee], told: &Told) -> Vec<String> {
    let silence = Silence::read(devices, told);
    let mut findings = silence.compare(pushes, devices);
    findings.extend(cleaning(devices, told));
    findings.extend(balances(pushes, devices, told, &silence));
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

/// Everybody is somewhere, and arrivals are those that vendors took.
fn balances(pushes: &Pushes, devices: &[Addressee], told: &Told, silence: &Silence<'_>) -> Vec<String> {
    let mut findings = Vec::new();
    let dead = number(devices.iter().filter(|device| device.is_dead).count());
    for (message, sent) in &pushes.sent {
        let Some(balances) = told.balances.get(&sent.message_id) else {
            findings.push(format!("the server has no numbers of {message}"));
            continue;
        };
        let all = balances.all;
        if all.targeted != sum(&all) {
            findings.push(format!("{message}: the balance does not close: {all:?}"));
        }
        if all.targeted != number(devices.len()) {
            findings.push(format!("{message}: {} targeted, {} devices", all.targeted, devices.len()));
        }
        // Online first, who has a dead token keeps the message in the mailbox.
        let pending_max = if sent.ways == Ways::OnlineFirst { dead } else { 0 };
        if all.pending > pending_max {
            findings.push(format!("{message}: {} pending", all.pending));
        }
        for channel in WITH_RECEIPTS {
            let pushed = arrivals(pushes, devices, message, channel);
            let delivered = balances.by_channel.get(channel).map_or(0, |numbers| numbers.delivered);
            let may_be_lost = channel == TELLS_ONCE && pushes.kills_of(message).next().is_some();
            let is_right = if may_be_lost { delivered <= pushed } else { delivered == pushed };
            if !is_right {
                findings.push(format!("{message}: {channel} told of {pushed} arrivals, {delivered} delivered"));
            }
        }
        for channel in WITHOUT_RECEIPTS {
            let pushed = arrivals(pushes, devices, message, channel);
            let silent = silence.of(message, channel);
            let unasked = number(silent.len() - pushes.count(message, &silent));
            let handed_off = balances.by_channel.get(channel).map_or(0, |numbers| numbers.handed_off);
            if handed_off != pushed + unasked {
                findings.push(format!(
                    "{message}: {channel} took {pushed}, {unasked} may be with it, {handed_off} handed off"
                ));
            }
        }
    }
    findings
}

/// Pushes of a message that a vendor took for devices with good tokens.
fn arrivals(pushes: &Pushes, devices: &[Addressee], message: &str, channel: &str) -> i64 {
    let good = devices.iter().filter(|device| device.channel == channel && !device.is_dead);
    number(pushes.count(message, &good.map(|device| device.device_id.as_str()).collect()))
}

fn number(of: usize) -> i64 {
    i64::try_from(of).unwrap_or(i64::MAX)
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
