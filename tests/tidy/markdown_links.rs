//! Links between the documents.

use std::path::{Component, Path, PathBuf};

use crate::{report, tree};

/// The targets of `[text](target)` outside code fences that point into the repository.
fn targets(text: &str) -> Vec<String> {
    let mut in_fence = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_fence = !in_fence;
        } else if !in_fence {
            found.extend(line.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target));
        }
    }
    found
        .into_iter()
        .map(|target| target.split('#').next().unwrap_or_default().to_owned())
        .filter(|target| !target.is_empty() && !target.contains(':'))
        .collect()
}

fn resolve(from: &str, target: &str) -> PathBuf {
    let mut path = Path::new(from).parent().map(Path::to_path_buf).unwrap_or_default();
    for part in Path::new(target).components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            Component::CurDir => {}
            other => path.push(other),
        }
    }
    path
}

#[test]
fn links_of_documents_lead_somewhere() {
    let root = tree::root();
    let mut broken = Vec::new();
    for file in tree::files().iter().filter(|file| file.path.ends_with(".md")) {
        for target in targets(file.text.as_deref().unwrap_or_default()) {
            if !root.join(resolve(&file.path, &target)).exists() {
                broken.push(format!("{}: {target}", file.path));
            }
        }
    }
    report("Links between documents lead to files that exist.", "a reader follows them", &broken);
}

#[test]
fn links_are_found_and_resolved() {
    let text = "See [a](b.md#top) and [c](../d/e.md), [f](https://g.example).\n```\n[no](no.md)\n```\n";
    assert_eq!(targets(text), ["b.md", "../d/e.md"]);
    assert_eq!(resolve("docs/adr/0001.md", "../API.md"), Path::new("docs/API.md"));
}
