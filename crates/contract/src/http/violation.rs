//! What is wrong with a request, and where.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A list never grows beyond this: a thousand wrong device ids need no thousand sentences.
const VIOLATIONS_MAX: usize = 20;

/// One thing that is wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Violation {
    /// Stable name of the rule that is broken.
    #[schema(example = "out_of_range")]
    pub code: String,
    /// JSON pointer (RFC 6901) to the value that breaks it; empty for the whole document.
    #[schema(example = "/options/ttl_seconds")]
    pub pointer: String,
    /// The rule in words.
    #[schema(example = "must lie between 0 and 2419200")]
    pub message: String,
}

/// The result of a check: the value, or everything that is wrong with it.
pub type Checked<T> = Result<T, Violations>;

/// Everything that is wrong with a request (the first 20 of it); never empty when it is an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// One violation.
    #[must_use]
    pub fn one(code: &str, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        let mut all = Self::default();
        all.add(code, pointer, message);
        all
    }

    /// Adds one.
    pub fn add(&mut self, code: &str, pointer: impl Into<String>, message: impl Into<String>) {
        if self.0.len() < VIOLATIONS_MAX {
            self.0.push(Violation { code: code.to_owned(), pointer: pointer.into(), message: message.into() });
        }
    }

    /// Takes a part's result in: its value, or its violations into this list.
    pub fn take<T>(&mut self, part: Checked<T>) -> Option<T> {
        match part {
            Ok(value) => Some(value),
            Err(violations) => {
                self.0.extend(violations.0);
                self.0.truncate(VIOLATIONS_MAX);
                None
            }
        }
    }

    /// `value` when nothing is wrong.
    ///
    /// # Errors
    /// This list, when it is not empty.
    pub fn or<T>(self, value: T) -> Checked<T> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The list.
    #[must_use]
    pub fn into_vec(self) -> Vec<Violation> {
        self.0
    }
}

/// Appends one reference token to a JSON pointer, escaped as RFC 6901 says.
#[must_use]
pub fn pointer(base: &str, token: impl std::fmt::Display) -> String {
    let token = token.to_string().replace('~', "~0").replace('/', "~1");
    format!("{base}/{token}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_escaped() {
        assert_eq!(pointer("/data", "a/b~c"), "/data/a~1b~0c");
        assert_eq!(pointer("", 3), "/3");
    }

    #[test]
    fn the_list_is_bounded() {
        let mut all = Violations::default();
        for n in 0..100 {
            all.add("invalid", pointer("", n), "no");
        }
        let mut more = Violations::one("first", "", "no");
        assert_eq!(more.take::<()>(all.or(())), None);
        assert_eq!(more.into_vec().len(), VIOLATIONS_MAX);
    }
}
