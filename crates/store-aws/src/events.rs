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
