//! The crates that are compiled into what we ship, as cargo resolves them for each shipped target.
//!
//! The lock file is no answer: it also names what only other systems or switched-off features would need.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Node, NodeDep, Package, PackageId};

use crate::{licences, report, tree};

/// What we ship for.
const TARGETS: [&str; 2] = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"];

/// Crates that nothing we ship may compile, with the reason.
const BANNED: [(&str, &str); 8] = [
    ("ring", "aws-lc-rs is the one cryptography: two would be two sets of flaws to follow"),
    ("openssl", "TLS is rustls"),
    ("openssl-sys", "TLS is rustls; a C library of the system differs from machine to machine"),
    ("native-tls", "TLS is rustls"),
    ("chrono", "time zones are jiff's, with the bundled database, so that two machines agree"),
    ("async-std", "one runtime: tokio"),
    ("serde_yaml", "unmaintained; configuration is TOML"),
    ("failure", "unmaintained; thiserror"),
];

/// Crates whose types cross our interfaces, or that hold global state: two versions would not fit together.
const ONE_VERSION: [&str; 16] = [
    "aws-lc-rs",
    "aws-lc-sys",
    "axum",
    "bytes",
    "http",
    "http-body",
    "hyper",
    "metrics",
    "prost",
    "quinn",
    "quinn-proto",
    "rustls",
    "rustls-pki-types",
    "tokio",
    "tokio-rustls",
    "tracing",
];

/// Packages that decide and never do IO: not even through a dependency may a runtime or a socket come in.
const PURE: [&str; 8] = [
    "homing-domain",
    "homing-contract",
    "homing-credentials",
    "homing-wire",
    "homing-ports",
    "homing-link",
    "homing-fanout",
    "homing-dispatch",
];

/// What makes a package impure.
const IO: [&str; 6] = ["tokio", "quinn", "hyper", "axum", "rustls", "fjall"];

/// How many crates stand in the graph in more than one version. It may only fall.
const DUPLICATES_MAX: usize = 12;

/// The metadata of one target. Needs no network once the dependencies lie on this machine (`make fetch`).
pub(crate) fn metadata(target: &str) -> Metadata {
    let options = ["--offline", "--locked", "--filter-platform", target].map(str::to_owned);
    MetadataCommand::new()
        .manifest_path(tree::root().join("Cargo.toml"))
        .other_options(options)
        .exec()
        .unwrap_or_else(|error| panic!("`cargo metadata` for {target} failed (run `make fetch` once): {error}"))
}

fn is_shipped(dependency: &NodeDep) -> bool {
    dependency.dep_kinds.iter().any(|kind| matches!(kind.kind, DependencyKind::Normal | DependencyKind::Build))
}

/// Whether a package's dependency is compiled with the features that are on. Cargo's metadata also has an edge for an
/// optional dependency that is only mentioned weakly (`ring?/alloc`), and such a mention compiles nothing.
fn is_switched_on(package: &Package, node: &Node, dependency: &str) -> bool {
    package.dependencies.iter().filter(|declared| declared.name == dependency).any(|declared| {
        let key = declared.rename.as_deref().unwrap_or(&declared.name);
        let asks = |value: &String| {
            value.strip_prefix("dep:").unwrap_or(value) == key || value.starts_with(&format!("{key}/"))
        };
        !declared.optional
            || node.features.iter().any(|feature| {
                feature.as_str() == key
                    || package.features.get(feature.as_str()).is_some_and(|values| values.iter().any(asks))
            })
    })
}

/// Everything that is compiled for `roots`, without what only their tests need.
fn reachable<'a>(metadata: &'a Metadata, roots: impl IntoIterator<Item = &'a PackageId>) -> BTreeSet<&'a PackageId> {
    let resolve = metadata.resolve.as_ref().expect("cargo metadata was asked for the graph");
    let nodes: BTreeMap<&PackageId, &Node> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let mut seen = BTreeSet::new();
    let mut open: Vec<&PackageId> = roots.into_iter().collect();
    while let Some(id) = open.pop() {
        if seen.insert(id) {
            let package = &metadata[id];
            let shipped = nodes[id].deps.iter().filter(|dependency| is_shipped(dependency));
            let compiled =
                shipped.filter(|dependency| is_switched_on(package, nodes[id], &metadata[&dependency.pkg].name));
            open.extend(compiled.map(|dependency| &dependency.pkg));
        }
    }
    seen
}

