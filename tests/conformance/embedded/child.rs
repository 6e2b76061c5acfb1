//! A second process for tests that need one: this test binary, run again for one of its tests.
//!
//! The harness takes any number of filters, and one that fits no test changes nothing: so a filter can carry the directory
//! to work in, and the test that runs in the child finds it there. Run without it, such a test has nothing to do.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Marks the filter that holds the child's directory.
const DIRECTORY: &str = "works-in=";
/// Marks lines of the child among what the test harness prints.
const SAYS: &str = "child says ";

/// The directory to work in, in a child.
pub(super) fn directory() -> Option<PathBuf> {
    std::env::args().find_map(|filter| filter.strip_prefix(DIRECTORY).map(PathBuf::from))
}

/// Tells the parent, at once.
pub(super) fn say(words: std::fmt::Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{SAYS}{words}").and_then(|()| out.flush()).unwrap();
}

/// Starts a child by `command`, which may be this binary or something that runs it.
pub(super) fn start(mut command: Command, test: &str, directory: &Path) -> Child {
    command
        .args(["--exact", test, "--nocapture"])
        .arg(format!("{DIRECTORY}{}", directory.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What a child says, until it ends. Lines that it had written before a kill still come.
pub(super) fn words(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.map_while(Result::ok).filter_map(|line| line.split_once(SAYS).map(|(_, words)| words.to_owned()))
}
