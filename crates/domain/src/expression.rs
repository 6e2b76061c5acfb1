//! Tag expressions: `vip && (beijing || shanghai) && !muted && platform == android`.
//!
//! ```text
//! any   = all { "||" all }
//! all   = not { "&&" not }
//! not   = "!" not | "(" any ")" | test | tag
//! test  = "platform" ("==" | "!=") name of a platform
//!       | ("brand" | "model" | "locale") ("==" | "!=") text
//!       | "locale" "~" language range
//!       | ("os_version" | "app_version") ("==" | "!=" | "<" | "<=" | ">" | ">=") version
//!       | "last_seen" "within" number ("h" | "d" | "w")
//!       | "has" "user"
//! tag, text = a bare word of letters and digits of any script and `_ - . :`
//!           | anything in double quotes, with \" and \\
//! ```
//!
//! What follows a word decides what it is: followed by an operator it is an attribute, else a tag. So `platform` alone is
//! the tag of that name, as `"platform"` always is, and a new attribute never takes a tag's name away.

mod evaluate;
mod lex;
mod parse;
mod tree;
mod version;

#[cfg(test)]
pub(crate) mod tests;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::device::Device;
use crate::time::UnixMillis;
use tree::Node;

/// A checked tag expression. Cloning is cheap.
#[derive(Clone, PartialEq, Eq)]
pub struct Expression {
    text: Arc<str>,
    root: Arc<Node>,
}

/// Why a text is not an expression, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} at character {position}")]
pub struct ExpressionError {
    /// Character from 1; one more than there are when something is missing at the end.
    pub position: usize,
    /// What is wrong, in words.
    pub message: String,
}

impl Expression {
    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it holds for a device at this moment.
    #[must_use]
    pub fn holds_for(&self, device: &Device, now: UnixMillis) -> bool {
        evaluate::holds(&self.root, device, now)
    }
}

impl FromStr for Expression {
    type Err = ExpressionError;

    fn from_str(text: &str) -> Result<Self, ExpressionError> {
        let root = parse::parse(text)?;
        Ok(Self { text: text.into(), root: Arc::new(root) })
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
