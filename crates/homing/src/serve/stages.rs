//! The stages that queues feed, as workers see them.

use bytes::Bytes;
use homing_dispatch::Dispatch;
use homing_fanout::Fanout;
use homing_ports::StageError;
use homing_receipts::{CloseMessages, RecordReceipts};
use homing_schedule::Schedule;

use super::local_vendors::LocalVendors;
use super::start::Ports;
use super::workers::Consume;

impl Consume for Fanout<Ports> {
    async fn consume(&self, body: &Bytes) -> Result<(), StageError> {
        self.consume(body).await
    }
}

impl Consume for Dispatch<Ports, LocalVendors> {
    async fn consume(&self, body: &Bytes) -> Result<(), StageError> {
        self.consume(body).await
    }
}

/// The same stage, as the vendors' own queues feed it.
pub(super) struct AskVendors(pub(super) Dispatch<Ports, LocalVendors>);

impl Consume for AskVendors {
    async fn consume(&self, body: &Bytes) -> Result<(), StageError> {
        self.0.consume_channel(body).await
    }
}

impl Consume for RecordReceipts<Ports> {
    async fn consume(&self, body: &Bytes) -> Result<(), StageError> {
        self.consume(body).await
    }
}

impl Consume for CloseMessages<Ports> {
    async fn consume(&self, body: &Bytes) -> Result<(), StageError> {
        self.consume(body).await
    }
}

impl Consume for Schedule<Ports> {
    async fn consume(&self, body: &Bytes) -> Result<(), StageError> {
        self.consume(body).await
    }
}
