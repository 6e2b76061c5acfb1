use super::super::setting::{SETTINGS, command};
use super::*;

const SECRET: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";

fn environment(variables: &[(&str, &str)]) -> Environment {
    Environment(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}

fn read(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Config, ProcessError> {
    Config::read(std::iter::once("homing-gateway").chain(arguments.iter().copied()), &environment(variables))
}

const NEEDED: [&str; 6] = ["--certificate", "c.pem", "--key", "k.pem", "--server-id", "0x0123456789abcdef"];

#[test]
fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("gateway.toml");
    std::fs::write(&file, "region = \"from-file\"\nmax_links = 3\ndrain_within_seconds = 7").unwrap();
    let variables = [
        ("HOMING_FLEET_SECRET", SECRET),
        ("HOMING_GATEWAY_CONFIG", file.to_str().unwrap()),
        ("HOMING_GATEWAY_MAX_LINKS", "4"),
        ("HOMING_GATEWAY_REGION", "from-environment"),
        ("HOMING_GATEWAY_QUEUE_PREFIX", "homing-dev-gateway-"),
        ("HOMING_TABLE_MAILBOXES", "mailboxes"),
    ];
    let config = read(&[&NEEDED[..], &["--region", "from-flag"]].concat(), &variables).unwrap();
    assert_eq!(config.gateway.region, "from-flag");
    assert_eq!(config.gateway.admission.max_links, 4);
    assert_eq!(config.drain_within, Duration::from_secs(7));
    assert_eq!(config.gateway.server_id.to_string(), "0x0123456789abcdef");
    assert_eq!(config.aws.mailboxes.as_deref(), Some("mailboxes"));
    assert_eq!(config.aws.gateway_queue_prefix.as_deref(), Some("homing-dev-gateway-"));
    assert_eq!((config.admin_token, config.drain_spread), (None, None));
}

#[test]
fn everything_wrong_is_reported_at_once_and_no_secret_shown() {
    let variables = [
        ("HOMING_FLEET_SECRET", "do-not-show"),
        ("HOMING_GATEWAY_LISTEN", "nowhere"),
        ("HOMING_GATEWAY_MAX_LINK", "1"),
    ];
    let error = read(&["--server-id", "7", "--notice-receivers", "none"], &variables).unwrap_err();
    assert_eq!(error.exit_code(), 78);
    let text = error.to_string();
    for expected in [
        "HOMING_GATEWAY_MAX_LINK (environment): there is no such setting",
        "fleet-secret (HOMING_FLEET_SECRET): must be 32 bytes",
        "server-id (--server-id): \"7\" is not 0x",
        "listen (HOMING_GATEWAY_LISTEN): \"nowhere\" is not an address",
        "notice-receivers (--notice-receivers): \"none\" is not a number",
        "certificate (default): must be set",
        "key (default): must be set",
    ] {
        assert!(text.contains(expected), "{expected} is not in:\n{text}");
    }
    assert!(!text.contains("do-not-show"), "{text}");
}

#[test]
fn a_server_id_of_its_own_is_kept_across_restarts() {
    let directory = tempfile::tempdir().unwrap();
    let secret = directory.path().join("secret");
    std::fs::write(&secret, format!("{SECRET}\n")).unwrap();
    let state = directory.path().join("state");
    let arguments = [
        "--certificate",
        "c.pem",
        "--key",
        "k.pem",
        "--fleet-secret-file",
        secret.to_str().unwrap(),
        "--state-dir",
        state.to_str().unwrap(),
    ];
    let first = read(&arguments, &[]).unwrap().gateway.server_id;
    assert_eq!(read(&arguments, &[]).unwrap().gateway.server_id, first);
    assert_ne!(first, ServerId([0; 8]));
    std::fs::write(state.join("server-id"), "damaged").unwrap();
    assert_eq!(read(&arguments, &[]).unwrap_err().exit_code(), 65);
}

#[test]
fn secrets_have_no_flag() {
    command().debug_assert();
    for setting in SETTINGS {
        let has_flag = command().get_arguments().any(|argument| argument.get_id() == setting.name);
        assert_eq!(has_flag, !setting.is_secret, "{}", setting.name);
    }
}

#[test]
fn the_documents_name_every_setting_with_its_default() {
    let document = include_str!("../../../../docs/gateway.md");
    for setting in SETTINGS {
        let default = if setting.default.is_empty() { "none".to_owned() } else { format!("`{}`", setting.default) };
        let row = format!("| `{}` | {default} | {} |", setting.name, setting.purpose);
        assert!(document.contains(&row), "docs/gateway.md lacks: {row}");
    }
}
