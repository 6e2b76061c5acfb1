//! Tables, queues and exports of infra/state.yaml.

use std::collections::BTreeSet;

use homing_ports::QueueName;
use homing_store_aws::schema::{IndexSchema, PARTITION_KEY, SORT_KEY, TABLES, TTL, TableSchema};
use serde_json::{Value, json};

use super::template::{Template, source, text};
use crate::report;

/// How often SQS gives an item out beyond what a stage does itself, before it goes to the dead letters without a reason.
const RECEIVES_BEYOND: u32 = 5;

fn key(attribute: &str, kind: &str) -> Value {
    json!({"AttributeName": attribute, "KeyType": kind})
}

fn judge_index(table: &str, index: &IndexSchema, properties: &Value) -> Vec<String> {
    let all = properties["GlobalSecondaryIndexes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let Some(found) = all.iter().find(|found| found["IndexName"] == index.name) else {
        return vec![format!("{table} has no index {}", index.name)];
    };
    let projection = if index.whole { "ALL" } else { "KEYS_ONLY" };
    let is_same = found["KeySchema"] == json!([key(index.partition, "HASH"), key(index.sort, "RANGE")])
        && found["Projection"]["ProjectionType"] == projection;
    if is_same { Vec::new() } else { vec![format!("{table}: index {}: {found}", index.name)] }
}

fn judge_table(schema: &TableSchema, properties: &Value) -> Vec<String> {
    let table = schema.name;
    let mut keys = vec![key(PARTITION_KEY, "HASH")];
    keys.extend(schema.sorted.then(|| key(SORT_KEY, "RANGE")));
    let mut violations = Vec::new();
    let mut expect = |what: &str, found: &Value, expected: Value| {
        if *found != expected {
            violations.push(format!("{table}: {what} is {found}, not {expected}"));
        }
    };
    expect("KeySchema", &properties["KeySchema"], json!(keys));
    expect("TTL", &properties["TimeToLiveSpecification"], json!({"AttributeName": TTL, "Enabled": true}));
    expect("billing", &properties["BillingMode"], json!("PAY_PER_REQUEST"));
    expect("recovery", &properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"], json!(true));
    expect("key", &properties["SSESpecification"]["KMSMasterKeyId"], json!({"Fn::GetAtt": "Key.Arn"}));
    let attributes = properties["AttributeDefinitions"].as_array().map(Vec::as_slice).unwrap_or_default();
    expect("attributes", &json!(attributes.iter().all(|attribute| attribute["AttributeType"] == "B")), json!(true));
    let indexes = properties["GlobalSecondaryIndexes"].as_array().map_or(0, Vec::len);
    expect("number of indexes", &json!(indexes), json!(schema.indexes.len()));
    for field in ["WarmThroughput", "DeletionProtectionEnabled"] {
        expect(field, &json!(properties[field].is_object()), json!(true));
    }
    violations.extend(schema.indexes.iter().flat_map(|index| judge_index(table, index, properties)));
    violations
}

fn judge_queue(queue: QueueName, template: &Template) -> Vec<String> {
    let name = format!("homing-${{Environment}}-{}", queue.name());
    let queues = template.resources("AWS::SQS::Queue");
    let named = |name: &str| queues.iter().find(|(_, properties)| text(&properties["QueueName"]) == name);
    let (Some((_, properties)), Some((dead, dead_properties))) = (named(&name), named(&format!("{name}-dead"))) else {
        return vec![format!("there are no {name} and {name}-dead")];
    };
    let redrive = &properties["RedrivePolicy"];
    let facts = [
        ("VisibilityTimeout", properties["VisibilityTimeout"] == queue.visibility() / 1_000),
        ("maxReceiveCount", redrive["maxReceiveCount"] == queue.max_receives() + RECEIVES_BEYOND),
        ("deadLetterTargetArn", text(&redrive["deadLetterTargetArn"]) == format!("${{{dead}.Arn}}")),
        ("encryption", [properties, dead_properties].iter().all(|it| it["SqsManagedSseEnabled"] == true)),
        ("DelaySeconds", properties["DelaySeconds"].is_null()),
    ];
    facts.iter().filter(|(_, holds)| !holds).map(|(what, _)| format!("{name}: {what}")).collect()
}

fn judge(template: &Template) -> Vec<String> {
    let tables = template.resources("AWS::DynamoDB::Table");
    let mut violations = Vec::new();
    for schema in &TABLES {
        let name = format!("homing-${{Environment}}-{}", schema.name);
        match tables.iter().find(|(_, properties)| text(&properties["TableName"]) == name) {
            Some((_, properties)) => violations.extend(judge_table(schema, properties)),
            None => violations.push(format!("there is no table {name}")),
        }
    }
    if tables.len() != TABLES.len() {
        violations.push(format!("{} tables, not {}", tables.len(), TABLES.len()));
    }
    violations.extend(QueueName::ALL.iter().flat_map(|queue| judge_queue(*queue, template)));
    violations
}

#[test]
fn tables_and_queues_are_those_of_the_code() {
    report(
        "infra/state.yaml has the tables, indexes and queues that the code names, and no others.",
        "tests make theirs from the code; production makes them from the template",
        &judge(&Template::read("state.yaml")),
    );
}

#[test]
fn planted_tables_and_queues_are_found() {
    let source = source("state.yaml");
    for (from, to) in [
        ("KeyType: RANGE }\n", "KeyType: HASH }\n"),
        ("{ AttributeName: ttl, Enabled: true }", "{ AttributeName: ttl, Enabled: false }"),
        ("ProjectionType: ALL", "ProjectionType: KEYS_ONLY"),
        ("VisibilityTimeout: 30", "VisibilityTimeout: 60"),
        ("maxReceiveCount: 25", "maxReceiveCount: 20"),
        ("!GetAtt DueDead.Arn", "!GetAtt CloseDead.Arn"),
        ("IndexName: due", "IndexName: overdue"),
    ] {
        assert!(source.contains(from), "{from}");
        assert_eq!(judge(&Template::parse(&source.replacen(from, to, 1))).len(), 1, "{from} -> {to}");
    }
}

/// Names that a template imports.
fn imports(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            into.extend(fields.get("Fn::ImportValue").map(text));
            fields.values().for_each(|field| imports(field, into));
        }
        Value::Array(items) => items.iter().for_each(|item| imports(item, into)),
        _ => {}
    }
}

#[test]
fn what_one_stack_imports_another_exports() {
    // In the order in which infra/deploy makes them.
    let mut exported = BTreeSet::new();
    for name in ["state.yaml", "functions.yaml", "alarms.yaml", "gateway.yaml"] {
        let template = Template::read(name);
        let mut imported = BTreeSet::new();
        imports(&template.value, &mut imported);
        let missing: Vec<_> = imported.difference(&exported).collect();
        assert!(missing.is_empty(), "{name} imports what no stack before it exports: {missing:?}");
        let outputs = template.value["Outputs"].as_object().expect("each stack has outputs");
        exported.extend(outputs.values().map(|output| text(&output["Export"]["Name"])));
    }
}
