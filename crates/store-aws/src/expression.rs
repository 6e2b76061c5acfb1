//! Expressions: what a call does to an item, and on which condition.
//!
//! Attributes stand in them as `#name` and nothing else, so that no word is ever a reserved one; values stand as `:name`.
//! The maps that AWS wants beside the text are made from it. Debug builds lint every expression that is sent, because the
//! emulator lets pass what AWS refuses (overlapping paths).

mod lint;

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use homing_domain::UnixMillis;

use crate::item::{Value, present};

/// The texts of one call, with their values.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Expression {
    update: Option<String>,
    condition: Option<String>,
    key: Option<String>,
    values: HashMap<String, AttributeValue>,
}

/// An expression in the pieces that a request is built of. What would be empty is `None`, because AWS refuses it.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub(crate) update: Option<String>,
    pub(crate) condition: Option<String>,
    /// The key condition of a query.
    pub(crate) key: Option<String>,
    pub(crate) names: Option<HashMap<String, String>>,
    pub(crate) values: Option<HashMap<String, AttributeValue>>,
}

impl Expression {
    /// Nothing: an unconditional put.
    pub(crate) fn none() -> Self {
        Self::default()
    }

    /// An update: `SET #a = :b`.
    pub(crate) fn update(text: impl Into<String>) -> Self {
        Self { update: Some(text.into()), ..Self::default() }
    }

    /// A condition alone, for a put or a delete.
    pub(crate) fn condition(text: impl Into<String>) -> Self {
        Self { condition: Some(text.into()), ..Self::default() }
    }

    /// That there is no item with this key.
    pub(crate) fn absent() -> Self {
        Self::condition("attribute_not_exists(#pk)")
    }

    /// That there is no item with this key, or one whose time is over.
    pub(crate) fn absent_or_over(now: UnixMillis) -> Self {
        Self::condition("attribute_not_exists(#pk) OR #ttl <= :now").value("now", present(now))
    }

    /// The key condition of a query: `#pk = :p AND #sk > :after`.
    pub(crate) fn key(text: impl Into<String>) -> Self {
        Self { key: Some(text.into()), ..Self::default() }
    }

    /// The condition of an update.
    #[must_use]
    pub(crate) fn when(mut self, text: impl Into<String>) -> Self {
        self.condition = Some(text.into());
        self
    }

    /// A value that the texts name; `name` without the colon.
    #[must_use]
    pub(crate) fn value(mut self, name: &str, value: impl Value) -> Self {
        self.values.insert(format!(":{name}"), value.into_value());
        self
    }

    /// The pieces of a request.
    pub(crate) fn into_parts(self) -> Parts {
        debug_assert_eq!(lint::lint(&self), Ok(()), "in {self:?}");
        let names: HashMap<_, _> =
            self.texts().flat_map(names_in).map(|name| (format!("#{name}"), name.to_owned())).collect();
        Parts {
            names: (!names.is_empty()).then_some(names),
            values: (!self.values.is_empty()).then_some(self.values),
            update: self.update,
            condition: self.condition,
            key: self.key,
        }
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        [&self.update, &self.condition, &self.key].into_iter().filter_map(Option::as_deref)
    }
}

/// The attributes that a text names.
fn names_in(text: &str) -> impl Iterator<Item = &str> {
    text.split('#').skip(1).map(|tail| tail.split(|c: char| !is_word(c)).next().unwrap_or_default())
}

const fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests;
