//! The lines.

use std::collections::BTreeMap;

use homing_domain::UnixMillis;
use metrics::Unit;
use serde_json::{Map, Value, json};

use super::series::{Gathered, Name};

/// Where CloudWatch files the metrics.
const NAMESPACE: &str = "Homing";

type Dimensions<'n> = &'n [(String, String)];

/// One line for each set of dimensions.
pub(super) fn lines(
    gathered: &[(Name, Gathered)],
    units: &BTreeMap<String, Unit>,
    function: &str,
    now: UnixMillis,
) -> String {
    let mut documents = BTreeMap::<Dimensions<'_>, Vec<(&str, &Gathered)>>::new();
    for ((name, dimensions), what) in gathered {
        documents.entry(dimensions).or_default().push((name, what));
    }
    let mut lines = String::new();
    for (dimensions, metrics) in documents {
        lines.push_str(&document(dimensions, &metrics, units, function, now).to_string());
        lines.push('\n');
    }
    lines
}

fn document(
    dimensions: Dimensions<'_>,
    metrics: &[(&str, &Gathered)],
    units: &BTreeMap<String, Unit>,
    function: &str,
    now: UnixMillis,
) -> Value {
    let definition = |(name, _): &(&str, &Gathered)| json!({ "Name": name, "Unit": units.get(*name).map_or("None", |unit| cloudwatch_unit(*unit)) });
    let mut names = vec!["function"];
    names.extend(dimensions.iter().map(|(name, _)| name.as_str()));
    let directive = json!({
        "Namespace": NAMESPACE,
        "Dimensions": [names],
        "Metrics": metrics.iter().map(definition).collect::<Vec<_>>(),
    });
    let mut root = Map::new();
    root.insert("_aws".into(), json!({ "Timestamp": now.0, "CloudWatchMetrics": [directive] }));
    root.insert("function".into(), function.into());
    root.extend(dimensions.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))));
    root.extend(metrics.iter().map(|(name, what)| ((*name).to_owned(), value(what))));
    Value::Object(root)
}

fn value(gathered: &Gathered) -> Value {
    match gathered {
        Gathered::Number(number) => json!(number),
        Gathered::Values(values) => json!(values),
    }
}

const fn cloudwatch_unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Seconds => "Seconds",
        Unit::Milliseconds => "Milliseconds",
        Unit::Bytes => "Bytes",
        Unit::Count => "Count",
        Unit::Percent => "Percent",
        _ => "None",
    }
}
