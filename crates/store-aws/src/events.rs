//! The event bus on EventBridge: one request per 10 events, and EventBridge bills each 64 KiB of an event.

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use homing_contract::bus::{self, BusMessage};
use homing_domain::BusEvent;
use homing_ports::{Error, Events, Fault, Result};

use crate::AwsStore;
use crate::error::in_port;
use crate::queues::{ROUNDS_MAX, batches, pause};
use crate::trace;

/// What stands as the source of every event.
const SOURCE: &str = "homing";
/// Events of one request: EventBridge's limit.
const BATCH_MAX: usize = 10;
/// Bytes of one request: below EventBridge's limit of 256 KiB by what the other fields take.
const BATCH_MAX_BYTES: usize = 240 << 10;
const OPERATION: &str = "publish events";

fn entry(bus: &str, message: &BusMessage) -> PutEventsRequestEntry {
    PutEventsRequestEntry::builder()
        .event_bus_name(bus)
        .source(SOURCE)
        .detail_type(message.kind)
        .detail(String::from_utf8_lossy(&message.json))
        .set_trace_header(trace::current())
        .build()
}

/// Whether EventBridge may take the event another time.
fn is_transient(code: &str) -> bool {
    ["ThrottlingException", "InternalFailure", "InternalException", "ServiceUnavailable"].contains(&code)
}

impl AwsStore {
    /// Puts events on the bus. Durable when answered; after an error any of them may be there.
    pub(crate) async fn put_on_bus(&self, messages: Vec<BusMessage>) -> Result<()> {
        let bus = self.setting(&self.shared.settings.event_bus, "HOMING_EVENT_BUS", OPERATION)?;
        let size = |message: &BusMessage| message.json.len() + message.kind.len() + SOURCE.len();
        for batch in batches(messages, BATCH_MAX, BATCH_MAX_BYTES, size) {
            self.put_batch(batch.iter().map(|message| entry(bus, message)).collect()).await?;
        }
        Ok(())
    }

    async fn put_batch(&self, mut entries: Vec<PutEventsRequestEntry>) -> Result<()> {
        for round in 1.. {
            let request = self.shared.events.put_events().set_entries(Some(entries.clone()));
            let answer = request.send().await.map_err(|error| in_port(OPERATION, error))?;
            if answer.failed_entry_count == 0 {
                break;
            }
            // Answers stand in the order of the entries.
            let results = answer.entries.unwrap_or_default();
            let codes: Vec<Option<String>> = results.into_iter().map(|result| result.error_code).collect();
            if let Some(code) = codes.iter().flatten().find(|code| !is_transient(code)) {
                return Err(Error::with_source(Fault::Broken, OPERATION, code.clone()));
            }
            if round == ROUNDS_MAX {
                let code = codes.into_iter().flatten().next().unwrap_or_default();
                return Err(Error::with_source(Fault::Retry, OPERATION, code));
            }
            let mut failed = codes.iter().map(Option::is_some);
            entries.retain(|_| failed.next().unwrap_or(true));
            pause(round).await;
        }
        Ok(())
    }
}

impl Events for AwsStore {
    async fn publish(&self, events: Vec<BusEvent>) -> Result<()> {
        self.put_on_bus(events.iter().map(bus::encode).collect()).await
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;

    use super::*;
    use crate::script::{Reply, Script};

    fn messages(count: usize) -> Vec<BusMessage> {
        (0..count).map(|n| BusMessage { kind: "alert", json: Bytes::from(n.to_string()), id: n.to_string() }).collect()
    }

    fn failed(codes: &[Option<&str>]) -> Reply {
        let entries: Vec<_> = codes.iter().map(|code| json!({ "ErrorCode": code })).collect();
        Reply::Done(json!({ "FailedEntryCount": codes.iter().flatten().count(), "Entries": entries }))
    }

    #[tokio::test]
    async fn only_what_failed_is_put_again() {
        let (store, script) = Script::store([failed(&[None, Some("ThrottlingException"), None]), failed(&[None])]);
        store.put_on_bus(messages(3)).await.unwrap();
        let sent = script.sent();
        assert_eq!(sent[0].body["Entries"].as_array().map(Vec::len), Some(3));
        let again = sent[1].body["Entries"].as_array().unwrap();
        assert_eq!((again.len(), &again[0]["Detail"], &again[0]["Source"]), (1, &json!("1"), &json!("homing")));
    }

    #[tokio::test]
    async fn what_goes_on_failing_is_told() {
        let (store, script) = Script::store((0..9).map(|_| failed(&[Some("InternalFailure")])));
        assert_eq!(store.put_on_bus(messages(1)).await.unwrap_err().fault, Fault::Retry);
        assert_eq!(script.sent().len(), 3);
        let (store, _) = Script::store([failed(&[Some("MalformedDetail")])]);
        assert_eq!(store.put_on_bus(messages(1)).await.unwrap_err().fault, Fault::Broken);
    }

    #[tokio::test]
    async fn a_request_holds_ten() {
        let (store, script) = Script::store([failed(&[]), failed(&[]), failed(&[])]);
        store.put_on_bus(messages(21)).await.unwrap();
        assert_eq!(script.sent().len(), 3);
    }
}
