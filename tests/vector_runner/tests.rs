//! Whether the runner sees what is wrong: a judge that lets everything pass would pass everything.

use std::path::Path;

use serde_json::json;

use super::*;
use crate::matcher::{Scope, compare};

/// The files of the repository.
const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors");

fn read(name: &str) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(Path::new(VECTORS).join(name)).unwrap()).unwrap()
}

async fn run_one(file: &serde_json::Value) -> Result<(Tally, String)> {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("one.json"), file.to_string()).unwrap();
    let mut out = Vec::new();
    let tally = run(directory.path(), &mut out).await?;
    Ok((tally, String::from_utf8(out).unwrap()))
}

#[tokio::test]
async fn every_vector_of_the_repository_holds() {
    let mut out = Vec::new();
    let all = run(Path::new(VECTORS), &mut out).await.unwrap();
    let said = String::from_utf8(out).unwrap();
    assert_eq!((all.missed, all.ran), (0, all.expected), "{said}");
    assert!(all.ran > 100, "{}", all.ran);
}

#[tokio::test]
async fn another_outcome_request_or_receipt_is_a_miss_of_its_entry() {
    let mut file = read("huawei.json");
    let (cases, receipts) = (file["cases"].as_array().unwrap().len(), file["receipts"].as_array().unwrap().len());
    for case in file["cases"].as_array_mut().unwrap() {
        case["expected_outcome"]["class"] = "dropped".into();
    }
    for receipt in file["receipts"].as_array_mut().unwrap() {
        receipt["expected_status"] = 202.into();
    }
    file["crypto"][0]["output"] = "AAAA".into();
    let (tally, said) = run_one(&file).await.unwrap();
    assert_eq!((tally.missed, tally.ran), (cases + receipts + 1, tally.expected), "{said}");

    let mut file = read("oppo.json");
    file["credentials"]["app_key"] = "another".into();
    file["cases"][0]["request"]["body"]["match"]["app_key"] = "another".into();
    file["cases"][0]["request"]["body"]["match"]["sign"]["$sha256_sign"]["of"][0] = "timestamp".into();
    let (_, said) = run_one(&file).await.unwrap();
    assert!(said.contains("MISS one.json cases: auth\n"), "{said}");
    assert!(said.contains("ok   one.json cases: unicast accepted\n"), "{said}");
}

#[tokio::test]
async fn what_is_not_known_is_no_success() {
    let file = read("apns.json");
    for (pointer, key) in
        [("/cases/0/input", "shout"), ("/cases/0/expected_outcome", "glory"), ("/cases/0/request", "colour")]
    {
        let mut wrong = file.clone();
        wrong.pointer_mut(pointer).unwrap()[key] = json!(true);
        let (tally, said) = run_one(&wrong).await.unwrap();
        assert_eq!(tally.missed, 1, "{said}");
        assert!(said.contains(key), "{said}");
    }
    let mut wrong = file.clone();
    wrong["cases"][0]["request"]["headers"]["apns-topic"] = json!({"$like": "com"});
    assert_eq!(run_one(&wrong).await.unwrap().0.missed, 1);
    for (key, value) in
        [("vendor", json!("acme")), ("schema_version", json!(2)), ("cases", json!([])), ("more", json!(1))]
    {
        let mut wrong = file.clone();
        wrong[key] = value;
        assert!(run_one(&wrong).await.is_err(), "{key}");
    }
    let nothing = tempfile::tempdir().unwrap();
    assert!(run(nothing.path(), &mut Vec::new()).await.is_err());
}

#[tokio::test]
async fn a_subscription_with_keys_that_no_file_shows_can_be_read_too() {
    let mut file = read("webpush.json");
    file["crypto"] = json!([]);
    let (tally, said) = run_one(&file).await.unwrap();
    assert_eq!(tally.missed, 0, "{said}");
}

#[test]
fn matchers_tell_right_from_wrong() {
    let holds = |expected: &serde_json::Value, actual: Option<&serde_json::Value>| {
        compare(Scope { judge: None, body: &serde_json::Value::Null }, "", expected, actual).is_empty()
    };
    for (expected, right, wrong) in [
        (json!("a"), json!("a"), json!("b")),
        (json!(24), json!(24.0), json!("24")),
        (json!({"a": 1}), json!({"a": 1, "b": 2}), json!({"b": 2})),
        (json!({}), json!({"a": 1}), json!([])),
        (json!([1, {"$any": true}]), json!([1, 2]), json!([1])),
        (json!({"$re": "^[0-9]{2}$"}), json!("12"), json!("123")),
        (json!({"$re": "^[0-9]{2}$"}), json!(12), json!([12])),
        (json!({"$between": [1, 4]}), json!("4"), json!(5)),
        (json!({"$set": ["a", "b"]}), json!(["b", "a"]), json!(["a", "a"])),
        (json!({"$set": ["a", "b"]}), json!(["b", "a"]), json!(["a", "b", "b"])),
        (json!({"$split": ",", "$set": ["a", "b"]}), json!("b,a"), json!("b, a")),
        (json!({"$one_of": ["a", {"$re": "^b"}]}), json!("bc"), json!("c")),
        (json!({"$json": {"a": 1}}), json!(r#"{"a": 1, "b": 2}"#), json!({"a": 1})),
        (json!({"$max_bytes": 3}), json!("订"), json!("订a")),
    ] {
        assert!(holds(&expected, Some(&right)), "{expected} {right}");
        assert!(!holds(&expected, Some(&wrong)), "{expected} {wrong}");
        assert!(!holds(&expected, None), "{expected} and nothing");
    }
    assert!(holds(&json!({"a": {"$absent": true}}), Some(&json!({"b": 1}))));
    assert!(!holds(&json!({"a": {"$absent": true}}), Some(&json!({"a": null}))));
    assert!(holds(&json!({"a": {"b": {"$absent": true}}}), Some(&json!({}))));
    assert!(holds(&json!({"$one_of": ["0", {"$absent": true}]}), None));
    for unknown in [json!({"$like": 1}), json!({"$jwt": {"claims": {}}}), json!({"$md5_sign": {"of": []}})] {
        assert!(!holds(&unknown, Some(&json!("a"))), "{unknown}");
    }
}
