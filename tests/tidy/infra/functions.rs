//! The functions of infra/functions.yaml: their programs, their entries, their queues.

use std::collections::BTreeSet;
use std::fs;

use homing_ports::QueueName;
use serde_json::Value;

use super::template::{Template, source, text};
use crate::{report, tree};

/// Items per invocation: more would need a batching window, which delays the first.
const BATCH_MAX: u64 = 10;

/// A function, as far as the template says it.
#[derive(Debug)]
pub(super) struct Function<'t> {
    /// Its logical name.
    pub(super) resource: &'t str,
    /// The folder below functions/.
    pub(super) package: String,
    /// Which entry of the program.
    pub(super) handler: String,
    /// Its environment variables.
    pub(super) variables: &'t serde_json::Map<String, Value>,
    /// The queue that invokes it.
    pub(super) consumes: Option<QueueName>,
    /// Its event source.
    source: Option<&'t Value>,
}

/// Every function.
pub(super) fn functions(template: &Template) -> Vec<Function<'_>> {
    let sources = template.resources("AWS::Lambda::EventSourceMapping");
    template
        .resources("AWS::Serverless::Function")
        .into_iter()
        .map(|(resource, properties)| {
            let wanted = format!("${{{resource}}}");
            let source = sources.iter().find(|(_, it)| text(&it["FunctionName"]) == wanted).map(|(_, it)| *it);
            let arn = source.map(|source| text(&source["EventSourceArn"]));
            let is_source = |queue: &QueueName| {
                arn.as_deref() == Some(format!("sqs:homing-${{Environment}}-{}", queue.name()).as_str())
            };
            let zip = text(&properties["CodeUri"]);
            let package = zip.strip_prefix("../target/lambda/").and_then(|name| name.strip_suffix(".zip"));
            Function {
                resource,
                package: package.unwrap_or(&zip).to_owned(),
                handler: text(&properties["Handler"]),
                variables: properties["Environment"]["Variables"].as_object().expect("each function has settings"),
                consumes: QueueName::ALL.into_iter().find(is_source),
                source,
            }
        })
        .collect()
}

/// The text of a package's Lambda main.
fn main_of(package: &str) -> String {
    let path = tree::root().join(format!("functions/{package}/src/bin/{package}.rs"));
    fs::read_to_string(&path).unwrap_or_default()
}

/// The entries that a main tells apart by the handler; none when it has only one.
fn entries(main: &str) -> BTreeSet<String> {
    let arms = main.lines().filter_map(|line| line.trim_start().strip_prefix('"')?.split_once("\" =>"));
    arms.map(|(entry, _)| entry.to_owned()).collect()
}

fn judge_function(function: &Function<'_>, main: &str) -> Vec<String> {
    let name = function.resource;
    let mut violations = Vec::new();
    if main.is_empty() {
        return vec![format!("{name}: functions/{} has no Lambda main", function.package)];
    }
    let entries = entries(main);
    if !entries.is_empty() && !entries.contains(&function.handler) {
        violations.push(format!("{name}: the main has no entry {}", function.handler));
    }
    // Which of the vendors' queues it is, the main reads from the event.
    let consumes = |queue: QueueName| {
        let named = if queue.is_of_vendor() { "is_of_vendor()".to_owned() } else { format!("QueueName::{queue:?}") };
        main.contains(&named)
    };
    if let Some(queue) = function.consumes
        && !consumes(queue)
    {
        violations.push(format!("{name}: its main does not consume the queue {}", queue.name()));
    }
    if let Some(source) = function.source {
        if function.consumes.is_none() {
            violations.push(format!("{name}: its event source is no queue of ours"));
        }
        if source["FunctionResponseTypes"] != serde_json::json!(["ReportBatchItemFailures"]) {
            violations.push(format!("{name}: without ReportBatchItemFailures one failed item repeats all"));
        }
        if source["BatchSize"].as_u64().is_none_or(|size| size > BATCH_MAX) {
            violations.push(format!("{name}: more than {BATCH_MAX} items in a batch"));
        }
    }
    violations
}

fn judge(template: &Template) -> Vec<String> {
    let functions = functions(template);
    let mut violations: Vec<_> =
        functions.iter().flat_map(|function| judge_function(function, &main_of(&function.package))).collect();
    let packages: BTreeSet<_> = functions.iter().map(|function| function.package.as_str()).collect();
    for package in packages {
        let used: BTreeSet<_> =
            functions.iter().filter(|it| it.package == package).map(|it| it.handler.clone()).collect();
        let left = entries(&main_of(package)).difference(&used).cloned().collect::<Vec<_>>();
        violations.extend(left.iter().map(|entry| format!("functions/{package}: no function has the entry {entry}")));
    }
    for queue in QueueName::ALL {
        if !functions.iter().any(|function| function.consumes == Some(queue)) {
            violations.push(format!("nothing consumes the queue {}", queue.name()));
        }
    }
    let timeout = template.value["Globals"]["Function"]["Timeout"].as_u64().unwrap_or(u64::MAX) * 1_000;
    if QueueName::ALL.iter().any(|queue| timeout >= queue.visibility()) {
        violations.push(format!("functions may run for {timeout} ms: longer than their items are hidden from others"));
    }
    violations
}

#[test]
fn functions_are_the_mains_of_the_packages() {
    report(
        "Each function of infra/functions.yaml is an entry of a Lambda main, each entry is a function, and each queue feeds one.",
        "what has no function does not run on AWS, and what has no entry dies at its first call",
        &judge(&Template::read("functions.yaml")),
    );
    let template = Template::read("functions.yaml");
    let deployed: BTreeSet<_> = functions(&template).into_iter().map(|function| function.package).collect();
    let folders = fs::read_dir(tree::root().join("functions")).expect("functions/").flatten();
    let folders: BTreeSet<_> = folders.map(|folder| folder.file_name().to_string_lossy().into_owned()).collect();
    assert_eq!(deployed, folders, "each package under functions/ is deployed");
}

#[test]
fn planted_functions_are_found() {
    let source = source("functions.yaml");
    for (from, to, count) in [
        ("Handler: sweep", "Handler: swept", 2),
        ("CodeUri: ../target/lambda/query.zip", "CodeUri: ../target/lambda/queries.zip", 1),
        ("[ReportBatchItemFailures]", "[]", 1),
        ("BatchSize: 10\n", "BatchSize: 100\n", 1),
        ("homing-${Environment}-close\"\n      FunctionName", "homing-${Environment}-closed\"\n      FunctionName", 2),
        ("    Timeout: 20\n", "    Timeout: 30\n", 1),
    ] {
        assert!(source.contains(from), "{from}");
        let found = judge(&Template::parse(&source.replacen(from, to, 1)));
        assert_eq!(found.len(), count, "{from} -> {to}: {found:?}");
    }
}
