//! The rules of this repository that a compiler cannot see, each as a test over the source tree or over
//! `cargo metadata`. Nothing here uses the network. Every rule says why it is there when it fails, and every rule has a
//! planted violation beside it that it must find.

mod crate_heads;
mod dependency_graph;
mod file_names;
mod import_table;
mod infra;
mod licences;
mod manifests;
mod markdown_links;
mod repository_text;
mod rust_text;
mod size_budgets;
mod source_bans;
mod tree;

/// Fails with all violations of a rule at once.
#[track_caller]
fn report(rule: &str, why: &str, violations: &[String]) {
    assert!(
        violations.is_empty(),
        "\n{rule}\nWhy: {why}\n{} violation(s):\n  {}\n",
        violations.len(),
        violations.join("\n  ")
    );
}
