//! A CloudFormation template as JSON: `!Ref X` becomes `{"Ref": "X"}` and `!Sub Y` becomes `{"Fn::Sub": "Y"}`, which is
//! what these short forms stand for.

use std::fs;

use saphyr::{LoadableYamlNode as _, Scalar, Yaml};
use serde_json::{Map, Number, Value, json};

use crate::tree;

/// One template.
#[derive(Debug)]
pub(super) struct Template {
    /// All of it.
    pub(super) value: Value,
}

impl Template {
    /// The template of this name.
    pub(super) fn read(name: &str) -> Self {
        Self::parse(&source(name))
    }

    /// A template in YAML.
    pub(super) fn parse(text: &str) -> Self {
        let documents = Yaml::load_from_str(text).expect("the template is YAML");
        Self { value: json_of(&documents[0]) }
    }

    /// The resources of a type: logical name and properties.
    pub(super) fn resources(&self, kind: &str) -> Vec<(&str, &Value)> {
        let resources = self.value["Resources"].as_object().expect("a template has resources");
        let of_kind = resources.iter().filter(|(_, resource)| resource["Type"] == kind);
        of_kind.map(|(name, resource)| (name.as_str(), &resource["Properties"])).collect()
    }

    /// The properties of one resource.
    pub(super) fn properties(&self, name: &str) -> &Value {
        let properties = &self.value["Resources"][name]["Properties"];
        assert!(properties.is_object(), "there is no resource {name}");
        properties
    }
}

/// The text of a template.
pub(super) fn source(name: &str) -> String {
    let path = tree::root().join("infra").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What a value comes to, in one line: `!Ref X` as `${X}`, `!GetAtt X.Arn` as `${X.Arn}`, an import as `import:NAME`. The
/// prefix of ARNs is left out up to the service.
pub(super) fn text(value: &Value) -> String {
    const ARN: [&str; 3] = ["arn:${AWS::Partition}:", "${AWS::Region}:${AWS::AccountId}:", ":${AWS::AccountId}:"];
    match value {
        Value::String(text) => ARN.iter().fold(text.clone(), |text, part| text.replace(part, "")),
        Value::Object(call) => match call.iter().next().map(|(name, argument)| (name.as_str(), argument)) {
            Some(("Ref" | "Fn::GetAtt", argument)) => format!("${{{}}}", text(argument)),
            Some(("Fn::Sub", argument)) => text(argument),
            Some(("Fn::ImportValue", argument)) => format!("import:{}", text(argument)),
            _ => value.to_string(),
        },
        other => other.to_string(),
    }
}

/// The items of a list, or the one value that stands for a list.
pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or_else(|| std::slice::from_ref(value), Vec::as_slice)
}

fn json_of(yaml: &Yaml<'_>) -> Value {
    match yaml {
        Yaml::Value(scalar) => match scalar {
            Scalar::Null => Value::Null,
            Scalar::Boolean(value) => json!(value),
            Scalar::Integer(value) => json!(value),
            Scalar::FloatingPoint(value) => Number::from_f64(value.into_inner()).map_or(Value::Null, Value::Number),
            Scalar::String(value) => json!(value),
        },
        Yaml::Sequence(items) => items.iter().map(json_of).collect(),
        Yaml::Mapping(fields) => {
            Value::Object(fields.iter().map(|(name, value)| (text(&json_of(name)), json_of(value))).collect())
        }
        Yaml::Tagged(tag, value) => {
            let name = if tag.suffix == "Ref" { "Ref".to_owned() } else { format!("Fn::{}", tag.suffix) };
            Value::Object(Map::from_iter([(name, json_of(value))]))
        }
        other => panic!("not expected in a template: {other:?}"),
    }
}

#[test]
fn short_forms_are_calls() {
    let template = Template::parse(
        "Resources:\n  A:\n    Type: T\n    Properties: { B: !Ref C, D: !GetAtt E.Arn, F: [1, !Sub \"x-${G}\"],\n      \
         H: !ImportValue { \"Fn::Sub\": \"y-${G}\" }, I: !If [J, { K: \"7\" }, !Ref AWS::NoValue] }\n",
    );
    let [(name, properties)] = template.resources("T")[..] else { panic!("one resource") };
    assert_eq!(name, "A");
    let texts = [&properties["B"], &properties["D"], &properties["F"][1], &properties["H"]].map(text);
    assert_eq!(texts, ["${C}", "${E.Arn}", "x-${G}", "import:y-${G}"]);
    assert_eq!(properties["I"], json!({"Fn::If": ["J", {"K": "7"}, {"Ref": "AWS::NoValue"}]}));
    assert_eq!(properties["F"][0], 1);
    let arn = json!({"Fn::Sub": "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:q"});
    assert_eq!(text(&arn), "sqs:q");
}