fn shipped(metadata: &Metadata) -> Vec<&Package> {
    reachable(metadata, &metadata.workspace_members).into_iter().map(|id| &metadata[id]).collect()
}

/// Names of several versions, with the versions.
fn duplicates<'a>(packages: impl IntoIterator<Item = (&'a str, String)>) -> BTreeMap<&'a str, BTreeSet<String>> {
    let mut versions = BTreeMap::<&str, BTreeSet<String>>::new();
    for (name, version) in packages {
        versions.entry(name).or_default().insert(version);
    }
    versions.retain(|_, versions| versions.len() > 1);
    versions
}

#[test]
fn nothing_banned_is_compiled() {
    let mut violations = Vec::new();
    for target in TARGETS {
        for package in shipped(&metadata(target)) {
            if let Some((name, why)) = BANNED.iter().find(|(name, _)| package.name.as_str() == *name) {
                violations.push(format!("{name} ({target}): {why}"));
            }
        }
    }
    report("Banned crates are not compiled.", "`cargo tree -i <crate>` shows who wants it", &violations);
}

#[test]
fn crates_at_our_interfaces_have_one_version() {
    let mut violations = Vec::new();
    for target in TARGETS {
        let metadata = metadata(target);
        let found =
            duplicates(shipped(&metadata).iter().map(|package| (package.name.as_str(), package.version.to_string())));
        for name in ONE_VERSION {
            if let Some(versions) = found.get(name) {
                violations.push(format!("{name} ({target}): {versions:?}"));
            }
        }
        if found.len() > DUPLICATES_MAX {
            violations.push(format!(
                "{} crates in several versions ({target}), at most {DUPLICATES_MAX}: {found:?}",
                found.len()
            ));
        }
    }
    report(
        "Crates whose types cross our interfaces have one version, and other doubles do not grow.",
        "two versions' types do not fit together, two crypto providers or runtimes do not see each other",
        &violations,
    );
}

#[test]
fn pure_packages_reach_no_io() {
    let metadata = metadata(TARGETS[0]);
    let mut violations = Vec::new();
    for name in PURE {
        let package = metadata.packages.iter().find(|package| package.name.as_str() == name);
        let package = package.unwrap_or_else(|| panic!("{name} is gone: take it out of this list"));
        for found in reachable(&metadata, [&package.id]).into_iter().map(|id| &metadata[id]) {
            if IO.contains(&found.name.as_str()) {
                violations.push(format!("{name} reaches {}", found.name));
            }
        }
    }
    report(
        "Packages that only decide reach no runtime and no socket, not even through others.",
        "the simulation runs them on its own time, thousands of worlds a minute",
        &violations,
    );
}

#[test]
fn licences_and_sources_are_known() {
    let mut violations = Vec::new();
    for target in TARGETS {
        let metadata = metadata(target);
        for package in shipped(&metadata) {
            let name = format!("{} {} ({target})", package.name, package.version);
            let licence = package.license.as_deref().unwrap_or_default();
            if !licences::is_allowed(licence) {
                violations.push(format!("{name}: licence `{licence}`"));
            }
            let is_ours = metadata.workspace_members.contains(&package.id);
            let is_known = package.source.as_ref().map_or(is_ours, cargo_metadata::Source::is_crates_io);
            if !is_known {
                violations.push(format!("{name}: source {:?}", package.source));
            }
        }
    }
    report(
        "Everything compiled has an allowed licence and comes from crates.io or from here.",
        "a binary carries the licences of all it links, and a fork by URL has no one who mends it",
        &violations,
    );
}

#[test]
fn the_graph_holds_what_is_compiled_and_no_more() {
    let metadata = metadata(TARGETS[0]);
    let names: BTreeSet<&str> = shipped(&metadata).iter().map(|package| package.name.as_str()).collect();
    assert!(names.contains("homing") && names.contains("rustls"), "a dependency");
    assert!(names.contains("aws-lc-sys"), "an optional dependency that a feature switches on");
    assert!(!names.contains("criterion"), "a dependency of tests alone");
    assert!(
        metadata.packages.iter().any(|package| package.name.as_str() == "criterion"),
        "which the metadata does name"
    );
}

#[test]
fn duplicates_are_found() {
    let planted = [("a", "1.0.0".to_owned()), ("a", "2.0.0".to_owned()), ("b", "1.0.0".to_owned())];
    assert_eq!(duplicates(planted).into_keys().collect::<Vec<_>>(), ["a"]);
}
