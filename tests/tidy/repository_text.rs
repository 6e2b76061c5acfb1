//! The repository speaks of the project alone, and holds no secret.

use crate::{report, tree};

/// Paths and names of the places where somebody worked, in halves, so that this file does not hold what it looks for.
const PLACES: [(&str, &str); 11] = [
    ("/wo", "rk/"),
    ("/ro", "ot/"),
    ("/tmp/ba", "sh_jobs"),
    ("/tmp/br", "ief"),
    ("/ho", "me/"),
    ("C:\\Us", "ers"),
    ("cla", "ude"),
    ("anth", "ropic"),
    ("chat", "gpt"),
    ("copi", "lot"),
    ("sub", "agent"),
];

/// What a private key or a cloud key begins with. Tests make their own.
const SECRETS: [(&str, &str); 5] = [
    ("-----BEGIN PRIV", "ATE KEY-----\n"),
    ("-----BEGIN RSA PRIV", "ATE KEY-----\n"),
    ("-----BEGIN EC PRIV", "ATE KEY-----\n"),
    ("AK", "IA"),
    ("gh", "p_"),
];

fn found(text: &str, needles: &[(&str, &str)], ignore_case: bool) -> Vec<String> {
    let fold = |text: &str| if ignore_case { text.to_lowercase() } else { text.to_owned() };
    let text = fold(text);
    needles
        .iter()
        .map(|(left, right)| format!("{left}{right}"))
        .filter(|needle| text.match_indices(&fold(needle)).any(|(at, _)| !continues_a_word(&text, at, needle)))
        .map(|needle| needle.trim_end().to_owned())
        .collect()
}

/// Whether the hit is only the tail of something else: a path in the middle of another, letters of base64.
fn continues_a_word(text: &str, at: usize, needle: &str) -> bool {
    let before = text.get(..at).and_then(|before| before.chars().next_back());
    let is_path = needle.starts_with('/');
    before.is_some_and(|c| c.is_alphanumeric() || (is_path && "._-~}>".contains(c)))
}

fn search(needles: &[(&str, &str)], ignore_case: bool) -> Vec<String> {
    tree::files()
        .iter()
        .flat_map(|file| {
            let text = file.text.as_deref().unwrap_or_default();
            found(text, needles, ignore_case).into_iter().map(|needle| format!("{}: {needle}", file.path))
        })
        .collect()
}

#[test]
fn the_repository_speaks_of_the_project_alone() {
    report(
        "No file names the machine, the folders or the tools somebody worked with.",
        "a reader of the project cannot use them, and they change",
        &search(&PLACES, true),
    );
}

#[test]
fn the_repository_holds_no_secret() {
    report(
        "No file holds a private key or a cloud key.",
        "what is committed once is public for ever: tests make their keys themselves",
        &search(&SECRETS, false),
    );
}

#[test]
fn planted_texts_are_found() {
    let planted = format!("see {}{}shared", PLACES[0].0, PLACES[0].1);
    assert_eq!(found(&planted, &PLACES, true).len(), 1, "{planted}");
    assert_eq!(found("https://a.example/net/work.html and crates/work/", &PLACES, true), Vec::<String>::new());
    let key = format!("{}{}EXAMPLE", SECRETS[3].0, SECRETS[3].1);
    assert_eq!(found(&key, &SECRETS, false).len(), 1);
    assert_eq!(found(&format!("x{key}"), &SECRETS, false).len(), 0, "in the middle of base64");
}
