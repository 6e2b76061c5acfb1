use std::collections::BTreeMap;
use std::path::Path;

use homing_domain::Channel;

use super::*;

fn file(text: &str) -> FileSource {
    FileSource::parse(Path::new("homing.toml"), text).unwrap()
}

#[test]
fn the_defaults_are_a_valid_configuration() {
    let config = Config::read(&[]).unwrap();
    assert_eq!(config.http, Some("127.0.0.1:8080".parse().unwrap()));
    assert_eq!(config.gateway.listen, "0.0.0.0:7443".parse().unwrap());
    assert_eq!((config.drill, config.stand_in_vendor), (None, None));
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let file = file("stand_in_vendor = \"pushes\"\nworkers = 3\nstop_within_seconds = 5\ndata_dir = \"from-file\"");
    let environment =
        Environment([("HOMING_WORKERS".into(), "4".into()), ("HOMING_DATA_DIR".into(), "from-env".into())].into());
    let flags = Flags(BTreeMap::from([("data_dir", "from-flag".to_owned())]));
    let config = Config::read(&[&flags, &environment, &file]).unwrap();
    assert_eq!(config.data_dir, Path::new("from-flag"));
    assert_eq!(config.stand_in_vendor.as_deref(), Some(Path::new("pushes")));
    assert_eq!(config.workers, 4);
    assert_eq!(config.stop_within, 5_000);
}

#[test]
fn everything_wrong_is_reported_at_once_with_names_and_places() {
    let file = file("typo = 1\n[gateway]\nlisten = \"nowhere\"\nmax_link = 2\n[tls]\nkey = \"k.pem\"");
    let environment = Environment(
        [
            ("HOMING_HTTP_LISTEN".into(), "0.0.0.0:80".into()),
            ("HOMING_WORKERS".into(), "many".into()),
            ("HOMING_FAIL_POINT".into(), "nowhere:1".into()),
            ("HOMING_HTTP_LISTENS".into(), "off".into()),
            ("HOMING_ADMIN_TOKEN".into(), "hma_x".into()),
        ]
        .into(),
    );
    let ConfigErrors(errors) = Config::read(&[&environment, &file]).unwrap_err();
    let all = errors.join("\n");
    for expected in [
        "typo (homing.toml): there is no such setting",
        "gateway.max_link (homing.toml): there is no such setting",
        "gateway.listen (homing.toml): \"nowhere\" is not an address",
        "tls.key (homing.toml): needs tls.certificate",
        "workers (HOMING_WORKERS): \"many\" is not a number",
        "fail_point (HOMING_FAIL_POINT)",
        "HOMING_HTTP_LISTENS (environment): there is no such setting",
        "http.listen (HOMING_HTTP_LISTEN): plain HTTP is for loopback only",
    ] {
        assert!(all.contains(expected), "{expected} is not in:\n{all}");
    }
    assert_eq!(errors.len(), 8, "{all}");
}

#[test]
fn listeners_can_be_off_but_not_both() {
    let config = Config::read(&[&file("http.listen = \"off\"")]).unwrap();
    assert_eq!(config.http, None);
    assert!(Config::read(&[&file("http.listen = \"off\"\nhttps.listen = \"off\"")]).is_err());
}

#[test]
fn arrays_and_numbers_of_the_file_are_taken() {
    let config = Config::read(&[&file("hosts = [\"a.example\", \"10.0.0.1\"]\nworkers = 7")]).unwrap();
    assert_eq!(config.hosts, ["a.example", "10.0.0.1"]);
    assert_eq!(config.workers, 7);
}

#[test]
fn the_documents_name_every_setting_with_its_default() {
    let document = include_str!("../../../../docs/OPERATIONS.md");
    for setting in SETTINGS.iter().filter(|setting| setting.name != "fail_point") {
        let default = if setting.default.is_empty() { "none".to_owned() } else { format!("`{}`", setting.default) };
        let row = format!("| `{}` | {default} | {} |", setting.name, setting.purpose);
        assert!(document.contains(&row), "docs/OPERATIONS.md lacks: {row}");
    }
}

#[test]
fn vendors_move_one_by_one_or_all_together() {
    let read = |text: &str| Config::read(&[&Flags(BTreeMap::from([("vendors.origins", text.to_owned())]))]);
    let config = read("http://127.0.0.1:9700/, fcm=https://proxy.example/google").unwrap();
    assert_eq!(config.vendor_origins.redirects(Channel::Apns), Some("http://127.0.0.1:9700/apns"));
    assert_eq!(config.vendor_origins.redirects(Channel::Fcm), Some("https://proxy.example/google"));
    assert_eq!(
        config.outbound.redirected,
        ["http://127.0.0.1:9700", "https://proxy.example"].map(str::to_owned).into()
    );
    for wrong in ["127.0.0.1:9700", "own=http://127.0.0.1", "fax=http://127.0.0.1", "fcm=", "ftp://127.0.0.1"] {
        let error = read(wrong).unwrap_err().to_string();
        assert!(error.contains("vendors.origins ("), "{error}");
    }
    assert_eq!(Config::read(&[]).unwrap().vendor_origins, Origins::production());
}

#[test]
fn mail_needs_its_sender_and_its_password_is_never_told() {
    let read = |settings: &[(&'static str, &str)]| {
        let flags = settings.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Config::read(&[&Flags(flags)])
    };
    let config = read(&[("mail.smtp_url", "smtp://ops:hunter2@mail.example"), ("mail.from", "a@b.cn")]).unwrap();
    assert!(config.mail.is_some() && !format!("{config:?}").contains("hunter2"));
    let error = read(&[("mail.smtp_url", "smtp://ops:hunter2@mail.example")]).unwrap_err().to_string();
    assert!(error.contains("mail.from") && !error.contains("hunter2"), "{error}");
    let config =
        read(&[("public_url", "https://push.example.com/"), ("outbound.origins", "http://127.0.0.1:1/x")]).unwrap();
    assert_eq!(config.public_url.as_deref(), Some("https://push.example.com"));
    assert_eq!(config.outbound.redirected, ["http://127.0.0.1:1".to_owned()].into());
    assert!(read(&[("public_url", "push.example.com")]).is_err());
}
