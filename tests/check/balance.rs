//! Compares the server's numbers with what the logs say. Done last: until here nothing of the server was read.

use std::collections::BTreeMap;

use super::arrived::Arrivals;
use super::expected::Expectations;
use super::record::{Balance, Balances};

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
            // Of what came by the feed, acknowledgements that died with a gateway or a link are not counted.
            Some(balance) if arrivals.values().any(|device| device.by_feed.contains(message_id)) => {
                let counted =
                    Balance { targeted: balance.delivered, delivered: balance.delivered, ..Balance::default() };
                if *balance != counted || !(0..=want.delivered).contains(&balance.delivered) {
                    findings
                        .push(format!("message {message_id}: the logs say {want:?}, the server counts {balance:?}"));
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
