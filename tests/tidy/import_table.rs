//! Who may import whom: the layers of docs/ARCHITECTURE.md as a table.

mod rows;

use std::collections::BTreeSet;

use cargo_metadata::{Dependency, DependencyKind, Metadata, MetadataCommand, Package};
use rows::{Externals, HOMES, ROWS, Row};

use crate::{report, tree};

fn workspace() -> Metadata {
    let options = ["--offline"].map(str::to_owned);
    MetadataCommand::new()
        .manifest_path(tree::root().join("Cargo.toml"))
        .no_deps()
        .other_options(options)
        .exec()
        .expect("cargo reads the manifests of this workspace")
}

fn row(package: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.package == package)
}

/// What is wrong with one dependency that ships.
fn judge(row: &Row, dependency: &str, is_ours: bool, is_optional: bool) -> Option<String> {
    let package = row.package;
    if is_ours {
        // The Lambda main of a stage names its host and the AWS adapter behind a feature; its lib stays free of both.
        let of_lambda = ["homing-function-host", "homing-outbound", "homing-store-aws"];
        let is_lambda_main = package_is_stage(package) && of_lambda.contains(&dependency) && is_optional;
        // So does the gateway's process.
        let of_process = ["homing-store-aws", "homing-system"];
        let is_process = package == "homing-edge-gateway" && of_process.contains(&dependency) && is_optional;
        let is_allowed = row.may.contains(&dependency) || is_lambda_main || is_process;
        return (!is_allowed).then(|| format!("{package} imports {dependency}: {}", row.why));
    }
    if let Some((_, homes, why)) = HOMES.iter().find(|(name, ..)| matches(name, dependency)) {
        // A main that calls out chooses the ciphers.
        let is_of_main = dependency.starts_with("lambda_") || dependency == "rustls";
        let is_lambda_main = package_is_stage(package) && is_of_main && is_optional;
        if !homes.contains(&package) && !is_lambda_main {
            return Some(format!("{package} imports {dependency}, which belongs to {homes:?}: {why}"));
        }
    }
    let is_runtime_of_main = package_is_stage(package) && dependency == "tokio" && is_optional;
    let is_allowed = match row.externals {
        Externals::Only(names) => names.contains(&dependency),
        Externals::AnyBut(names) => !names.contains(&dependency) || is_runtime_of_main,
    };
    (!is_allowed).then(|| format!("{package} imports {dependency}: {}", row.why))
}

/// What is wrong with a dependency of tests: looser, for a test may use an adapter, but never against the flow.
fn judge_of_tests(row: &Row, dependency: &str, is_ours: bool) -> Option<String> {
    if !is_ours || row.may.contains(&dependency) {
        return None;
    }
    let package = row.package;
    let is_top = ["homing", "homing-tests"].contains(&dependency);
    let is_sideways = package_is_stage(package) && package_is_stage(dependency);
    let is_foundation = row.may.is_empty();
    (is_top || is_sideways || is_foundation)
        .then(|| format!("{package} imports {dependency} in its tests: what needs both belongs in tests/"))
}

fn package_is_stage(package: &str) -> bool {
    rows::STAGES.contains(&package)
}

/// A home's name may end in `*`.
fn matches(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |start| name.starts_with(start))
}

fn judge_package(package: &Package, ours: &BTreeSet<&str>) -> Vec<String> {
    let name = package.name.as_str();
    if name == rows::TESTS {
        return Vec::new();
    }
    let Some(row) = row(name) else {
        return vec![format!("{name} has no row in the import table: give it one")];
    };
    let judge_one = |dependency: &Dependency| {
        let is_ours = ours.contains(dependency.name.as_str());
        match dependency.kind {
            DependencyKind::Development => judge_of_tests(row, &dependency.name, is_ours),
            _ => judge(row, &dependency.name, is_ours, dependency.optional),
        }
    };
    package.dependencies.iter().filter_map(judge_one).collect()
}

#[test]
fn packages_import_only_what_their_layer_may() {
    let metadata = workspace();
    let packages = metadata.workspace_packages();
    let ours: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    let mut violations: Vec<_> = packages.iter().flat_map(|package| judge_package(package, &ours)).collect();
    violations.extend(
        ROWS.iter()
            .filter(|row| !ours.contains(row.package))
            .map(|row| format!("{} has a row in the import table, but there is no such package", row.package)),
    );
    report(
        "A package imports only what its row in tests/tidy/import_table/rows.rs allows.",
        "the same stages run in one process, on Lambda and in the simulation only as long as none of them knows which",
        &violations,
    );
}

#[test]
fn stages_are_the_packages_under_functions() {
    let metadata = workspace();
    let found: BTreeSet<&str> = metadata
        .workspace_packages()
        .into_iter()
        .filter(|package| package.manifest_path.as_str().contains("/functions/"))
        .map(|package| package.name.as_str())
        .collect();
    assert_eq!(found, rows::STAGES.into_iter().collect(), "keep STAGES in rows.rs equal to the folder functions/");
}

#[test]
fn the_table_has_no_circle() {
    // Rows are written lower layers first: whoever is imported stands above.
    for (at, row) in ROWS.iter().enumerate() {
        for dependency in row.may {
            let below = ROWS.iter().position(|row| row.package == *dependency);
            assert!(
                below.is_some_and(|below| below < at),
                "{} may import {dependency}, which is not above it",
                row.package
            );
        }
    }
}

#[test]
fn planted_imports_are_refused() {
    let judged = |package: &str, dependency: &str, is_ours: bool, is_optional: bool| {
        judge(row(package).expect("the package has a row"), dependency, is_ours, is_optional).is_some()
    };
    for (package, dependency) in [
        ("homing-domain", "homing-ports"),
        ("homing-link", "homing-ports"),
        ("homing-fanout", "homing-dispatch"),
        ("homing-intake", "homing-store-embedded"),
        ("homing-intake", "homing-store-aws"),
        ("homing-intake", "homing-function-host"),
        ("homing-edge-gateway", "homing-fanout"),
        ("homing-device-sdk", "homing-ports"),
    ] {
        assert!(judged(package, dependency, true, false), "{package} -> {dependency}");
    }
    for (package, dependency) in [
        ("homing-domain", "tokio"),
        ("homing-domain", "serde_json"),
        ("homing-link", "quinn"),
        ("homing-fanout", "tokio"),
        ("homing-query", "fjall"),
        ("homing-store-embedded", "aws-sdk-dynamodb"),
        ("homing-intake", "lambda_http"),
        ("homing-edge-gateway", "anyhow"),
    ] {
        assert!(judged(package, dependency, false, false), "{package} -> {dependency}");
    }
    assert!(!judged("homing-intake", "homing-store-aws", true, true), "a Lambda main, behind its feature");
    assert!(!judged("homing-intake", "homing-function-host", true, true), "a Lambda main, behind its feature");
    assert!(!judged("homing-intake", "lambda_http", false, true), "a Lambda main, behind its feature");
    assert!(!judged("homing-fanout", "tokio", false, true), "a Lambda main, behind its feature");
    assert!(
        !judged("homing-edge-gateway", "homing-store-aws", true, true),
        "the gateway's process, behind its feature"
    );
    assert!(judged("homing-edge-gateway", "homing-store-aws", true, false), "its library never");
    let tests_of = |package: &str, dependency: &str| judge_of_tests(row(package).expect("has a row"), dependency, true);
    assert!(tests_of("homing-domain", "homing-wire").is_some());
    assert!(tests_of("homing-fanout", "homing-dispatch").is_some());
    assert_eq!(tests_of("homing-fanout", "homing-store-embedded"), None);
}
