//! What source text must not say. Comments and literals do not count.

use crate::rust_text::{code_only, production_part};
use crate::{report, tree};

/// Which files a ban covers.
#[derive(Clone, Copy)]
enum Scope {
    /// Every Rust file, tests too.
    Everywhere,
    /// Production code under one of these folders.
    Production(&'static [&'static str]),
    /// Test code: test files, and the unit tests at the end of production files.
    Tests,
}

/// One ban.
struct Ban {
    scope: Scope,
    /// Any of these, as whole words.
    needles: &'static [&'static str],
    why: &'static str,
}

const STAGES: &[&str] = &["functions/"];
const QUEUE_STAGES: &[&str] = &["functions/schedule/", "functions/fanout/", "functions/dispatch/"];
const PURE: &[&str] = &["crates/domain/", "crates/contract/", "crates/wire/", "crates/ports/", "crates/link/"];
const LIBRARIES: &[&str] = &["crates/", "functions/", "edge-gateway/"];

const BANS: [Ban; 10] = [
    Ban {
        scope: Scope::Everywhere,
        needles: &["#[ignore"],
        why: "a test that does not run proves nothing: mend it or delete it",
    },
    Ban {
        scope: Scope::Everywhere,
        needles: &["todo!", "unimplemented!", "dbg!"],
        why: "unfinished code is not committed",
    },
    Ban {
        scope: Scope::Everywhere,
        needles: &["unbounded_channel", "UnboundedSender", "UnboundedReceiver", "mpsc::unbounded"],
        why: "every queue has a named limit, and a full one is a designed event",
    },
    Ban {
        scope: Scope::Production(STAGES),
        needles: &["tokio::spawn", "tokio::time", "tokio::runtime"],
        why: "a stage's host decides what runs when: Lambda freezes the process after the answer",
    },
    Ban {
        scope: Scope::Production(STAGES),
        needles: &["std::env", "env::var"],
        why: "configuration is a value that the main hands in",
    },
    Ban {
        scope: Scope::Production(QUEUE_STAGES),
        needles: &["tokio"],
        why: "the simulation runs these stages on its own time",
    },
    Ban {
        scope: Scope::Production(PURE),
        needles: &["Instant::now", "SystemTime::now", "tokio", "std::net", "std::fs", "std::env", "std::thread"],
        why: "what decides does no IO and has no clock: time is an argument",
    },
    Ban {
        scope: Scope::Production(LIBRARIES),
        needles: &["static mut", "lazy_static!"],
        why: "state has an owner; a process holds many worlds at once in the simulation",
    },
    Ban {
        scope: Scope::Production(LIBRARIES),
        needles: &["process::exit", "process::abort"],
        why: "only main ends the process; fail points go through their one switch",
    },
    Ban {
        scope: Scope::Tests,
        needles: &["env::set_var", "env::remove_var"],
        why: "tests run side by side in one process",
    },
];

/// Where a ban does not hold, with the reason.
const EXCEPTIONS: [(&str, &str, &str); 5] = [
    ("crates/homing/", "process::exit", "the binary's own package: its main ends the process with a code"),
    ("crates/homing/", "process::abort", "a fail point is a crash, and only the binary has them"),
    ("functions/schedule/src/bin/", "tokio", LAMBDA_MAIN),
    ("functions/fanout/src/bin/", "tokio", LAMBDA_MAIN),
    ("functions/dispatch/src/bin/", "tokio", LAMBDA_MAIN),
];

const LAMBDA_MAIN: &str = "the Lambda main hosts the stage, and the simulation does not run it";

/// How many times test code waits for time to pass, each with its reason beside it. It may only fall: a test awaits an
/// event, or it moves a clock.
const SLEEPS_MAX: usize = 14;

/// What gives the reason of a sleep, on its line or on the one above.
const SLEEP_REASON: &str = "// sleep:";

fn is_word(c: Option<char>) -> bool {
    c.is_some_and(|c| c.is_alphanumeric() || c == '_')
}

/// Whether the line says the needle as a whole word.
fn says(line: &str, needle: &str) -> bool {
    line.match_indices(needle).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        let after = line.get(at + needle.len()..).and_then(|text| text.chars().next());
        let is_open_end = needle.ends_with(|c: char| !c.is_alphanumeric());
        !(is_word(before) && is_word(needle.chars().next())) && (is_open_end || !is_word(after))
    })
}

fn covered<'a>(scope: Scope, path: &str, text: &'a str) -> (&'a str, usize) {
    let production = if tree::is_test_file(path) { "" } else { production_part(text) };
    match scope {
        Scope::Everywhere => (text, 0),
        Scope::Production(folders) if folders.iter().any(|folder| path.starts_with(folder)) => (production, 0),
        Scope::Production(_) => ("", 0),
        Scope::Tests => (text.get(production.len()..).unwrap_or_default(), production.lines().count()),
    }
}

