//! Items as DynamoDB has them: typed writing and reading of their attributes.
//!
//! Rows are read by taking attributes out of the map, so that payloads are moved and not copied. What is missing or of
//! another type is [`Damaged`], which names table and attribute: nobody but this crate writes these tables.

mod code;
mod value;

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use homing_domain::{Millis, UnixMillis};
use homing_ports::{Error, Fault};

pub(crate) use self::code::Code;
pub(crate) use self::value::{Seconds, Value, binary};
use crate::schema::{PARTITION_KEY, SORT_KEY, TTL};

/// One item, or the key of one.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// Attribute that counts the writes of an item that is changed by compare-and-swap. An update in place raises it too.
pub(crate) const VERSION: &str = "v";

const SECOND: Millis = 1_000;

/// A table of this installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Table {
    Mailboxes,
    Messages,
    Ledger,
    Directory,
}

impl Table {
    /// Its name in the schema and in errors; the name in AWS is a setting.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Mailboxes => "mailboxes",
            Self::Messages => "messages",
            Self::Ledger => "ledger",
            Self::Directory => "directory",
        }
    }
}

/// An item holds something that this crate does not write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the attribute {attribute} of an item of the table {} is missing or damaged", .table.name())]
pub(crate) struct Damaged {
    pub(crate) table: Table,
    pub(crate) attribute: &'static str,
}

impl Damaged {
    /// The port's error: no repeat will mend it.
    pub(crate) fn in_port(self, operation: &'static str) -> Error {
        Error::with_source(Fault::Broken, operation, self)
    }
}

/// The value of [`TTL`] for an item that is kept until `at`.
pub(crate) const fn expiry(at: UnixMillis) -> Seconds {
    Seconds(at.0.div_ceil(SECOND))
}

/// The present as expressions compare it with [`TTL`]: what is not larger is over.
pub(crate) const fn present(now: UnixMillis) -> Seconds {
    Seconds(now.0 / SECOND)
}

/// Whether the item's time is over: DynamoDB may take days to delete it, and nobody may see it meanwhile.
pub(crate) fn is_expired(item: &Item, now: UnixMillis) -> bool {
    let ttl = item.get(TTL).and_then(|value| u64::from_value(value.clone()));
    ttl.is_some_and(|seconds| seconds <= present(now).0)
}

/// The key in a table without sort key.
pub(crate) fn key(partition: impl Into<Vec<u8>>) -> Item {
    ItemWriter::default().with(PARTITION_KEY, binary(partition)).finish()
}

/// The key in a table with a sort key.
pub(crate) fn sorted_key(partition: impl Into<Vec<u8>>, sort: impl Into<Vec<u8>>) -> Item {
    ItemWriter::of(key(partition)).with(SORT_KEY, binary(sort)).finish()
}

/// Puts attributes into an item.
#[derive(Clone, Debug, Default)]
pub(crate) struct ItemWriter(Item);

impl ItemWriter {
    /// Goes on with an item, say a key.
    pub(crate) const fn of(item: Item) -> Self {
        Self(item)
    }

    /// One attribute more.
    #[must_use]
    pub(crate) fn with(mut self, attribute: &'static str, value: impl Value) -> Self {
        self.0.insert(attribute.to_owned(), value.into_value());
        self
    }

    /// One attribute more if there is a value.
    #[must_use]
    pub(crate) fn with_some(self, attribute: &'static str, value: Option<impl Value>) -> Self {
        match value {
            Some(value) => self.with(attribute, value),
            None => self,
        }
    }

    /// The item.
    pub(crate) fn finish(self) -> Item {
        self.0
    }
}

/// Takes attributes out of an item.
#[derive(Clone, Debug)]
pub(crate) struct ItemReader {
    table: Table,
    item: Item,
}

impl ItemReader {
    /// Reads an item of a table, or a map within one.
    pub(crate) const fn new(table: Table, item: Item) -> Self {
        Self { table, item }
    }

    /// Takes an attribute that must be there.
    pub(crate) fn take<V: Value>(&mut self, attribute: &'static str) -> Result<V, Damaged> {
        self.take_some(attribute)?.ok_or_else(|| self.damaged(attribute))
    }

    /// Takes an attribute that may be missing.
    pub(crate) fn take_some<V: Value>(&mut self, attribute: &'static str) -> Result<Option<V>, Damaged> {
        let Some(value) = self.item.remove(attribute) else { return Ok(None) };
        V::from_value(value).map(Some).ok_or_else(|| self.damaged(attribute))
    }

    /// The error that names this attribute.
    pub(crate) const fn damaged(&self, attribute: &'static str) -> Damaged {
        Damaged { table: self.table, attribute }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_or_of_another_type_is_named() {
        let item = ItemWriter::of(key(*b"k")).with("n", 7_u64).with_some("o", None::<u64>).finish();
        let mut reader = ItemReader::new(Table::Ledger, item);
        assert_eq!(reader.clone().take::<u64>("n"), Ok(7));
        assert_eq!(reader.take_some::<u64>("o"), Ok(None));
        assert_eq!(reader.take::<String>("n"), Err(Damaged { table: Table::Ledger, attribute: "n" }));
        let error = reader.take::<u64>("n").unwrap_err();
        assert_eq!(error.to_string(), "the attribute n of an item of the table ledger is missing or damaged");
        assert_eq!(error.in_port("count").fault, Fault::Broken);
    }

    #[test]
    fn an_item_is_over_at_its_second_and_not_before() {
        let item = ItemWriter::default().with(TTL, expiry(UnixMillis(4_001))).finish();
        assert!(!is_expired(&item, UnixMillis(4_999)) && is_expired(&item, UnixMillis(5_000)));
        assert_eq!(present(UnixMillis(5_999)), Seconds(5));
        assert!(!is_expired(&Item::new(), UnixMillis::NEVER));
    }
}
