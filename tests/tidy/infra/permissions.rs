//! Least privilege: what a function may is exactly what its settings name, with the actions that its part in it needs.

use std::collections::{BTreeMap, BTreeSet};

use homing_ports::QueueName;
use homing_store_aws::schema::TABLES;
use serde_json::Value;

use super::functions::{Function, functions};
use super::template::{Template, list, source, text};
use crate::report;

/// Reading a table, without `Scan`: nothing walks over a table.
const READ: [&str; 3] = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"];
/// Writing it; a transaction needs no action of its own.
const WRITE: [&str; 4] =
    ["dynamodb:ConditionCheckItem", "dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem"];
/// What taking items off a queue needs, for Lambda's pollers and for a stage that lets an item wait.
const TAKE: [&str; 4] =
    ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"];
/// What only an account as a whole can be given.
const WITHOUT_RESOURCE: [&str; 3] = ["cloudwatch:PutMetricData", "xray:PutTelemetryRecords", "xray:PutTraceSegments"];

/// Resource → actions.
type Grants = BTreeMap<String, BTreeSet<String>>;

/// The statements of all inline policies of a role.
fn statements(role: &Value) -> Vec<&Value> {
    let policies = role["Policies"].as_array().map(Vec::as_slice).unwrap_or_default();
    policies.iter().flat_map(|policy| list(&policy["PolicyDocument"]["Statement"])).collect()
}

fn grants(statements: &[&Value]) -> Grants {
    let mut grants = Grants::new();
    for statement in statements {
        for resource in list(&statement["Resource"]) {
            grants.entry(text(resource)).or_default().extend(list(&statement["Action"]).iter().map(text));
        }
    }
    grants
}

/// What a function's settings and its event source ask for. Whether a table is only read, the template decides.
fn expected(function: &Function<'_>) -> Grants {
    let mut grants = Grants::new();
    let mut grant = |resource: String, actions: &[&str]| {
        grants.entry(resource).or_default().extend(actions.iter().map(|action| (*action).to_owned()));
    };
    let own = |rest: &str| format!("homing-${{Environment}}{rest}");
    for name in function.variables.keys() {
        let lower = |rest: &str| rest.to_lowercase();
        if let Some(table) = name.strip_prefix("HOMING_TABLE_") {
            grant(format!("dynamodb:table/{}", own(&format!("-{}", lower(table)))), &READ);
        } else if let Some(queue) = name.strip_prefix("HOMING_QUEUE_") {
            let resource = format!("sqs:{}", own(&format!("-{}", lower(queue))));
            let takes = function.consumes.is_some_and(|consumed| consumed.name() == lower(queue));
            grant(resource.clone(), &["sqs:SendMessage"]);
            grant(resource, if takes { &TAKE } else { &[] });
        } else if let Some(queue) = name.strip_prefix("HOMING_DEAD_") {
            let gives_up = function.consumes.is_some();
            let actions: &[&str] = if gives_up { &["sqs:SendMessage"] } else { &TAKE };
            grant(format!("sqs:{}", own(&format!("-{}-dead", lower(queue)))), actions);
        }
        match name.as_str() {
            "HOMING_GATEWAY_QUEUE_PREFIX" => {
                grant(format!("sqs:{}", own("-gateway-*")), &["sqs:GetQueueUrl", "sqs:SendMessage"]);
            }
            "HOMING_EVENT_BUS" => grant(format!("events:event-bus/{}", own("")), &["events:PutEvents"]),
            "HOMING_SCHEDULE_GROUP" => {
                grant(format!("scheduler:schedule/{}", own("/*")), &["scheduler:CreateSchedule"]);
            }
            "HOMING_SCHEDULE_ROLE_ARN" => grant(format!("iam:role/{}", own("-schedule")), &["iam:PassRole"]),
            _ => {}
        }
    }
    grants
}

/// The indexes of the schema, as resources.
fn indexes() -> BTreeSet<String> {
    let of_table = |table: &homing_store_aws::schema::TableSchema| {
        let name = table.name;
        table
            .indexes
            .iter()
            .map(move |index| format!("dynamodb:table/homing-${{Environment}}-{name}/index/{}", index.name))
    };
    TABLES.iter().flat_map(of_table).collect()
}

