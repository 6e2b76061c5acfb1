//! What infra/alarms.yaml watches is what the other templates make.

use std::collections::BTreeSet;

use super::template::{Template, source, text};
use crate::report;

/// `homing-ENVIRONMENT-…` names of a dimension, wherever the template writes them.
fn watched(text: &str, dimension: &str) -> BTreeSet<String> {
    let in_alarms = format!("Name: {dimension}, Value: !Sub \"");
    let in_widgets = format!("\"{dimension}\", \"");
    let names = text.split(&in_alarms).skip(1).chain(text.split(&in_widgets).skip(1));
    names.filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
}

fn made(template: &Template, kind: &str, field: &str) -> BTreeSet<String> {
    template.resources(kind).iter().map(|(_, properties)| text(&properties[field])).collect()
}

fn judge(alarms: &str) -> Vec<String> {
    let (state, functions) = (Template::read("state.yaml"), Template::read("functions.yaml"));
    let pairs = [
        ("QueueName", made(&state, "AWS::SQS::Queue", "QueueName")),
        ("TableName", made(&state, "AWS::DynamoDB::Table", "TableName")),
        ("FunctionName", made(&functions, "AWS::Serverless::Function", "FunctionName")),
    ];
    let mut violations = Vec::new();
    for (dimension, made) in pairs {
        let watched = watched(alarms, dimension);
        violations.extend(watched.difference(&made).map(|name| format!("{dimension}: there is no {name}")));
        let unseen = made.difference(&watched).filter(|name| !name.ends_with("-first-token"));
        violations.extend(unseen.map(|name| format!("{dimension}: nothing watches {name}")));
    }
    violations
}

#[test]
fn every_queue_table_and_function_is_watched() {
    report(
        "infra/alarms.yaml watches every queue, table and function, and nothing that is not there.",
        "an alarm on a name that does not exist is always quiet",
        &judge(&source("alarms.yaml")),
    );
}

#[test]
fn every_alarm_tells_somebody() {
    for name in ["alarms.yaml", "gateway.yaml"] {
        let template = Template::read(name);
        let alarms = template.resources("AWS::CloudWatch::Alarm");
        assert!(alarms.len() > 4, "{name}");
        for (alarm, properties) in alarms {
            assert!(properties["AlarmActions"].is_array(), "{name}: {alarm} tells nobody");
            assert!(properties["TreatMissingData"].is_string(), "{name}: {alarm}: what does silence mean?");
        }
    }
}

#[test]
fn planted_alarms_are_found() {
    let alarms = source("alarms.yaml");
    let found = judge(&alarms.replace("homing-${Environment}-dispatch\"", "homing-${Environment}-despatch\""));
    assert_eq!(found.len(), 4, "{found:?}");
}