fn is_exception(path: &str, needle: &str) -> bool {
    EXCEPTIONS.iter().any(|(folder, excepted, _)| path.starts_with(folder) && *excepted == needle)
}

fn violations(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for ban in &BANS {
        let (part, lines_before) = covered(ban.scope, path, text);
        for (at, line) in code_only(part).lines().enumerate() {
            for needle in ban.needles.iter().filter(|needle| says(line, needle) && !is_exception(path, needle)) {
                found.push(format!("{path}:{}: {needle}: {}", lines_before + at + 1, ban.why));
            }
        }
    }
    found
}

/// The lines of test code that sleep: (line, whether the reason is given).
fn sleeps(path: &str, text: &str) -> Vec<(usize, bool)> {
    let (part, lines_before) = covered(Scope::Tests, path, text);
    let code = code_only(part);
    let lines: Vec<&str> = part.lines().collect();
    code.lines()
        .enumerate()
        .filter(|(_, line)| {
            ["sleep(", "sleep_until("].iter().any(|call| {
                // A method is somebody's own clock, and `fn` declares one.
                line.match_indices(call).any(|(at, _)| {
                    let before = line.get(..at).unwrap_or_default();
                    !is_word(before.chars().next_back()) && !before.ends_with('.') && !before.ends_with("fn ")
                })
            })
        })
        .map(|(at, _)| {
            let above = at.checked_sub(1).and_then(|above| lines.get(above));
            let has_reason = [above, lines.get(at)].into_iter().flatten().any(|line| line.contains(SLEEP_REASON));
            (lines_before + at + 1, has_reason)
        })
        .collect()
}

#[test]
fn source_says_nothing_banned() {
    let found: Vec<_> = tree::rust_files().iter().flat_map(|(path, text)| violations(path, text)).collect();
    report("Source says nothing that is banned.", "the reason stands beside each", &found);
}

#[test]
fn tests_wait_for_events_and_not_for_time() {
    let mut without_reason = Vec::new();
    let mut all = Vec::new();
    for (path, text) in tree::rust_files() {
        for (line, has_reason) in sleeps(&path, &text) {
            all.push(format!("{path}:{line}"));
            if !has_reason {
                without_reason.push(format!("{path}:{line}"));
            }
        }
    }
    let why = "a sleep is too short on a slow machine and too long on every other: await the event, or move the clock";
    report("A sleep in a test gives its reason: `// sleep: …`.", why, &without_reason);
    if all.len() > SLEEPS_MAX {
        report(&format!("Tests sleep at most {SLEEPS_MAX} times in all."), why, &all);
    }
}

#[test]
fn planted_sources_are_found() {
    for (path, text) in [
        ("tests/flow/main.rs", "#[ignore]\nfn a() {}"),
        ("crates/wire/src/a.rs", "fn a() { todo!() }"),
        ("crates/link/src/a.rs", "let t = std::time::Instant::now();"),
        ("functions/fanout/src/a.rs", "use tokio::sync::Mutex;"),
        ("functions/query/src/a.rs", "tokio::spawn(async {});"),
        ("functions/query/src/a.rs", "use std::env;"),
        ("edge-gateway/src/a.rs", "let (a, b) = mpsc::unbounded_channel();"),
        ("edge-gateway/src/a.rs", "std::process::exit(1)"),
        ("crates/wire/src/a.rs", "#[cfg(test)]\nmod tests {\nfn a() { std::env::set_var(x, y) }\n}"),
    ] {
        assert_eq!(violations(path, text).len(), 1, "{path}: {text}");
    }
    for (path, text) in [
        ("crates/wire/src/a.rs", "// todo!() and Instant::now()\nlet a = \"dbg!\";"),
        ("functions/query/src/a.rs", "fn a() {}\n#[cfg(test)]\nmod tests {\nfn b() { tokio::spawn(c()) }\n}\n"),
        ("edge-gateway/src/a.rs", "let now = Instant::now();"),
        ("crates/homing/src/main.rs", "std::process::exit(code)"),
    ] {
        assert_eq!(violations(path, text), Vec::<String>::new(), "{path}: {text}");
    }
    assert!(EXCEPTIONS.iter().all(|(_, _, why)| !why.is_empty()));
}

#[test]
fn planted_sleeps_are_found() {
    let text =
        "sleep(ONE);\n// sleep: the kernel gives no event\ntime::sleep(ONE).await;\nclock.sleep(ONE);\nfn sleep() {}\n";
    assert_eq!(sleeps("tests/flow/main.rs", text), [(1, false), (3, true)]);
    assert_eq!(sleeps("edge-gateway/src/a.rs", text), []);
}
