//! What was to be pushed, and what was.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::vendor_record::{Addressee, Pushed, Ways, WrittenDown};

/// A server that is killed had been asking vendors for what the log shows within so many milliseconds around the kill, or had
/// just set out to.
const AROUND_A_KILL_MS: u64 = 3_000;
/// Devices of a channel that a worker claims before it asks: the job's size at most. What was claimed and not yet asked when
/// the server was killed is in flight too.
const CLAIMED_MAX_PER_CHANNEL: usize = 1_000;

/// A message that was answered with 202.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) message_id: String,
    pub(crate) ways: Ways,
    pub(crate) at: u64,
}

/// What the two logs say together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pushes {
    /// Messages by their ids as they travel.
    pub(crate) sent: BTreeMap<String, Sent>,
    /// (message, device) pairs that are in the vendors' log, with the moment.
    pub(crate) pushed: BTreeMap<(String, String), u64>,
    /// (message, device) pairs that were to be pushed and were not.
    pub(crate) missing: Vec<(String, String)>,
    /// Pushes that may have been under way when the server was killed.
    pub(crate) in_flight: usize,
    pub(crate) kills: Vec<u64>,
    pub(crate) findings: Vec<String>,
}

impl Pushes {
    /// Nobody twice, nobody unknown.
    pub(crate) fn read(written: &[WrittenDown], devices: &[Addressee], log: &[Pushed]) -> Self {
        let mut pushes = Self::default();
        for line in written {
            match line {
                WrittenDown::Sent { message_id, ways, at } => {
                    let sent = Sent { message_id: message_id.clone(), ways: *ways, at: *at };
                    pushes.sent.insert(travelling(message_id), sent);
                }
                WrittenDown::Killed { at } => pushes.kills.push(*at),
            }
        }
        let by_token: HashMap<(&str, &str), &Addressee> =
            devices.iter().map(|device| ((device.channel.as_str(), device.token.as_str()), device)).collect();
        for line in log {
            let Some(device) = by_token.get(&(line.vendor.as_str(), line.token.as_str())) else {
                pushes
                    .findings
                    .push(format!("{}: a push for {}, a token that nobody registered", line.vendor, line.token));
                continue;
            };
            if !pushes.sent.contains_key(&line.message) {
                pushes.findings.push(format!("{}: a push of {:?}, which nobody sent", line.vendor, line.message));
                continue;
            }
            let key = (line.message.clone(), device.device_id.clone());
            if let Some(before) = pushes.pushed.insert(key, line.at) {
                let apart = line.at.abs_diff(before);
                let why =
                    format!("{}: {} was pushed {} twice, {apart} ms apart", line.vendor, line.token, line.message);
                pushes.findings.push(why);
            }
        }
        for message in pushes.sent.keys() {
            for device in devices.iter().filter(|device| !device.is_dead) {
                let key = (message.clone(), device.device_id.clone());
                if !pushes.pushed.contains_key(&key) {
                    pushes.missing.push(key);
                }
            }
        }
        pushes.in_flight = pushes.in_flight_at_kills(devices, log);
        pushes
    }

    fn in_flight_at_kills(&self, devices: &[Addressee], log: &[Pushed]) -> usize {
        let channels: BTreeSet<&str> = devices.iter().map(|device| device.channel.as_str()).collect();
        let at_kill = |kill: u64| {
            let seen = log.iter().filter(|line| line.at.abs_diff(kill) <= AROUND_A_KILL_MS).count();
            // Only what was not pushed before can have been claimed and not asked.
            let claimed = channels.iter().map(|channel| {
                let of_channel = log.iter().filter(|line| line.vendor == **channel && line.at <= kill).count();
                let sent = self.sent.values().filter(|sent| sent.at <= kill).count();
                let all = devices.iter().filter(|device| device.channel == **channel && !device.is_dead).count() * sent;
                all.saturating_sub(of_channel).min(CLAIMED_MAX_PER_CHANNEL)
            });
            seen + claimed.sum::<usize>()
        };
        self.kills.iter().map(|kill| at_kill(*kill)).sum()
    }

    /// Whether a kill may have caught a message on its way.
    pub(crate) fn was_caught(&self, message: &str) -> bool {
        self.sent.get(message).is_some_and(|sent| self.kills.iter().any(|kill| sent.at <= *kill))
    }

    /// Pushes of a message by a channel.
    pub(crate) fn count(&self, message: &str, of: &BTreeSet<&str>) -> i64 {
        let is_of = |key: &&(String, String)| key.0 == message && of.contains(key.1.as_str());
        i64::try_from(self.pushed.keys().filter(is_of).count()).unwrap_or(i64::MAX)
    }
}

/// A message's id as it travels: without its hyphens.
pub(super) fn travelling(message_id: &str) -> String {
    message_id.replace('-', "")
}
