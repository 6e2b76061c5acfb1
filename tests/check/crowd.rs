//! The checker of a crowd: whether each live device heard each message as often as it was to, and nobody else.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Write as _;
use std::path::Path;

use anyhow::Result;
use serde::Deserialize;
use serde_json::Value;

use crate::balance::uncounted;
use crate::crowd_record::{Broadcast, Sent, Simulated, WrittenDown};
use crate::record::{read_json, read_lines};

/// A line of the crowd's log.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Heard {
    Message { device_id: String, seq: u64, message_id: String, text: String, at: u64 },
    Recalled { device_id: String, message_id: String },
    Skipped { device_id: String, last: u64 },
    PossibleLoss { device_id: String },
}

/// What all logs say together.
#[derive(Debug, Default)]
pub(crate) struct Crowd {
    /// Messages by text, then device: the ids that it heard.
    heard: HashMap<String, HashMap<String, BTreeSet<String>>>,
    /// How many devices heard each message.
    by_message: BTreeMap<String, i64>,
    /// When each of them heard it.
    heard_at: BTreeMap<String, Vec<u64>>,
    deliveries: usize,
    findings: Vec<String>,
}

/// Reads the four files and says whether everything closes.
pub(crate) fn check(publisher: &Path, devices: &Path, arrivals: &Path, balances: &Path) -> Result<bool> {
    let mut sent: Vec<Sent> = Vec::new();
    let mut kills = Vec::new();
    for line in read_lines(publisher)? {
        match line {
            WrittenDown::Sent(one) => sent.push(one),
            WrittenDown::Killed { at } => kills.push(at),
        }
    }
    let devices: Vec<Simulated> = read_lines(devices)?;
    let mut crowd = Crowd::listen(&read_lines(arrivals)?);
    for sent in &sent {
        crowd.compare(&sent.broadcast, &devices);
    }
    crowd.look_for_strangers(&sent);
    // Until here nothing of the server was read.
    crowd.balance(&sent, &kills, &devices, &read_json::<Vec<Value>>(balances)?);
    let mut out = std::io::stdout().lock();
    writeln!(out, "messages answered with 202      {:>8}", sent.len())?;
    writeln!(out, "devices registered              {:>8}", devices.len())?;
    let live = devices.iter().filter(|device| device.transport.is_some()).count();
    writeln!(out, "devices live                    {live:>8}")?;
    writeln!(out, "deliveries in the devices' logs {:>8}", crowd.deliveries)?;
    for finding in crowd.findings.iter().take(super::FINDINGS_SHOWN) {
        writeln!(out, "WRONG: {finding}")?;
    }
    let closes = crowd.findings.is_empty();
    writeln!(out, "checker: {}", if closes { "everything closes" } else { "IT DOES NOT CLOSE" })?;
    Ok(closes)
}

impl Crowd {
    /// Walks through the log: numbers rise without holes, and no message comes twice.
    pub(crate) fn listen(lines: &[Heard]) -> Self {
        let mut crowd = Self::default();
        let mut last: HashMap<&str, u64> = HashMap::new();
        let mut seen: BTreeSet<(&str, &str)> = BTreeSet::new();
        for line in lines {
            match line {
                Heard::Message { device_id, seq, message_id, text, at } => {
                    crowd.deliveries += 1;
                    crowd.heard_at.entry(message_id.clone()).or_default().push(*at);
                    // What comes by the feed has no number.
                    if *seq > 0 {
                        let before = last.insert(device_id, *seq).unwrap_or(0);
                        if *seq != before + 1 {
                            crowd.findings.push(format!("device {device_id}: seq {seq} came after {before}"));
                        }
                    }
                    if !seen.insert((device_id, message_id)) {
                        crowd.findings.push(format!("device {device_id}: {message_id} came twice"));
                        continue;
                    }
                    *crowd.by_message.entry(message_id.clone()).or_default() += 1;
                    let of_text = crowd.heard.entry(text.clone()).or_default();
                    of_text.entry(device_id.clone()).or_default().insert(message_id.clone());
                }
                Heard::Skipped { device_id, last: through } => {
                    last.insert(device_id, *through);
                }
                Heard::Recalled { device_id, message_id } => {
                    crowd.findings.push(format!("device {device_id}: {message_id} was taken back, and nobody asked"));
                }
                Heard::PossibleLoss { device_id } => {
                    crowd.findings.push(format!("device {device_id} was told that messages may be lost"));
                }
            }
        }
        crowd
    }

