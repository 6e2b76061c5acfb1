//! What business systems read from the event bus and from their upstream queue, as JSON envelopes
//! `{"v": 1, "id": "…", "type": "…", "app": "…", "at": "…", "data": {…}}`. On EventBridge this is the event's detail, and
//! `type` is its detail-type too, so that rules can choose by it.
//!
//! Everything here is told at least once and in no order; `type` and `id` together make a repeat recognisable.
//! Versions are append-only, as those of the queues are: fields may be added, nothing changes its name or meaning, and
//! `fixtures/bus-v1` holds the proof. Readers must ignore what they do not know.

pub mod v1;

pub use v1::{BusMessage, encode, encode_upstream};
