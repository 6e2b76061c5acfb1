//! What was to be pushed, and what was.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::vendor_record::{Addressee, Pushed, Ways, WrittenDown};

/// A server that is killed had not yet written down what vendors answered within so many milliseconds before.
const UNWRITTEN_MS: u64 = 2_000;
/// Devices of one channel that a server may have claimed and not yet asked for when it is killed: as many as the rate in effect
/// then lets it ask for in a second.
const UNASKED_MAX_PER_CHANNEL: usize = 100;

/// A message that was answered with 202.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) message_id: String,
    pub(crate) ways: Ways,
    pub(crate) at: u64,
    /// When nobody was pending any more.
    pub(crate) settled_at: Option<u64>,
}

/// What the two logs say together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pushes {
    /// Messages by their ids as they travel.
    pub(crate) sent: BTreeMap<String, Sent>,
    /// (message, device) pairs that are in the vendors' log, with the moment.
    pub(crate) pushed: BTreeMap<(String, String), u64>,
    /// (message, device) pairs that were to be pushed and were not.
    pub(crate) missing: BTreeSet<(String, String)>,
    /// How many answers a vendor took back while a message was sent, by message and channel.
    pub(crate) answers_lost: BTreeMap<(String, String), usize>,
    pub(crate) kills: Vec<u64>,
    pub(crate) findings: Vec<String>,
}

impl Pushes {
    /// Nobody twice, nobody unknown.
    pub(crate) fn read(written: &[WrittenDown], devices: &[Addressee], log: &[Pushed]) -> Self {
        let mut pushes = Self::default();
        written.iter().for_each(|line| pushes.note(line));
        let by_token: HashMap<(&str, &str), &Addressee> =
            devices.iter().map(|device| ((device.channel.as_str(), device.token.as_str()), device)).collect();
        for line in log {
            let device = by_token.get(&(line.vendor.as_str(), line.token.as_str()));
            pushes.note_push(line, device.copied());
        }
        for message in pushes.sent.keys() {
            let good = devices.iter().filter(|device| !device.is_dead);
            let keys = good.map(|device| (message.clone(), device.device_id.clone()));
            pushes.missing.extend(keys.filter(|key| !pushes.pushed.contains_key(key)));
        }
        pushes
    }

    fn note(&mut self, line: &WrittenDown) {
        match line {
            WrittenDown::Sent { message_id, ways, at } => {
                let sent = Sent { message_id: message_id.clone(), ways: *ways, at: *at, settled_at: None };
                self.sent.insert(travelling(message_id), sent);
            }
            WrittenDown::Settled { message_id, at } => {
                if let Some(sent) = self.sent.get_mut(&travelling(message_id)) {
                    sent.settled_at = Some(*at);
                }
            }
            WrittenDown::AnswersLost { message_id, channel, answers } => {
                self.answers_lost.insert((travelling(message_id), channel.clone()), *answers);
            }
            WrittenDown::Killed { at } => self.kills.push(*at),
        }
    }

    fn note_push(&mut self, line: &Pushed, device: Option<&Addressee>) {
        let (vendor, token, message) = (&line.vendor, &line.token, &line.message);
        let Some(device) = device else {
            return self.findings.push(format!("{vendor}: a push for {token}, a token that nobody registered"));
        };
        if !self.sent.contains_key(message) {
            return self.findings.push(format!("{vendor}: a push of {message:?}, which nobody sent"));
        }
        let key = (message.clone(), device.device_id.clone());
        if let Some(before) = self.pushed.insert(key, line.at) {
            let apart = line.at.abs_diff(before);
            self.findings.push(format!("{vendor}: {token} was pushed {message} twice, {apart} ms apart"));
        }
    }

    /// The kills that caught a message on its way.
    pub(crate) fn kills_of(&self, message: &str) -> impl Iterator<Item = u64> {
        let sent = self.sent.get(message);
        let caught = move |kill: &u64| {
            sent.is_some_and(|sent| sent.at <= *kill && sent.settled_at.is_none_or(|settled| *kill <= settled))
        };
        self.kills.iter().copied().filter(caught)
    }

    /// Whether a push was taken so shortly before a kill that the server may not have written it down.
    pub(crate) fn was_unwritten(&self, message: &str, pushed_at: u64) -> bool {
        self.kills_of(message).any(|kill| pushed_at.abs_diff(kill) <= UNWRITTEN_MS)
    }

    /// Devices of one channel that kills may have kept a message from.
    pub(crate) fn unasked_max(&self, message: &str) -> usize {
        self.kills_of(message).count() * UNASKED_MAX_PER_CHANNEL
    }

    /// Pushes of a message to these devices.
    pub(crate) fn count(&self, message: &str, devices: &BTreeSet<&str>) -> usize {
        self.pushed.keys().filter(|key| key.0 == message && devices.contains(key.1.as_str())).count()
    }
}

/// A message's id as it travels: without its hyphens.
pub(super) fn travelling(message_id: &str) -> String {
    message_id.replace('-', "")
}
