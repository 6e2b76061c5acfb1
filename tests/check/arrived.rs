//! From a device's log: what arrived, in which order, and whether that is right.

use std::collections::BTreeMap;

use super::expected::Expectations;
use super::record::Seen;

/// What one device's log says.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    /// How often each message arrived, repeats that are allowed not counted.
    pub(crate) messages: BTreeMap<String, usize>,
    /// When those of them arrived that came by the feed.
    pub(crate) by_feed: BTreeMap<String, u64>,
    /// Messages repeated because the process was killed inside the callback.
    pub(crate) repeats: usize,
    /// Processes that wrote this log.
    pub(crate) starts: usize,
    /// Seqs that were skipped with a reason.
    pub(crate) skipped: u64,
    /// What is wrong.
    pub(crate) findings: Vec<String>,
}

/// Walks through a log.
struct Walk<'a> {
    device: &'a str,
    expectations: &'a Expectations,
    /// The last seq that is accounted for.
    last: u64,
    /// The last message that the process before this one began to handle, as long as it may be repeated.
    repeatable: Option<(u64, &'a str)>,
    newest: Option<(u64, &'a str)>,
    arrivals: Arrivals,
}

impl Arrivals {
    pub(crate) fn read(device: &str, lines: &[Seen], expectations: &Expectations) -> Self {
        let mut walk =
            Walk { device, expectations, last: 0, repeatable: None, newest: None, arrivals: Self::default() };
        for line in lines {
            match line {
                Seen::Started {} => {
                    walk.arrivals.starts += 1;
                    walk.repeatable = walk.newest;
                }
                Seen::Message { seq, message_id, text, at } => walk.message(*seq, message_id, text, *at),
                Seen::Skipped { from, through, reason } => walk.skip(*from, *through, reason),
                Seen::PossibleLoss {} => walk.wrong("was told that messages may be lost".to_owned()),
            }
        }
        walk.finish()
    }
}

impl<'a> Walk<'a> {
    fn wrong(&mut self, what: String) {
        self.arrivals.findings.push(format!("device {}: {what}", self.device));
    }

    fn message(&mut self, seq: u64, message_id: &'a str, text: &str, at: u64) {
        // A process that died inside the callback may get that one message again, first thing and unchanged.
        if self.repeatable.take() == Some((seq, message_id)) {
            self.arrivals.repeats += 1;
            return;
        }
        // What comes by the feed has no number.
        if seq == 0 {
            self.arrivals.by_feed.insert(message_id.to_owned(), at);
        } else if seq <= self.last {
            self.wrong(format!("message {message_id} came with seq {seq} after seq {}", self.last));
        } else if seq > self.last + 1 {
            self.wrong(format!("seqs {} to {} are missing without a Skip", self.last + 1, seq - 1));
        }
        self.last = self.last.max(seq);
        self.newest = Some((seq, message_id));
        *self.arrivals.messages.entry(message_id.to_owned()).or_default() += 1;
        match self.expectations.messages.get(message_id) {
            None => self.wrong(format!("message {message_id} arrived, but was never answered with 202")),
            Some(expected) if !expected.devices.contains(self.device) => {
                self.wrong(format!("message {message_id} arrived, but was for others"));
            }
            Some(expected) if expected.text != text => {
                self.wrong(format!("message {message_id} arrived as {text:?} instead of {:?}", expected.text));
            }
            Some(_) => {}
        }
    }

    fn skip(&mut self, from: u64, through: u64, reason: &str) {
        if from != self.last + 1 || through < from {
            self.wrong(format!("a Skip ({reason}) of {from} to {through} came after seq {}", self.last));
        }
        self.arrivals.skipped += (through + 1).saturating_sub(from);
        self.last = self.last.max(through);
    }

    fn finish(mut self) -> Arrivals {
        for (message_id, expected) in &self.expectations.messages {
            let times = self.arrivals.messages.get(message_id).copied().unwrap_or(0);
            if expected.devices.contains(self.device) && times != 1 {
                self.arrivals
                    .findings
                    .push(format!("device {}: message {message_id} arrived {times} times", self.device));
            }
        }
        self.arrivals
    }
}
