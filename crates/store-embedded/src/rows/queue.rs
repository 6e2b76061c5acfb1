//! Queue items and dead letters. They have no noun of their own: their rows are what the queues work with.

use bytes::Bytes;

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct QueueItemRow {
    #[prost(bytes = "bytes", tag = "1")]
    pub(crate) body: Bytes,
    #[prost(uint64, tag = "2")]
    pub(crate) sent_at: u64,
    /// Not to be received before.
    #[prost(uint64, tag = "3")]
    pub(crate) visible_at: u64,
    #[prost(string, optional, tag = "4")]
    pub(crate) group: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct DeadLetterRow {
    #[prost(bytes = "bytes", tag = "1")]
    pub(crate) body: Bytes,
    #[prost(uint64, tag = "2")]
    pub(crate) sent_at: u64,
    #[prost(uint32, tag = "3")]
    pub(crate) receives: u32,
    #[prost(string, optional, tag = "4")]
    pub(crate) reason: Option<String>,
    #[prost(string, optional, tag = "5")]
    pub(crate) group: Option<String>,
    /// When it was given up.
    #[prost(uint64, tag = "6")]
    pub(crate) died_at: u64,
}
