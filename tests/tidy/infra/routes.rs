//! The routes of the HTTP API are the operations of the code, and each leads to the function that has it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use homing_credentials::DeviceKeys;
use homing_domain::UnixMillis;
use homing_endpoint::{Edge, EdgeLimits, EdgeParts};
use homing_ports::{Clock, Entropy};
use homing_store_embedded::EmbeddedStore;
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;

use super::template::{Template, text};
use crate::report;

/// Stands still: nothing is asked here.
#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn now(&self) -> UnixMillis {
        UnixMillis(0)
    }
}

impl Entropy for Still {
    fn random_16(&self) -> [u8; 16] {
        [0; 16]
    }
}

/// `METHOD path` of a router's operations.
fn operations(router: OpenApiRouter) -> BTreeSet<String> {
    let document = router.split_for_parts().1.to_json().expect("the document is JSON");
    let document: Value = serde_json::from_str(&document).expect("and reads back");
    let paths = document["paths"].as_object().expect("it has paths");
    paths
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().expect("a path has methods").keys();
            methods.map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect()
}

/// Which operations the code has, by the resource of the function that answers them.
fn operations_of_code() -> BTreeMap<&'static str, BTreeSet<String>> {
    let directory = tempfile::tempdir().expect("a directory");
    let edge = Edge::new(EdgeParts {
        ports: Arc::new(EmbeddedStore::open(directory.path(), Arc::new(Still)).expect("a store")),
        clock: Arc::new(Still),
        entropy: Arc::new(Still),
        keys: Arc::new(DeviceKeys::new(1, [(1, [1; 32])]).expect("keys")),
        fleet_secret: homing_credentials::FleetSecret::new([7; 32]),
        public_url: None,
        limits: EdgeLimits::default(),
    });
    [
        ("IntakeHttp", homing_intake::router(edge.clone())),
        ("Binding", homing_binding::router(edge.clone())),
        ("ReceiptsHttp", homing_receipts::router(edge.clone())),
        ("Query", homing_query::router(edge.clone())),
        ("Console", homing_console::router(edge)),
    ]
    .map(|(function, router)| (function, operations(router)))
    .into()
}

/// Which routes the template has, by the resource of the function that they lead to.
fn routes_of_template(template: &Template) -> BTreeMap<String, BTreeSet<String>> {
    let mut routes = BTreeMap::<String, BTreeSet<String>>::new();
    for (_, route) in template.resources("AWS::ApiGatewayV2::Route") {
        let target = text(&route["Target"]);
        let integration = target.strip_prefix("integrations/${").and_then(|rest| rest.strip_suffix('}'));
        let integration = template.properties(integration.expect("a route leads to an integration"));
        let function = text(&integration["IntegrationUri"]).replace(".Arn}", "").replace("${", "");
        routes.entry(function).or_default().insert(text(&route["RouteKey"]));
    }
    routes
}

fn judge(template: &Template, code: &BTreeMap<&'static str, BTreeSet<String>>) -> Vec<String> {
    let routes = routes_of_template(template);
    let permitted: BTreeSet<_> =
        template.resources("AWS::Lambda::Permission").iter().map(|(_, it)| text(&it["FunctionName"])).collect();
    let none = BTreeSet::new();
    let mut violations = Vec::new();
    for (function, operations) in code {
        let routed = routes.get(*function).unwrap_or(&none);
        violations.extend(operations.difference(routed).map(|missing| format!("no route to {function}: {missing}")));
        violations
            .extend(routed.difference(operations).map(|left| format!("{function} has no such operation: {left}")));
        if !permitted.contains(&format!("${{{function}}}")) {
            violations.push(format!("API Gateway has no permission to invoke {function}"));
        }
    }
    let strangers = routes.keys().filter(|function| !code.contains_key(function.as_str()));
    violations.extend(strangers.map(|function| format!("{function} answers no HTTP")));
    violations
}

#[test]
fn routes_are_the_operations_of_the_code() {
    report(
        "infra/functions.yaml has one route for each operation of the OpenAPI document, to the function that has it.",
        "an operation without a route is missing on AWS only, and no other test would see it",
        &judge(&Template::read("functions.yaml"), &operations_of_code()),
    );
}

#[test]
fn planted_routes_are_found() {
    let source = super::template::source("functions.yaml");
    let code = operations_of_code();
    let found = |from: &str, to: &str| {
        assert!(source.contains(from), "{from}");
        judge(&Template::parse(&source.replacen(from, to, 1)), &code).len()
    };
    assert_eq!(found("GET /v1/route", "GET /v1/routes"), 2);
    assert_eq!(found("IntegrationUri: !GetAtt Query.Arn", "IntegrationUri: !GetAtt Fanout.Arn"), 9);
    assert_eq!(found("FunctionName: !Ref Binding\n", "FunctionName: !Ref Query\n"), 1);
}
