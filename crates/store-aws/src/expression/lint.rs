//! What AWS refuses in an expression, and what is certainly a mistake.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;

use super::{Expression, is_word, names_in};

/// Longest text of an expression that AWS takes, in bytes.
const TEXT_MAX_BYTES: usize = 4_096;

const SECTIONS: [&str; 4] = ["SET", "REMOVE", "ADD", "DELETE"];

/// Every word that is not an attribute or a value: all others might be reserved, today or in some year.
const WORDS: [&str; 12] = [
    "AND",
    "OR",
    "NOT",
    "BETWEEN",
    "IN",
    "attribute_exists",
    "attribute_not_exists",
    "begins_with",
    "contains",
    "if_not_exists",
    "list_append",
    "size",
];

/// Why an expression may not be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mistake {
    /// A text of so many bytes.
    TooLong(usize),
    /// A word that is neither grammar nor `#name` nor `:value`.
    BareWord(String),
    /// A `#` without a name.
    Nameless,
    /// A value in the text that was not given.
    Undefined(String),
    /// A value that no text names.
    Unused(String),
    /// A set without elements.
    EmptySet(String),
    /// A pair of brackets around nothing but another pair.
    Brackets(String),
    /// An update that does not start with a section.
    NoSection(String),
    /// Two actions on one path, or on a path and what lies within it.
    Overlap(String, String),
}

/// Checks an expression.
pub(super) fn lint(expression: &Expression) -> Result<(), Mistake> {
    for text in expression.texts() {
        if text.len() > TEXT_MAX_BYTES {
            return Err(Mistake::TooLong(text.len()));
        }
        if names_in(text).any(str::is_empty) {
            return Err(Mistake::Nameless);
        }
        bare_words(text)?;
        brackets(text)?;
    }
    values(expression)?;
    expression.update.as_deref().map_or(Ok(()), overlaps)
}

fn bare_words(text: &str) -> Result<(), Mistake> {
    let is_token = |c: char| is_word(c) || c == '#' || c == ':';
    let is_grammar = |word: &str| SECTIONS.contains(&word) || WORDS.contains(&word);
    let is_index = |word: &str| word.bytes().all(|digit| digit.is_ascii_digit());
    match text
        .split(|c| !is_token(c))
        .find(|word| !word.starts_with(['#', ':']) && !is_grammar(word) && !is_index(word))
    {
        Some(word) => Err(Mistake::BareWord(word.to_owned())),
        None => Ok(()),
    }
}

fn brackets(text: &str) -> Result<(), Mistake> {
    let mut open = Vec::new();
    // Where the pair began that ended just before.
    let mut ended = None;
    for (at, mark) in text.char_indices().filter(|(_, mark)| *mark != ' ') {
        ended = match (mark, open.last(), ended) {
            ('(', ..) => {
                open.push(at);
                None
            }
            (')', Some(outer), Some(inner)) if outer + 1 == inner => return Err(Mistake::Brackets(text.to_owned())),
            (')', ..) => open.pop(),
            _ => None,
        };
    }
    Ok(())
}

fn values(expression: &Expression) -> Result<(), Mistake> {
    let used: BTreeSet<&str> = expression
        .texts()
        .flat_map(|text| text.split(|c: char| !is_word(c) && c != ':'))
        .filter(|word| word.starts_with(':'))
        .collect();
    if let Some(name) = used.iter().find(|name| !expression.values.contains_key(**name)) {
        return Err(Mistake::Undefined((*name).to_owned()));
    }
    for (name, value) in &expression.values {
        if !used.contains(name.as_str()) {
            return Err(Mistake::Unused(name.clone()));
        }
        if holds_empty_set(value) {
            return Err(Mistake::EmptySet(name.clone()));
        }
    }
    Ok(())
}

/// Whether an empty set stands in the value, however deep.
fn holds_empty_set(value: &AttributeValue) -> bool {
    match value {
        AttributeValue::Bs(set) => set.is_empty(),
        AttributeValue::Ns(set) | AttributeValue::Ss(set) => set.is_empty(),
        AttributeValue::L(values) => values.iter().any(holds_empty_set),
        AttributeValue::M(values) => values.values().any(holds_empty_set),
        _ => false,
    }
}

fn overlaps(update: &str) -> Result<(), Mistake> {
    let paths = paths(update)?;
    for (at, path) in paths.iter().enumerate() {
        if let Some(other) = paths[..at].iter().find(|other| is_within(path, other) || is_within(other, path)) {
            return Err(Mistake::Overlap(other.clone(), path.clone()));
        }
    }
    Ok(())
}

/// Whether `inner` is `outer`, an element of it, or a field of it.
fn is_within(inner: &str, outer: &str) -> bool {
    inner.strip_prefix(outer).is_some_and(|tail| tail.is_empty() || tail.starts_with(['[', '.']))
}

/// The paths that an update changes, one for each of its actions.
fn paths(update: &str) -> Result<Vec<String>, Mistake> {
    let mut paths = Vec::new();
    let mut depth = 0_u32;
    // The next token starts an action: it is the path.
    let mut is_start = false;
    let mut has_section = false;
    for token in tokens(update) {
        match token {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            "," if depth == 0 => is_start = true,
            section if SECTIONS.contains(&section) => (is_start, has_section) = (true, true),
            path if is_start => {
                paths.push(path.to_owned());
                is_start = false;
            }
            _ => {}
        }
    }
    if has_section { Ok(paths) } else { Err(Mistake::NoSection(update.to_owned())) }
}

/// Brackets of functions and commas by themselves, and what stands between spaces.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(['(', ')', ',', ' '])
        .flat_map(|piece| {
            let end = piece.len() - usize::from(piece.ends_with(['(', ')', ',', ' ']));
            let (word, mark) = piece.split_at(end);
            [word, mark.trim()]
        })
        .filter(|token| !token.is_empty())
}
