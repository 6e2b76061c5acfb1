//! Facts about Network Load Balancers and devices that infra/gateway.yaml must respect, and no linter knows.

use serde_json::Value;

use super::settings::user_data;
use super::template::{Template, source};
use crate::report;

/// The longest silence of a device on TCP, in seconds (`homing_link`'s heartbeat limits), with room for a lost heartbeat.
const TCP_IDLE_MIN_SECONDS: u64 = 2 * 600;

fn attribute(resource: &Value, list: &str, key: &str) -> Option<String> {
    let attributes = resource[list].as_array()?;
    let found = attributes.iter().find(|attribute| attribute["Key"] == key)?;
    found["Value"].as_str().map(str::to_owned)
}

fn number(text: &str, name: &str) -> u64 {
    let after = text.split_once(&format!("{name}=")).map_or("", |(_, rest)| rest);
    after.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap_or(0)
}

fn judge(template: &Template, service: &str) -> Vec<String> {
    let (balancer, targets) = (template.properties("Balancer"), template.properties("Targets"));
    let (listener, fleet) = (template.properties("Listener"), template.properties("Fleet"));
    let user_data = user_data(template);
    let listeners = template.resources("AWS::ElasticLoadBalancingV2::Listener").len();
    let target = |key| attribute(targets, "TargetGroupAttributes", key);
    let idle = attribute(listener, "ListenerAttributes", "tcp.idle_timeout.seconds");
    let idle = idle.and_then(|seconds| seconds.parse::<u64>().ok()).unwrap_or(0);
    let hook = &fleet["LifecycleHookSpecificationList"][0];
    let (drain, stop) = (number(&user_data, "DRAIN_WITHIN_SECONDS"), number(service, "TimeoutStopSec"));
    let egress = &template.properties("Network")["SecurityGroupEgress"];
    let tracking = &template.properties("Template")["LaunchTemplateData"]["NetworkInterfaces"][0]["ConnectionTrackingSpecification"];
    let no = Some("false".to_owned());
    let facts = [
        (
            "QUIC is passed on, and TCP beside it on the same port",
            [listener, targets].iter().all(|it| it["Protocol"] == "TCP_QUIC"),
        ),
        ("TLS ends in the gateway: its Hello is bound to the TLS session", listener["Certificates"].is_null()),
        ("one QUIC listener per load balancer", listeners == 1),
        ("no dual stack with QUIC", balancer["IpAddressType"] == "ipv4"),
        ("no security groups with QUIC", balancer["SecurityGroups"].is_null()),
        ("devices on TCP are silent for up to ten minutes", idle >= TCP_IDLE_MIN_SECONDS),
        ("admission goes by the device's address", target("preserve_client_ip.enabled") == Some("true".to_owned())),
        (
            "an unhealthy gateway may be draining, and keeps its links",
            target("target_health_state.unhealthy.connection_termination.enabled") == no
                && target("deregistration_delay.connection_termination.enabled") == no,
        ),
        ("an Auto Scaling group registers targets without a server id", fleet["TargetGroupARNs"].is_null()),
        ("health is readiness", targets["HealthCheckPath"] == "/readyz" && targets["HealthCheckProtocol"] == "HTTP"),
        (
            "health is asked where the gateway answers",
            targets["HealthCheckPort"]
                .as_str()
                .is_some_and(|port| user_data.contains(&format!("ADMIN_LISTEN=0.0.0.0:{port}\n"))),
        ),
        ("a full or draining gateway is not killed for it", fleet["HealthCheckType"] == "EC2"),
        (
            "the hook waits longer than the service stops, and the service longer than the gateway drains",
            hook["LifecycleTransition"] == "autoscaling:EC2_INSTANCE_TERMINATING"
                && hook["HeartbeatTimeout"].as_u64().is_some_and(|seconds| seconds > stop)
                && stop > drain
                && drain > 0,
        ),
        ("a push to a silent device is a new flow outwards", egress[0]["IpProtocol"] == "-1"),
        (
            "an idle TCP link outlives ten minutes in the security group",
            tracking["TcpEstablishedTimeout"].as_u64() >= Some(3_600),
        ),
        (
            "credentials of an instance only by session tokens",
            template.properties("Template")["LaunchTemplateData"]["MetadataOptions"]["HttpTokens"] == "required",
        ),
    ];
    facts.iter().filter(|(_, holds)| !holds).map(|(fact, _)| (*fact).to_owned()).collect()
}

#[test]
fn the_fleet_respects_what_load_balancers_and_devices_do() {
    report(
        "infra/gateway.yaml respects what AWS's load balancer does with QUIC and TCP links.",
        "the fleet cannot be run in a test: these are the facts it was written by",
        &judge(&Template::read("gateway.yaml"), &source("gateway/homing-gateway.service")),
    );
}

#[test]
fn a_gateway_registers_with_its_server_id_and_deregisters_last() {
    let register = source("gateway/register");
    assert!(register.contains("QuicServerId=$SERVER_ID"), "the load balancer drops packets of unknown server ids");
    assert!(source("gateway/bootstrap").contains("server_id=0x$(printf '%s' \"${instance#i-}\" | tail -c 16)"));
    let drain = source("gateway/drain");
    let at = |text: &str| drain.find(text).unwrap_or_else(|| panic!("drain does not {text}"));
    assert!(at("systemctl stop homing-gateway") < at("deregister-targets"), "links must be gone before");
    assert!(at("deregister-targets") < at("complete-lifecycle-action"));
}

#[test]
fn planted_facts_are_found() {
    let (source, service) = (source("gateway.yaml"), source("gateway/homing-gateway.service"));
    for (from, to) in [
        ("Protocol: TCP_QUIC", "Protocol: TCP_UDP"),
        ("IpAddressType: ipv4", "IpAddressType: dualstack"),
        ("seconds, Value: \"1200\"", "seconds, Value: \"350\""),
        ("HealthCheckPath: /readyz", "HealthCheckPath: /healthz"),
        ("HealthCheckType: EC2", "HealthCheckType: ELB"),
        ("HeartbeatTimeout: 1200", "HeartbeatTimeout: 600"),
        ("connection_termination.enabled, Value: \"false\"", "connection_termination.enabled, Value: \"true\""),
        ("HttpTokens: required", "HttpTokens: optional"),
    ] {
        assert!(source.contains(from), "{from}");
        let found = judge(&Template::parse(&source.replacen(from, to, 1)), &service);
        assert_eq!(found.len(), 1, "{from} -> {to}: {found:?}");
    }
    assert_eq!(judge(&Template::parse(&source), "TimeoutStopSec=60").len(), 1);
}
