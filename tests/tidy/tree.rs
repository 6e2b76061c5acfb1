//! The files of the repository.

use std::fs;
use std::path::{Path, PathBuf};

/// What git ignores, and git itself, by path from the root.
const NOT_OURS: [&str; 5] = [".git", "data", "tests/fuzz/corpus", "tests/fuzz/artifacts", "tests/fuzz/coverage"];
/// What cargo and criterion write, wherever they were started.
const BUILT: &str = "target";

/// One file, read.
#[derive(Debug)]
pub(crate) struct File {
    /// From the root, with `/`.
    pub(crate) path: String,
    /// Its text; none when it is not UTF-8.
    pub(crate) text: Option<String>,
    /// How long it is.
    pub(crate) bytes: usize,
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests package lies one folder below the root").into()
}

/// Every file that is part of the repository, in the order of the paths.
pub(crate) fn files() -> Vec<File> {
    let root = root();
    let mut files = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        // A file may go away between the listing and the reading, when somebody edits beside the test: skip it then.
        let Ok(listing) = fs::read_dir(&folder) else { continue };
        for item in listing.flatten() {
            let path = item.path();
            let name = relative(&root, &path);
            let Ok(kind) = item.file_type() else { continue };
            if NOT_OURS.contains(&name.as_str()) || item.file_name() == BUILT || kind.is_symlink() {
                continue;
            }
            if kind.is_dir() {
                folders.push(path);
            } else if let Ok(content) = fs::read(&path) {
                files.push(File { path: name, bytes: content.len(), text: String::from_utf8(content).ok() });
            }
        }
    }
    files.sort_by(|left, right| left.path.cmp(&right.path));
    assert!(files.len() > 50, "the tree under {} has only {} files: is this the root?", root.display(), files.len());
    files
}

/// Every Rust file with its text.
pub(crate) fn rust_files() -> Vec<(String, String)> {
    files()
        .into_iter()
        .filter(|file| file.path.ends_with(".rs"))
        .filter_map(|file| file.text.map(|text| (file.path, text)))
        .collect()
}

/// Whether the whole file is test or bench code: it has no budget of production code.
pub(crate) fn is_test_file(path: &str) -> bool {
    let mut folders = path.split('/').collect::<Vec<_>>();
    let name = folders.pop().unwrap_or_default();
    name == "tests.rs"
        || name.ends_with("_tests.rs")
        || folders.iter().any(|folder| ["tests", "benches"].contains(folder))
}

fn relative(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

#[test]
fn test_files_are_told_from_production_files() {
    for path in ["tests/tidy/main.rs", "crates/domain/src/mailbox/tests.rs", "crates/wire/benches/codec.rs"] {
        assert!(is_test_file(path), "{path}");
    }
    for path in ["crates/domain/src/mailbox.rs", "edge-gateway/src/registry/attests.rs"] {
        assert!(!is_test_file(path), "{path}");
    }
}
