//! Compares the server's numbers with what the logs say. Done last: until here nothing of the server was read.

use std::collections::BTreeMap;

use super::arrived::Arrivals;
use super::expected::Expectations;
use super::record::{Balance, Balances};

/// What a device heard so long before something was cut off may be missing in the numbers: an acknowledgement travels with
/// a delay of 100 ms and is counted within a second.
const UNCOUNTED_FOR_MILLIS: u64 = 1_500;
/// What a device heard so soon after the cut had left before it: it stood in the sockets of a crowd that takes a while to read
/// them. A server that was started anew brings nothing before it is up and its devices are back, which takes longer.
const STILL_HEARD_FOR_MILLIS: u64 = 500;

/// Deliveries at these moments whose acknowledgements may never have been counted, since something was cut off.
pub(crate) fn uncounted(heard_at: impl Iterator<Item = u64>, cuts: &[u64]) -> i64 {
    let is_lost =
        |at: &u64| cuts.iter().any(|cut| (cut - UNCOUNTED_FOR_MILLIS..=cut + STILL_HEARD_FOR_MILLIS).contains(at));
    count(heard_at.filter(is_lost).count())
}

pub(crate) fn compare(
    expectations: &Expectations,
    arrivals: &BTreeMap<String, Arrivals>,
    balances: &Balances,
) -> Vec<String> {
    let mut findings = Vec::new();
    for (message_id, expected) in &expectations.messages {
        let delivered = arrivals.values().filter(|device| device.messages.contains_key(message_id)).count();
        let want =
            Balance { targeted: count(expected.devices.len()), delivered: count(delivered), ..Balance::default() };
        match balances.get(message_id) {
            None => findings.push(format!("message {message_id}: the server has no balance of it")),
            // Of a broadcast by the feed those are known who have it, but for acknowledgements that were cut off.
            Some(balance) if arrivals.values().any(|device| device.by_feed.contains_key(message_id)) => {
                let heard_at = arrivals.values().filter_map(|device| device.by_feed.get(message_id).copied());
                let uncounted = uncounted(heard_at, &expectations.cuts);
                let counted =
                    Balance { targeted: balance.delivered, delivered: balance.delivered, ..Balance::default() };
                let logged = want.delivered;
                if *balance != counted || !(logged - uncounted..=logged).contains(&balance.delivered) {
                    findings.push(format!(
                        "message {message_id}: {logged} in the logs, {uncounted} of them cut off, the server counts {balance:?}"
                    ));
                }
            }
            Some(balance) if *balance != want => {
                findings.push(format!("message {message_id}: the logs say {want:?}, the server says {balance:?}"));
            }
            Some(_) => {}
        }
    }
    for message_id in balances.keys().filter(|id| !expectations.messages.contains_key(*id)) {
        findings.push(format!("message {message_id}: the server has it, the publisher does not"));
    }
    findings
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
