//! Heads of crates: what a crate is for, and what it must not know.

use crate::rust_text::code_only;
use crate::{report, tree};

/// None for a crate without any code yet: it has nothing to know.
fn violation(path: &str, text: &str) -> Option<String> {
    if !path.ends_with("src/lib.rs") || code_only(text).trim().is_empty() {
        return None;
    }
    let head: String = text.lines().take_while(|line| line.starts_with("//!")).collect();
    if head.is_empty() {
        return Some(format!("{path}: does not begin with `//!`"));
    }
    let has_boundary = head.to_lowercase().contains("must not know");
    (!has_boundary).then(|| format!("{path}: its head does not say **Must not know**"))
}

#[test]
fn every_crate_says_what_it_is_for_and_what_it_must_not_know() {
    let violations: Vec<_> = tree::rust_files().iter().filter_map(|(path, text)| violation(path, text)).collect();
    report(
        "The head of a crate's lib.rs says what it is for and what it must not know.",
        "a boundary that is written down where one types is kept; the import table only catches the rest",
        &violations,
    );
}

#[test]
fn heads_find_planted_crates() {
    let path = "crates/wire/src/lib.rs";
    assert!(violation(path, "mod a;\n").is_some());
    assert!(violation(path, "//! Frames.\nmod a;\n").is_some());
    assert_eq!(violation(path, "//! Frames.\n//! **Must not know**: sockets.\nmod a;\n"), None);
    assert_eq!(violation(path, "//! Frames, one day.\n"), None);
}
