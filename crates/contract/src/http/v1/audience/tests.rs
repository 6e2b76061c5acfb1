use homing_domain::{AudienceId, Exclusion};
use serde_json::{Value, json};

use super::*;

const DEVICE: &str = "00000000-0000-0000-0000-000000000001";

fn check(body: Value) -> Checked<(Audience, Exclusion)> {
    let request: AudienceRequest = serde_json::from_value(body).unwrap();
    request.check("/audience", &|token| (token == "hmp_ok").then(|| DeviceId::from_bytes([2; 16])))
}

fn broken(body: Value) -> Vec<(String, String)> {
    check(body).unwrap_err().into_vec().into_iter().map(|wrong| (wrong.code, wrong.pointer)).collect()
}

#[test]
fn audiences_are_exactly_one() {
    for (audience, code, pointer) in [
        (json!({}), "audience_required", "/audience"),
        (json!({"exclude": {"users": ["u"]}}), "audience_required", "/audience"),
        (json!({"all": true, "users": ["u"]}), "audience_ambiguous", "/audience"),
        (json!({"all": true, "expression": "vip"}), "audience_ambiguous", "/audience"),
        (json!({"all": false}), "invalid_value", "/audience/all"),
        (json!({"users": []}), "audience_empty", "/audience/users"),
        (json!({"users": vec!["u"; 1_001]}), "audience_too_large", "/audience/users"),
        (json!({"users": ["ok", "a\nb"]}), "invalid_user", "/audience/users/1"),
        (json!({"expression": ""}), "invalid_expression", "/audience/expression"),
        (json!({"audience_id": "a"}), "invalid_audience", "/audience/audience_id"),
    ] {
        assert_eq!(broken(audience), [(code.to_owned(), pointer.to_owned())]);
    }
}

#[test]
fn an_expression_is_kept_as_written_and_its_error_says_where() {
    let text = "vip && (beijing || shanghai) && !muted";
    let (audience, exclude) = check(json!({"expression": text})).unwrap();
    assert_eq!((audience, exclude), (Audience::Expression(text.parse().unwrap()), Exclusion::default()));
    let wrong = check(json!({"expression": "vip && "})).unwrap_err().into_vec();
    assert_eq!(wrong[0].message, "expected a tag after && at character 8");
}

#[test]
fn an_uploaded_list_is_named_by_its_id() {
    let (audience, _) = check(json!({"audience_id": DEVICE})).unwrap();
    assert_eq!(audience, Audience::Uploaded(DEVICE.parse::<AudienceId>().unwrap()));
}

#[test]
fn exclusions_add_up() {
    let exclude =
        json!({"devices": [DEVICE, "hmp_ok", DEVICE], "users": ["u"], "expression": "muted", "audience_id": DEVICE});
    let (audience, exclude) = check(json!({"all": true, "exclude": exclude})).unwrap();
    let expected = Exclusion {
        devices: vec![DEVICE.parse().unwrap(), DeviceId::from_bytes([2; 16])],
        users: vec!["u".parse().unwrap()],
        expression: Some("muted".parse().unwrap()),
        uploaded: Some(DEVICE.parse().unwrap()),
    };
    assert_eq!((audience, exclude), (Audience::All, expected));
}

#[test]
fn everything_wrong_about_an_exclusion_is_named() {
    let exclude = json!({"devices": ["x"], "users": [], "expression": "a &&", "audience_id": "x"});
    let at = |code: &str, field: &str| (code.to_owned(), format!("/audience{field}"));
    assert_eq!(
        broken(json!({"users": [""], "exclude": exclude})),
        [
            at("invalid_user", "/users/0"),
            at("invalid_device", "/exclude/devices/0"),
            at("audience_empty", "/exclude/users"),
            at("invalid_expression", "/exclude/expression"),
            at("invalid_audience", "/exclude/audience_id"),
        ]
    );
    assert_eq!(broken(json!({"all": true, "exclude": {}})), [at("empty", "/exclude")]);
    // Nobody is left, which is no mistake of the request's form.
    assert!(check(json!({"users": ["u"], "exclude": {"users": ["u"]}})).is_ok());
}
