//! Names of files and folders.

use crate::{report, tree};

/// Names that say nothing: whatever lies there belongs somewhere with a name.
const EMPTY_NAMES: [&str; 11] =
    ["util", "utils", "helper", "helpers", "common", "manager", "misc", "stuff", "shared", "base", "impls"];

fn violation(path: &str) -> Option<String> {
    if path.ends_with("/mod.rs") {
        return Some(format!("{path}: write foo.rs beside foo/"));
    }
    path.split('/').find_map(|part| {
        let stem = part.split('.').next().unwrap_or_default();
        let empty = stem.split(['_', '-']).find(|word| EMPTY_NAMES.contains(word))?;
        Some(format!("{path}: `{empty}` says nothing"))
    })
}

#[test]
fn names_say_what_is_inside() {
    let violations: Vec<_> = tree::files().iter().filter_map(|file| violation(&file.path)).collect();
    report(
        "Files and folders carry the field's terms, and there is no mod.rs.",
        "what has no name of its own gathers whatever comes by; a tab that says mod.rs says nothing",
        &violations,
    );
}

#[test]
fn names_find_planted_files() {
    for path in ["crates/wire/src/utils.rs", "tests/common/world.rs", "crates/link/src/mod.rs", "x/link_manager.rs"] {
        assert!(violation(path).is_some(), "{path}");
    }
    for path in ["crates/wire/src/codec.rs", "tests/support/lib.rs", "crates/link/src/model.rs"] {
        assert_eq!(violation(path), None, "{path}");
    }
}
