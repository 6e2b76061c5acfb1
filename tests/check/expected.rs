//! From the publisher's log: which message must have arrived where.

use std::collections::{BTreeMap, BTreeSet};

use super::record::{Audience, Device, Published};

/// A message that was answered with 202.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) text: String,
    pub(crate) devices: BTreeSet<String>,
}

/// All of the publisher's log.
#[derive(Debug, Default)]
pub(crate) struct Expectations {
    /// By message id.
    pub(crate) messages: BTreeMap<String, Expected>,
    /// Requests sent, repeats among them.
    pub(crate) requests: usize,
    /// Keys of which at least one request had no answer.
    pub(crate) unanswered: BTreeSet<String>,
    /// When something was cut off that carries acknowledgements or counts them.
    pub(crate) cuts: Vec<u64>,
    /// What is wrong already.
    pub(crate) findings: Vec<String>,
}

impl Expectations {
    pub(crate) fn read(lines: &[Published], devices: &[Device]) -> Self {
        let mut this = Self::default();
        let mut asked: BTreeMap<&str, (&Audience, &str)> = BTreeMap::new();
        let mut answers: BTreeMap<&str, &str> = BTreeMap::new();
        for line in lines {
            match line {
                Published::Request { key, audience, text } => {
                    this.requests += 1;
                    let first = asked.entry(key).or_insert((audience, text));
                    if *first != (audience, text.as_str()) {
                        this.findings.push(format!("key {key} was used for two different messages"));
                    }
                }
                Published::Answered { key, message_id } => {
                    let first = answers.entry(key).or_insert(message_id);
                    if *first != message_id {
                        this.findings.push(format!("key {key} was answered with {first} and with {message_id}"));
                    }
                }
                Published::Unanswered { key, .. } => {
                    this.unanswered.insert(key.clone());
                }
                Published::CutOff { at } => this.cuts.push(*at),
                Published::Refused { key, status, why } => {
                    if *status < 500 && *status != 429 {
                        this.findings.push(format!("key {key} was refused with {status}: {why}"));
                    }
                }
            }
        }
        for (key, (audience, text)) in asked {
            match answers.get(key) {
                None => this.findings.push(format!("key {key} was never answered with 202")),
                Some(message_id) => {
                    let expected = Expected { text: text.to_owned(), devices: addressed(audience, devices) };
                    if this.messages.insert((*message_id).to_owned(), expected).is_some() {
                        this.findings.push(format!("message {message_id} answers two keys"));
                    }
                }
            }
        }
        this
    }

    /// How many (message, device) must have arrived.
    pub(crate) fn deliveries(&self) -> usize {
        self.messages.values().map(|expected| expected.devices.len()).sum()
    }
}

fn addressed(audience: &Audience, devices: &[Device]) -> BTreeSet<String> {
    devices.iter().filter(|device| audience.is_for(device)).map(|device| device.device_id.clone()).collect()
}