    /// Each live device that was addressed heard it as often as asked for, and no other did.
    pub(crate) fn compare(&mut self, broadcast: &Broadcast, devices: &[Simulated]) {
        let none = HashMap::new();
        let heard = self.heard.get(&broadcast.text).unwrap_or(&none);
        for device in devices.iter().filter(|device| device.transport.is_some()) {
            let times = heard.get(&device.device_id).map_or(0, BTreeSet::len);
            let wanted = if broadcast.to.is_for(device) { broadcast.occurrences as usize } else { 0 };
            let is_right = if broadcast.is_partial { times <= wanted } else { times == wanted };
            if !is_right {
                let (id, text) = (&device.device_id, &broadcast.text);
                self.findings.push(format!("device {id}: {text:?} came {times} times instead of {wanted}"));
            }
        }
    }

    /// Deliveries of a message whose acknowledgements may have died with the server.
    fn in_flight(&self, message: &str, kills: &[u64]) -> i64 {
        let heard = self.heard_at.get(message).map(Vec::as_slice).unwrap_or_default();
        uncounted(heard.iter().copied(), kills)
    }

    fn look_for_strangers(&mut self, sent: &[Sent]) {
        let texts: BTreeSet<&str> = sent.iter().map(|sent| sent.broadcast.text.as_str()).collect();
        let strange: Vec<_> = self.heard.keys().filter(|text| !texts.contains(text.as_str())).cloned().collect();
        self.findings.extend(strange.iter().map(|text| format!("{text:?} arrived, and nobody sent it")));
    }

    /// The server counts what the logs say, and those who were away are pending.
    fn balance(&mut self, sent: &[Sent], kills: &[u64], devices: &[Simulated], views: &[Value]) {
        let mut findings = Vec::new();
        for view in views {
            let id = view["message_id"].as_str().unwrap_or_default();
            let of = view["series"].as_str().unwrap_or(id);
            let Some(sent) = sent.iter().find(|sent| sent.message_id == of) else {
                findings.push(format!("message {id}: the server has it, the publisher does not"));
                continue;
            };
            let number = |name: &str| view["balance"][name].as_i64().unwrap_or(-1);
            let (targeted, delivered) = (number("targeted"), number("delivered"));
            let (pending, cancelled) = (number("pending"), number("cancelled"));
            let logged = self.by_message.get(id).copied().unwrap_or(0);
            // Of a broadcast by the feed those are known who have it, but for acknowledgements that died with the server.
            let is_by_feed = view["approximate"] == true;
            let in_flight = if is_by_feed { self.in_flight(id, kills) } else { 0 };
            if !(logged - in_flight..=logged).contains(&delivered) {
                findings
                    .push(format!("message {id}: {delivered} delivered, {logged} in the logs, {in_flight} in flight"));
            }
            if targeted != delivered + pending + cancelled {
                findings.push(format!("message {id}: the balance does not close: {}", view["balance"]));
            }
            if is_by_feed {
                if targeted != delivered {
                    findings.push(format!("message {id}: {targeted} targeted by the feed, {delivered} delivered"));
                }
                continue;
            }
            let is_series = sent.broadcast.occurrences > 1 && of == id;
            let addressed = devices.iter().filter(|device| sent.broadcast.to.is_for(device)).count();
            let wanted = if is_series { 0 } else { i64::try_from(addressed).unwrap_or(i64::MAX) };
            let is_right = if sent.broadcast.is_partial { targeted < wanted } else { targeted == wanted };
            if !is_right {
                findings.push(format!("message {id}: {targeted} targeted, {wanted} addressed"));
            }
        }
        self.findings.extend(findings);
    }
}
