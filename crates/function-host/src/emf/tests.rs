use metrics::Label;
use serde_json::Value;

use super::*;

fn key(name: &'static str, labels: &[(&'static str, &str)]) -> Key {
    Key::from_parts(name, labels.iter().map(|(name, value)| Label::new(*name, (*value).to_owned())).collect::<Vec<_>>())
}

const METADATA: Metadata<'static> = Metadata::new("test", metrics::Level::INFO, None);

fn flushed(emf: &Emf) -> Vec<Value> {
    let lines = document::lines(&emf.table.drain(), &emf.table.units(), "fanout", UnixMillis(1_700_000_000_000));
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_line_per_set_of_dimensions_and_nothing_twice() {
    let emf = Emf::default();
    emf.describe_counter("done".into(), Some(Unit::Count), "".into());
    emf.register_counter(&key("done", &[("queue", "audience"), ("app", "shop")]), &METADATA).increment(2);
    emf.register_counter(&key("done", &[("queue", "audience"), ("app", "other")]), &METADATA).increment(3);
    emf.register_histogram(&key("took", &[("queue", "audience")]), &METADATA).record(0.5);
    emf.register_counter(&key("done", &[("queue", "close")]), &METADATA).increment(1);
    let lines = flushed(&emf);
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["done"], 5.0, "tenants are added up");
    assert_eq!(lines[0]["took"], serde_json::json!([0.5]));
    assert_eq!((&lines[0]["function"], &lines[0]["queue"]), (&Value::from("fanout"), &Value::from("audience")));
    let directive = &lines[0]["_aws"]["CloudWatchMetrics"][0];
    assert_eq!(directive["Dimensions"], serde_json::json!([["function", "queue"]]));
    assert_eq!(directive["Metrics"][0], serde_json::json!({"Name": "done", "Unit": "Count"}));
    assert_eq!(lines[0]["_aws"]["Timestamp"], 1_700_000_000_000_u64);
    assert!(flushed(&emf).is_empty());
}

#[test]
fn an_absolute_counter_tells_its_rise() {
    let emf = Emf::default();
    let counter = emf.register_counter(&key("read", &[]), &METADATA);
    counter.absolute(10);
    assert_eq!(flushed(&emf)[0]["read"], 10.0);
    counter.absolute(14);
    assert_eq!(flushed(&emf)[0]["read"], 4.0);
}

#[test]
fn series_and_values_are_bounded() {
    let emf = Emf::default();
    for n in 0..1_000 {
        emf.register_counter(&key("many", &[("id", &n.to_string())]), &METADATA).increment(1);
    }
    assert_eq!(flushed(&emf).len(), 256);
    let emf = Emf::default();
    let histogram = emf.register_histogram(&key("took", &[]), &METADATA);
    (0..1_000).for_each(|n| histogram.record(f64::from(n)));
    assert_eq!(flushed(&emf)[0]["took"].as_array().map(Vec::len), Some(100));
}
