//! Manifests: one place for versions, features and lints.

use toml::{Table, Value};

use crate::{report, tree};

/// What every member takes over from the root.
const INHERITED: [&str; 5] = ["version", "edition", "rust-version", "license", "publish"];
/// What a member may say of a dependency.
const SAYABLE: [&str; 2] = ["workspace", "optional"];
/// Where dependencies stand.
const TABLES: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

fn is_inherited(value: Option<&Value>) -> bool {
    value.and_then(|value| value.get("workspace")).and_then(Value::as_bool) == Some(true)
}

/// What is wrong with the manifest of a member.
fn judge_member(path: &str, manifest: &Table) -> Vec<String> {
    let mut violations = Vec::new();
    let package = manifest.get("package");
    for key in INHERITED {
        if !is_inherited(package.and_then(|package| package.get(key))) {
            violations.push(format!("{path}: {key}.workspace = true is missing"));
        }
    }
    if !is_inherited(manifest.get("lints")) {
        violations.push(format!("{path}: lints.workspace = true is missing"));
    }
    for table in TABLES {
        let Some(dependencies) = manifest.get(table).and_then(Value::as_table) else { continue };
        for (name, value) in dependencies {
            let says_more = value.as_table().is_none_or(|said| said.keys().any(|key| !SAYABLE.contains(&key.as_str())));
            if says_more || !is_inherited(Some(value)) {
                violations.push(format!("{path}: {table}: {name}: only `{name}.workspace = true` (and optional)"));
            }
        }
    }
    for key in ["patch", "replace", "target", "profile"] {
        if manifest.contains_key(key) {
            violations.push(format!("{path}: [{key}] does not belong in a member"));
        }
    }
    violations
}

/// What is wrong with the manifest of the workspace.
fn judge_root(manifest: &Table) -> Vec<String> {
    let mut violations = Vec::new();
    let workspace = manifest.get("workspace");
    let publish = workspace.and_then(|workspace| workspace.get("package")).and_then(|package| package.get("publish"));
    if publish.and_then(Value::as_bool) != Some(false) {
        violations.push("Cargo.toml: publish = false is missing".to_owned());
    }
    for key in ["patch", "replace"] {
        if manifest.contains_key(key) {
            violations.push(format!("Cargo.toml: [{key}]: a fork has no one who mends it"));
        }
    }
    let dependencies = workspace.and_then(|workspace| workspace.get("dependencies")).and_then(Value::as_table);
    for (name, value) in dependencies.into_iter().flatten() {
        let has = |key: &str| value.get(key).is_some();
        let is_ours = name.starts_with("homing");
        let is_pinned = value.is_str() || has("version");
        if is_ours != has("path") || (!is_ours && !is_pinned) || has("git") || has("registry") {
            violations.push(format!("Cargo.toml: {name}: a path for ours, a version for others', nothing else"));
        }
        if value.as_str() == Some("*") {
            violations.push(format!("Cargo.toml: {name}: any version is no version"));
        }
    }
    violations
}

fn parse(path: &str, text: &str) -> Table {
    text.parse().unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn members_take_versions_features_and_lints_from_the_workspace() {
    let files = tree::files();
    let manifests = files.iter().filter(|file| file.path.ends_with("Cargo.toml"));
    let mut violations = Vec::new();
    let mut members = 0;
    for file in manifests {
        let manifest = parse(&file.path, file.text.as_deref().unwrap_or_default());
        // The fuzz package is a workspace of its own, for it needs switches that nothing else may have.
        if file.path.starts_with("tests/fuzz/") {
            continue;
        }
        if manifest.contains_key("workspace") {
            violations.extend(judge_root(&manifest));
        } else {
            members += 1;
            violations.extend(judge_member(&file.path, &manifest));
        }
    }
    assert!(members > 15, "only {members} members found");
    report(
        "Versions, features and lints stand in the root manifest and nowhere else.",
        "cargo unites the features of one build, so that a package built alone would differ from the same in the whole",
        &violations,
    );
}

#[test]
fn no_configuration_replaces_a_registry() {
    let found: Vec<_> = tree::files()
        .iter()
        .filter(|file| file.path.starts_with(".cargo/") || file.path.contains("/.cargo/"))
        .filter(|file| {
            file.text.as_deref().is_some_and(|text| text.contains("replace-with") || text.contains("[source"))
        })
        .map(|file| file.path.clone())
        .collect();
    report("No cargo configuration here replaces a registry.", "a clean clone must build anywhere", &found);
}

#[test]
fn planted_manifests_are_refused() {
    let good = "lints.workspace = true\n[package]\nname = 'x'\nversion.workspace = true\nedition.workspace = true\n\
        rust-version.workspace = true\nlicense.workspace = true\npublish.workspace = true\n[dependencies]\n\
        bytes.workspace = true\naxum = { workspace = true, optional = true }\n";
    assert_eq!(judge_member("x", &parse("x", good)), Vec::<String>::new());
    for (from, to) in [
        ("bytes.workspace = true", "bytes = '1'"),
        ("bytes.workspace = true", "bytes = { workspace = true, features = ['serde'] }"),
        ("lints.workspace = true\n", ""),
        ("publish.workspace = true", "publish = true"),
    ] {
        assert_eq!(judge_member("x", &parse("x", &good.replace(from, to))).len(), 1, "{to}");
    }
    let root =
        "[workspace.package]\npublish = false\n[workspace.dependencies]\nbytes = '1'\nhoming-a = { path = 'a' }\n";
    assert_eq!(judge_root(&parse("root", root)), Vec::<String>::new());
    assert_eq!(judge_root(&parse("root", &root.replace("bytes = '1'", "bytes = { git = 'u' }"))).len(), 1);
    assert_eq!(judge_root(&parse("root", &format!("{root}[patch.crates-io]\n"))).len(), 1);
}
