//! Size budgets: a reader should take in a file at one sitting. (The budget of a function, 70 lines, is clippy's.)

use crate::rust_text::production_part;
use crate::{report, tree};

/// Lines of production code in one file. Beyond this a file holds more than one idea.
const FILE_MAX_LINES: usize = 600;
/// What half of all files stay within.
const MEDIAN_MAX_LINES: usize = 150;
/// What a file should stay within.
const FILE_SOFT_MAX_LINES: usize = 400;
/// How many files are larger than they should be. It may only fall.
const FILES_OVER_SOFT_MAX: usize = 1;
/// A larger file in the repository is an artefact that was not meant to be there. (The lock file has about 90 KiB.)
const ANY_FILE_MAX_BYTES: usize = 512 * 1024;

const WHY: &str = "a reader takes in a small file at one sitting, and a large one hides a second idea: split it";

fn production_sizes() -> Vec<(String, usize)> {
    tree::rust_files()
        .into_iter()
        .filter(|(path, _)| !tree::is_test_file(path))
        .map(|(path, text)| (path, production_part(&text).lines().count()))
        .collect()
}

fn over(sizes: &[(String, usize)], budget: usize) -> Vec<String> {
    sizes.iter().filter(|(_, lines)| *lines > budget).map(|(path, lines)| format!("{path}: {lines} lines")).collect()
}

fn median(mut lines: Vec<usize>) -> usize {
    lines.sort_unstable();
    lines.get(lines.len() / 2).copied().unwrap_or_default()
}

#[test]
fn production_files_stay_within_their_budget() {
    let sizes = production_sizes();
    report(&format!("A production file has at most {FILE_MAX_LINES} lines."), WHY, &over(&sizes, FILE_MAX_LINES));
    let soft = over(&sizes, FILE_SOFT_MAX_LINES);
    if soft.len() > FILES_OVER_SOFT_MAX {
        report(
            &format!("At most {FILES_OVER_SOFT_MAX} production files have more than {FILE_SOFT_MAX_LINES} lines."),
            WHY,
            &soft,
        );
    }
    let median = median(sizes.iter().map(|(_, lines)| *lines).collect());
    assert!(
        median <= MEDIAN_MAX_LINES,
        "the median production file has {median} lines, budget {MEDIAN_MAX_LINES}: {WHY}"
    );
}

#[test]
fn no_file_is_an_artefact() {
    let large: Vec<_> = tree::files()
        .iter()
        .filter(|file| file.bytes > ANY_FILE_MAX_BYTES)
        .map(|file| format!("{}: {} bytes", file.path, file.bytes))
        .collect();
    report("No file is larger than 512 KiB.", "a repository holds sources, not what they make", &large);
}

#[test]
fn budgets_find_a_planted_file() {
    let sizes = [("a.rs".to_owned(), 10), ("b.rs".to_owned(), 601)];
    assert_eq!(over(&sizes, FILE_MAX_LINES), ["b.rs: 601 lines"]);
    assert_eq!(median(vec![9, 1, 5]), 5);
}
