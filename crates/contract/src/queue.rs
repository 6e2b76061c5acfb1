//! What stands in the queues between the stages, as JSON envelopes `{"v": 1, "kind": "…", …}`.
//!
//! Versions are append-only: a field may be added with a default, a reader ignores what it does not know, and nothing
//! changes its name or meaning. Items of the past stand in queues and among dead letters, so every version ever written
//! decodes for ever; `fixtures/queue-v1` holds the proof. A change that breaks this is a new version beside the old one.

pub mod v1;

pub use v1::{
    AudienceInput, DecodeError, DispatchInput, Item, ReceiptsInput, decode, decode_audience_input, decode_channel_job,
    decode_dispatch_input, decode_receipts_input, encode,
};
