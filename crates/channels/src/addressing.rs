//! The devices of one request.

use std::collections::BTreeSet;

use crate::exchange::{EncodeError, Token};

/// The tokens' texts, in their order.
pub(crate) fn texts(tokens: &[Token], tokens_max: usize) -> Result<Vec<String>, EncodeError> {
    if tokens.is_empty() || tokens.len() > tokens_max {
        return Err(EncodeError::Misused("a request has at least one token and at most what the limits say"));
    }
    Ok(tokens.iter().map(|token| token.text.clone()).collect())
}

/// Each once, in the order of the first: two devices may have told us the same token (a copied phone), and Honor refuses a
/// request that holds one twice (80300006).
pub(crate) fn distinct(texts: &[String]) -> Vec<&str> {
    let mut seen = BTreeSet::new();
    texts.iter().map(String::as_str).filter(|text| seen.insert(*text)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_to_the_limit_and_each_once() {
        let tokens = |texts: &[&str]| -> Vec<Token> {
            texts.iter().map(|text| Token { text: (*text).to_owned(), since: None }).collect()
        };
        assert!(texts(&[], 2).is_err());
        assert!(texts(&tokens(&["a", "b", "c"]), 2).is_err());
        let three = texts(&tokens(&["b", "a", "b"]), 3).unwrap();
        assert_eq!((three.len(), distinct(&three)), (3, vec!["b", "a"]));
    }
}
