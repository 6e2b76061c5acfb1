//! The environment variables that the templates set are settings that somebody reads, with the names of the right things.

use std::collections::BTreeSet;
use std::fs;

use homing_store_aws::AwsSettings;
use serde_json::Value;

use super::functions::functions;
use super::template::{Template, text};
use crate::{report, tree};

/// What a setting must name.
fn expected(name: &str) -> Option<String> {
    let lower = |rest: &str| rest.to_lowercase();
    let value = if let Some(table) = name.strip_prefix("HOMING_TABLE_") {
        format!("homing-${{Environment}}-{}", lower(table))
    } else if let Some(queue) = name.strip_prefix("HOMING_QUEUE_") {
        format!("import:homing-${{Environment}}-queue-{}", lower(queue))
    } else if let Some(queue) = name.strip_prefix("HOMING_DEAD_") {
        format!("import:homing-${{Environment}}-dead-{}", lower(queue))
    } else {
        match name {
            "HOMING_GATEWAY_QUEUE_PREFIX" => "homing-${Environment}-gateway-",
            "HOMING_EVENT_BUS" | "HOMING_SCHEDULE_GROUP" => "homing-${Environment}",
            "HOMING_SCHEDULE_ROLE_ARN" => "iam:role/homing-${Environment}-schedule",
            "HOMING_DUE_QUEUE_ARN" => "sqs:homing-${Environment}-due",
            "HOMING_FLEET_SECRET" => "{{resolve:secretsmanager:homing-${Environment}-fleet-secret:SecretString}}",
            "HOMING_APP_QUOTA_PER_SECOND" => "${AppQuotaPerSecond}",
            "HOMING_TIMER_IN_QUEUE_SECONDS" => "${TimerInQueueSeconds}",
            _ => return None,
        }
        .to_owned()
    };
    Some(value)
}

/// Names that the host of the functions reads beside those of the store.
fn names_of_host() -> BTreeSet<String> {
    let path = tree::root().join("crates/function-host/src/environment.rs");
    let source = fs::read_to_string(path).expect("the host of the functions reads its settings here");
    source.split('"').filter(|literal| literal.starts_with("HOMING_")).map(str::to_owned).collect()
}

/// Names that a gateway reads beside those of the store: `open("name", …)` and `secret("name", …)`.
fn names_of_gateway() -> BTreeSet<String> {
    let path = tree::root().join("edge-gateway/src/process/setting.rs");
    let source = fs::read_to_string(path).expect("the gateway's settings stand here");
    let calls = source.lines().filter_map(|line| {
        let line = line.trim_start();
        let rest = line.strip_prefix("open(\"").or_else(|| line.strip_prefix("secret(\""))?;
        Some(format!("HOMING_GATEWAY_{}", rest.split('"').next()?.to_uppercase().replace('-', "_")))
    });
    calls.collect()
}

fn judge_value(owner: &str, name: &str, value: &Value, known: &BTreeSet<String>) -> Option<String> {
    let found = text(value);
    let is_right = known.contains(name) && expected(name).is_none_or(|expected| expected == found);
    (!is_right).then(|| format!("{owner}: {name} = {found}"))
}

#[test]
fn settings_of_functions_are_read_and_name_the_right_things() {
    let mut known = names_of_host();
    known.extend(AwsSettings::names());
    let template = Template::read("functions.yaml");
    let violations: Vec<_> = functions(&template)
        .iter()
        .flat_map(|it| it.variables.iter().filter_map(|(name, value)| judge_value(it.resource, name, value, &known)))
        .collect();
    report(
        "A function's environment variables are settings that its host or the AWS adapter reads, each with its resource.",
        "a misspelt name is a setting that is missing, and shows only when the function needs it",
        &violations,
    );
}

/// `NAME=value` lines between a line that writes a file and the end of that file.
fn written_file<'t>(user_data: &'t str, path: &str) -> Vec<(&'t str, &'t str)> {
    let after = user_data.split_once(&format!("cat > {path} << 'END'\n")).expect("user data writes the file").1;
    after.lines().take_while(|line| *line != "END").filter_map(|line| line.split_once('=')).collect()
}

/// What the template's user data writes into a file.
pub(super) fn user_data(template: &Template) -> String {
    let data = &template.properties("Template")["LaunchTemplateData"]["UserData"]["Fn::Base64"]["Fn::Sub"][0];
    data.as_str().expect("user data is one text").to_owned()
}

#[test]
fn settings_of_gateways_are_read_and_name_the_right_things() {
    let mut known = names_of_gateway();
    assert!(known.contains("HOMING_GATEWAY_ADMIN_LISTEN"), "{known:?}");
    known.extend(AwsSettings::names());
    let user_data = user_data(&Template::read("gateway.yaml"));
    let set = written_file(&user_data, "/etc/homing/gateway.env");
    let is_known = |name: &str| known.contains(name) || name == "AWS_REGION";
    let strangers: Vec<_> = set.iter().filter(|(name, _)| !is_known(name)).collect();
    assert!(strangers.is_empty(), "no gateway reads {strangers:?}");
    for (name, value) in set {
        let expected = expected(name).filter(|expected| !expected.starts_with("import:"));
        assert!(expected.is_none_or(|expected| expected == value), "{name}={value}");
    }
}

#[test]
fn what_the_scripts_of_an_instance_use_is_set() {
    let user_data = user_data(&Template::read("gateway.yaml"));
    let mut set: BTreeSet<_> =
        written_file(&user_data, "/etc/homing/fleet.env").into_iter().map(|(name, _)| name.to_owned()).collect();
    set.extend(["INSTANCE", "SERVER_ID", "HOST"].map(str::to_owned)); // by bootstrap
    let mut used = BTreeSet::new();
    for script in ["bootstrap", "drain", "register", "secrets"] {
        let path = tree::root().join("infra/gateway").join(script);
        let script = fs::read_to_string(path).expect("a script");
        for rest in script.split('$').skip(1) {
            let name: String =
                rest.trim_start_matches('{').chars().take_while(|c| c.is_ascii_uppercase() || *c == '_').collect();
            if name.len() > 1 {
                used.insert(name);
            }
        }
    }
    assert!(used.contains("TARGET_GROUP"), "{used:?}");
    let missing: Vec<_> = used.difference(&set).collect();
    assert!(missing.is_empty(), "scripts of infra/gateway use what nobody sets: {missing:?}");
}

#[test]
fn planted_settings_are_found() {
    let known = AwsSettings::names().into_iter().collect();
    let judge = |name, value: &str| judge_value("X", name, &Value::String(value.to_owned()), &known).is_some();
    assert!(judge("HOMING_TABLE_MAILBOX", "homing-${Environment}-mailbox"));
    assert!(judge("HOMING_TABLE_MAILBOXES", "homing-${Environment}-messages"));
    assert!(!judge("HOMING_TABLE_MAILBOXES", "homing-${Environment}-mailboxes"));
}
