//! The tables: keys and indexes. infra/functions.yaml makes the same ones (a test compares them).
//!
//! | table | `pk` | `sk` |
//! |---|---|---|
//! | mailboxes | device id (16 bytes) | – |
//! | messages | message id, 16 bytes | `m` the message, `a` + body hash its large payload and audience, `s` + shard id a page |
//! | | app, for its feed | offset, 8 bytes: see the module `feeds` |
//! | ledger | message id + one nibble of the device id; message id for numbers | device id; `t…` numbers, `b…` applied batches |
//! | directory | see the module `directory` | |
//!
//! All keys are binary. Every table has the attribute [`TTL`], by which DynamoDB deletes at leisure: reads check expiry
//! themselves.

/// The attribute that DynamoDB deletes by: seconds since 1970.
pub const TTL: &str = "ttl";
/// Partition key of every table.
pub const PARTITION_KEY: &str = "pk";
/// Sort key of every table that has one.
pub const SORT_KEY: &str = "sk";

/// A table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableSchema {
    /// What stands in it; the name of its setting and of its resource derive from it.
    pub name: &'static str,
    /// Whether items have a sort key.
    pub sorted: bool,
    /// Secondary indexes.
    pub indexes: &'static [IndexSchema],
}

/// A global secondary index. None is read on the way of a single push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexSchema {
    /// Its name.
    pub name: &'static str,
    /// Attribute of its partition key, binary.
    pub partition: &'static str,
    /// Attribute of its sort key, binary.
    pub sort: &'static str,
    /// Whether it copies whole items; else keys only.
    pub whole: bool,
}

/// Every table.
pub const TABLES: [TableSchema; 4] = [
    TableSchema { name: "mailboxes", sorted: false, indexes: &[] },
    TableSchema { name: "messages", sorted: true, indexes: &[MESSAGES_BY_APP, MESSAGES_DUE] },
    TableSchema { name: "ledger", sorted: true, indexes: &[] },
    TableSchema { name: "directory", sorted: true, indexes: &[DEVICES_BY_SEGMENT] },
];

/// An app's messages by time: partition = app + shard, sort = acceptance time + id.
pub const MESSAGES_BY_APP: IndexSchema = IndexSchema { name: "by_app", partition: "ap", sort: "as", whole: false };
/// Messages that somebody must look at again: partition = shard, sort = due time + id. Sparse.
pub const MESSAGES_DUE: IndexSchema = IndexSchema { name: "due", partition: "dp", sort: "ds", whole: false };
/// An app's devices by segment: partition = app + segment, sort = device id. For enumerating everyone.
pub const DEVICES_BY_SEGMENT: IndexSchema =
    IndexSchema { name: "by_segment", partition: "sp", sort: "ss", whole: true };
