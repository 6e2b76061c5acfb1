//! Version 1 of the envelopes.

mod feed_counts;
mod job;
mod notice;
mod receipt;
mod text;

#[cfg(test)]
mod tests;

use bytes::Bytes;
use homing_domain::{
    AudienceJob, ChannelJob, FeedCounts, FeedJob, HeldJob, ReceiptBatch, Shard, Undelivered, VendorJob,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The version that this module writes.
pub const VERSION: u32 = 1;

/// Why a body is not the item it should be. None of these goes away by trying again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not JSON, or a field is missing or of the wrong form.
    #[error("not an item of version {VERSION}: {0}")]
    Malformed(String),
    /// Written by a later version of Homing.
    #[error("version {0} is not known")]
    Version(u32),
    /// Another kind than this queue holds.
    #[error("kind {0:?} does not belong here")]
    Kind(String),
    /// More parts than one item may have.
    #[error("{found} {what}, at most {max} fit into one item")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there may be.
        max: usize,
    },
    /// A value that the type of its field cannot rule out.
    #[error("{0}")]
    Invalid(&'static str),
}

/// A noun that travels in a queue.
pub trait Item: Sized {
    /// Its name in the envelope.
    const KIND: &'static str;

    /// Its JSON shape.
    #[doc(hidden)]
    type Wire: Serialize + DeserializeOwned;

    #[doc(hidden)]
    fn to_wire(&self) -> Self::Wire;

    #[doc(hidden)]
    fn from_wire(wire: Self::Wire) -> Result<Self, DecodeError>;
}

/// What fanout finds in its queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AudienceInput {
    /// Enumerate (a part of) an audience.
    Job(AudienceJob),
    /// Let devices that were held go on.
    Held(HeldJob),
}

/// What dispatch finds in its queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DispatchInput {
    /// A page of an audience.
    Shard(Shard),
    /// A hand-off that found no link.
    Undelivered(Undelivered),
    /// An entry for the feed of an app.
    Feed(FeedJob),
    /// Devices whose vendors may have to bring it.
    Vendor(VendorJob),
}

/// What receipts finds in its queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReceiptsInput {
    /// Receipts of single devices.
    Batch(ReceiptBatch),
    /// What was counted of broadcasts that came by a feed.
    FeedCounts(FeedCounts),
}

#[derive(Serialize)]
struct Envelope<'a, W> {
    v: u32,
    kind: &'a str,
    #[serde(flatten)]
    item: W,
}

#[derive(Deserialize)]
struct Head {
    v: u32,
    kind: String,
}

/// The body of a queue item.
pub fn encode<T: Item>(item: &T) -> Bytes {
    let envelope = Envelope { v: VERSION, kind: T::KIND, item: item.to_wire() };
    serde_json::to_vec(&envelope).expect("the shapes have string keys and no failing parts").into()
}

/// Reads the body of a queue item of one kind.
///
/// # Errors
/// [`DecodeError`]: the body can never be read, give it up.
pub fn decode<T: Item>(body: &[u8]) -> Result<T, DecodeError> {
    let head = read_head(body)?;
    if head.kind == T::KIND { read_item(body) } else { Err(DecodeError::Kind(head.kind)) }
}

/// Reads the body of an item of the audience queue.
///
/// # Errors
/// [`DecodeError`]: the body can never be read, give it up.
pub fn decode_audience_input(body: &[u8]) -> Result<AudienceInput, DecodeError> {
    let head = read_head(body)?;
    match head.kind.as_str() {
        AudienceJob::KIND => read_item(body).map(AudienceInput::Job),
        HeldJob::KIND => read_item(body).map(AudienceInput::Held),
        _ => Err(DecodeError::Kind(head.kind)),
    }
}

/// Reads the body of an item of the dispatch queue.
///
/// # Errors
/// [`DecodeError`]: the body can never be read, give it up.
pub fn decode_dispatch_input(body: &[u8]) -> Result<DispatchInput, DecodeError> {
    let head = read_head(body)?;
    match head.kind.as_str() {
        Shard::KIND => read_item(body).map(DispatchInput::Shard),
        Undelivered::KIND => read_item(body).map(DispatchInput::Undelivered),
        FeedJob::KIND => read_item(body).map(DispatchInput::Feed),
        VendorJob::KIND => read_item(body).map(DispatchInput::Vendor),
        _ => Err(DecodeError::Kind(head.kind)),
    }
}

/// Reads the body of an item of a vendor's queue.
///
/// # Errors
/// [`DecodeError`]: the body can never be read, give it up.
pub fn decode_channel_job(body: &[u8]) -> Result<ChannelJob, DecodeError> {
    decode(body)
}

/// Reads the body of an item of the receipts queue.
///
/// # Errors
/// [`DecodeError`]: the body can never be read, give it up.
pub fn decode_receipts_input(body: &[u8]) -> Result<ReceiptsInput, DecodeError> {
    let head = read_head(body)?;
    match head.kind.as_str() {
        ReceiptBatch::KIND => read_item(body).map(ReceiptsInput::Batch),
        FeedCounts::KIND => read_item(body).map(ReceiptsInput::FeedCounts),
        _ => Err(DecodeError::Kind(head.kind)),
    }
}

/// Version and kind are read on their own, so that an unknown version is named as such and not as a missing field.
fn read_head(body: &[u8]) -> Result<Head, DecodeError> {
    let head: Head = from_json(body)?;
    if head.v == VERSION { Ok(head) } else { Err(DecodeError::Version(head.v)) }
}

fn read_item<T: Item>(body: &[u8]) -> Result<T, DecodeError> {
    T::from_wire(from_json(body)?)
}

fn from_json<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, DecodeError> {
    serde_json::from_slice(body).map_err(|error| DecodeError::Malformed(error.to_string()))
}