fn judge_function(function: &Function<'_>, template: &Template) -> Vec<String> {
    let name = function.resource;
    let role = template.properties(&format!("{name}Role"));
    let mut granted = grants(&statements(role));
    let mut expected = expected(function);
    let mut violations = Vec::new();
    let indexes = indexes();
    granted.retain(|resource, actions| {
        if !resource.contains("/index/") {
            return true;
        }
        let table = resource.split("/index/").next().unwrap_or_default();
        let is_right =
            indexes.contains(resource) && actions.iter().eq(["dynamodb:Query"]) && expected.contains_key(table);
        if !is_right {
            violations.push(format!("{name}: {resource}: {actions:?}"));
        }
        false
    });
    for (resource, actions) in &mut expected {
        let writes = resource.starts_with("dynamodb:")
            && granted.get(resource).is_some_and(|granted| WRITE.iter().any(|action| granted.contains(*action)));
        actions.extend(WRITE.iter().filter(|_| writes).map(|action| (*action).to_owned()));
    }
    for (resource, actions) in &granted {
        if expected.get(resource) != Some(actions) {
            violations.push(format!(
                "{name} may {actions:?} on {resource}; its settings ask for {:?}",
                expected.get(resource)
            ));
        }
    }
    let missing = expected.keys().filter(|resource| !granted.contains_key(*resource));
    violations.extend(missing.map(|resource| format!("{name} has no permission on {resource}")));
    if text(&role["ManagedPolicyArns"]) != "[{\"Ref\":\"EveryFunction\"}]" {
        violations.push(format!("{name}: managed policies beside EveryFunction"));
    }
    violations
}

/// Rules for every statement of a template.
fn judge_statement(owner: &str, statement: &Value) -> Vec<String> {
    let actions: Vec<_> = list(&statement["Action"]).iter().map(text).collect();
    let mut violations = Vec::new();
    if statement["Effect"] != "Allow" || statement["NotAction"].is_array() || statement["NotResource"].is_array() {
        violations.push(format!("{owner}: {statement}: only what is allowed is said"));
    }
    if actions.is_empty() || actions.iter().any(|action| action.contains('*') || !action.contains(':')) {
        violations.push(format!("{owner}: {actions:?}: actions by name"));
    }
    let is_everything =
        list(&statement["Resource"]).iter().any(|resource| ["*", "null"].contains(&text(resource).as_str()));
    if is_everything && !actions.iter().all(|action| WITHOUT_RESOURCE.contains(&action.as_str())) {
        violations.push(format!("{owner}: {actions:?} on everything"));
    }
    if actions.iter().any(|action| action == "iam:PassRole") && statement["Condition"].is_null() {
        violations.push(format!("{owner}: iam:PassRole to whichever service"));
    }
    violations
}

fn judge(template: &Template) -> Vec<String> {
    let mut violations = Vec::new();
    for (name, role) in template.resources("AWS::IAM::Role") {
        for statement in statements(role) {
            // A statement of an optional part of the template.
            let statement = statement.get("Fn::If").map_or(statement, |choice| &choice[1]);
            violations.extend(judge_statement(name, statement));
        }
    }
    for (name, policy) in template.resources("AWS::IAM::ManagedPolicy") {
        let statements = list(&policy["PolicyDocument"]["Statement"]);
        violations.extend(statements.iter().flat_map(|statement| judge_statement(name, statement)));
    }
    violations.extend(functions(template).iter().flat_map(|function| judge_function(function, template)));
    violations
}

#[test]
fn permissions_are_what_the_settings_name() {
    let mut violations = judge(&Template::read("functions.yaml"));
    violations.extend(judge(&Template::read("state.yaml")));
    violations.extend(judge(&Template::read("gateway.yaml")));
    report(
        "A function may do what its settings name and nothing else; actions and resources stand by name.",
        "a function that is broken into can do what its role can",
        &violations,
    );
}

#[test]
fn who_consumes_a_queue_can_also_send_it_anew_and_give_up() {
    let template = Template::read("functions.yaml");
    let mut consumers = 0;
    for function in functions(&template) {
        let Some(queue) = function.consumes else { continue };
        consumers += 1;
        for kind in ["QUEUE", "DEAD"] {
            let name = format!("HOMING_{kind}_{}", queue.name().to_uppercase());
            assert!(function.variables.contains_key(&name), "{} has no {name}", function.resource);
        }
    }
    assert_eq!(consumers, QueueName::ALL.len());
}

#[test]
fn planted_permissions_are_found() {
    let source = source("functions.yaml");
    let events = "Action: [events:PutEvents]";
    for (from, to, count) in [
        (events, "Action: [events:*]", 2),
        (events, "Action: [events:PutEvents, events:PutRule]", 1),
        ("                Action: [iam:PassRole]\n", "                Action: [iam:PassRole, iam:GetRole]\n", 1),
        ("table/homing-${Environment}-ledger\"", "table/homing-${Environment}-ledgers\"", 2),
        ("          HOMING_EVENT_BUS: !Sub homing-${Environment}\n", "", 1),
        ("index/by_segment", "index/by_app", 1),
        ("Resource: !GetAtt Logs.Arn", "Resource: \"*\"", 1),
    ] {
        assert!(source.contains(from), "{from}");
        let found = judge(&Template::parse(&source.replacen(from, to, 1)));
        assert_eq!(found.len(), count, "{from} -> {to}: {found:?}");
    }
}
