//! The settings one by one, and where their values come from: flags win over the environment, that over the file, that
//! over the defaults.

use std::collections::BTreeMap;
use std::path::Path;

use clap::{Arg, Command};

use super::error::ProcessError;

/// How the variable of a setting begins.
const PREFIX: &str = "HOMING_GATEWAY_";
/// A variable with that beginning that names a resource (see the AWS adapter's settings).
const OF_ADAPTER: &str = "HOMING_GATEWAY_QUEUE_PREFIX";
/// The variable and the flag that name the file.
const CONFIG_VARIABLE: &str = "HOMING_GATEWAY_CONFIG";
const CONFIG_FLAG: &str = "config";

/// One thing that can be set.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its name on the command line, after `--`. The file has it with underscores, the environment so and in capitals after
    /// `HOMING_GATEWAY_`.
    pub name: &'static str,
    /// Its value when nobody sets it.
    pub default: &'static str,
    /// What it is for.
    pub purpose: &'static str,
    /// Whether it is a secret, which a command line would show to everybody on the machine.
    pub is_secret: bool,
}

const fn open(name: &'static str, default: &'static str, purpose: &'static str) -> Setting {
    Setting { name, default, purpose, is_secret: false }
}

const fn secret(name: &'static str, purpose: &'static str) -> Setting {
    Setting { name, default: "", purpose, is_secret: true }
}

/// Every setting, in the order of the documents.
pub const SETTINGS: &[Setting] = &[
    open("listen", "0.0.0.0:7443", "Device links, UDP (QUIC) and TCP (TLS) on one port number; port 0 = any free one"),
    open("advertise-host", "localhost", "The host name or address that devices are told"),
    open("advertise-port", "", "The port that devices are told, if another than the one listened on"),
    open("region", "", "Devices of this region prefer this gateway"),
    open("certificate", "", "Certificate chain, a PEM file; read again when it changes and at SIGHUP"),
    open("key", "", "Its private key, a PEM file"),
    open("admin-listen", "127.0.0.1:7480", "Health, metrics, figures and drain, plain HTTP; off = none"),
    secret("admin-token", "Bearer token of metrics, figures and drain for callers not on loopback"),
    open("server-id", "", "0x and 16 hex digits, unique in the fleet; without, kept in state-dir"),
    open("state-dir", "", "Where a server id of its own is kept across restarts"),
    secret("fleet-secret", "32 bytes in base64url, the same in the whole installation (HOMING_FLEET_SECRET)"),
    open("fleet-secret-file", "", "A file that holds it instead"),
    open("max-links", "200000", "Device links it takes at most"),
    open("handshakes-per-second", "2000", "New links per second, all together"),
    open("handshakes-per-address-per-second", "200", "New links per second from one address"),
    open("store-calls", "512", "Store calls of all links at the same time"),
    open("notice-receivers", "4", "Requests for notices at the same time"),
    open("receipts-linger-millis", "250", "Receipts wait so long for more before they are sent"),
    open("drain-spread-seconds", "", "Over which time devices move at SIGTERM; without, as their number suggests"),
    open("drain-within-seconds", "900", "How long SIGTERM waits for them; 0 = not at all"),
    open("stop-within-seconds", "20", "How long the links that remain may take to end"),
    open("log-format", "human", "human or json"),
    open("log-filter", "info", "Which logs, for example info,homing_edge_gateway=debug"),
];

impl Setting {
    fn variable(&self) -> String {
        if self.name == "fleet-secret" {
            // The functions have it under this name too.
            return "HOMING_FLEET_SECRET".to_owned();
        }
        format!("{PREFIX}{}", self.key().to_ascii_uppercase())
    }

    fn key(&self) -> String {
        self.name.replace('-', "_")
    }
}

/// The process's environment, as it was when it was read.
#[derive(Clone, Default)]
pub struct Environment(pub BTreeMap<String, String>);

impl std::fmt::Debug for Environment {
    /// The names only: some values are secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Environment {
    /// Takes the variables of this process that start with `HOMING_`.
    #[must_use]
    pub fn of_process() -> Self {
        let ours = std::env::vars_os().filter_map(|(name, value)| {
            let (name, value) = (name.into_string().ok()?, value.into_string().ok()?);
            name.starts_with("HOMING_").then_some((name, value))
        });
        Self(ours.collect())
    }

    /// One variable.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }
}

/// A value and where it stands.
pub(super) struct Found {
    pub(super) value: String,
    pub(super) origin: String,
}

/// All values, with what is wrong about the sources themselves.
pub(super) struct Sources {
    flags: BTreeMap<&'static str, String>,
    environment: BTreeMap<String, String>,
    file: BTreeMap<&'static str, String>,
    pub(super) errors: Vec<String>,
}

impl Sources {
    /// Reads the command line, the environment and the file that one of them names.
    pub(super) fn read<I, T>(arguments: I, environment: &Environment) -> Result<Self, ProcessError>
    where
        I: IntoIterator<Item = T>,
        T: Into<std::ffi::OsString> + Clone,
    {
        let matches = command().try_get_matches_from(arguments).map_err(ProcessError::Arguments)?;
        let given = |name: &str| matches.get_one::<String>(name).cloned();
        let flags = SETTINGS.iter().filter(|setting| !setting.is_secret);
        let flags = flags.filter_map(|setting| Some((setting.name, given(setting.name)?))).collect();
        let mut sources =
            Self { flags, environment: environment.0.clone(), file: BTreeMap::new(), errors: unknown(environment) };
        if let Some(path) = given(CONFIG_FLAG).or_else(|| environment.variable(CONFIG_VARIABLE)) {
            sources.read_file(Path::new(&path))?;
        }
        Ok(sources)
    }

    fn read_file(&mut self, path: &Path) -> Result<(), ProcessError> {
        let text = std::fs::read_to_string(path).map_err(|source| ProcessError::file(path, source))?;
        let table: toml::Table = toml::from_str(&text)
            .map_err(|error| ProcessError::Configuration(vec![format!("{}: {error}", path.display())]))?;
        for (name, value) in table {
            let Some(setting) = SETTINGS.iter().find(|setting| setting.key() == name) else {
                self.errors.push(format!("{name} ({}): there is no such setting", path.display()));
                continue;
            };
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            self.file.insert(setting.name, text);
        }
        Ok(())
    }

    pub(super) fn find(&self, name: &str) -> Found {
        let Some(setting) = SETTINGS.iter().find(|setting| setting.name == name) else {
            return Found { value: String::new(), origin: "unknown".to_owned() };
        };
        if let Some(value) = self.flags.get(name) {
            return Found { value: value.clone(), origin: format!("--{name}") };
        }
        let variable = setting.variable();
        if let Some(value) = self.environment.get(&variable) {
            return Found { value: value.clone(), origin: variable };
        }
        match self.file.get(name) {
            Some(value) => Found { value: value.clone(), origin: "file".to_owned() },
            None => Found { value: setting.default.to_owned(), origin: "default".to_owned() },
        }
    }
}

/// Misspelt variables.
fn unknown(environment: &Environment) -> Vec<String> {
    let is_known = |variable: &str| {
        [OF_ADAPTER, CONFIG_VARIABLE].contains(&variable)
            || SETTINGS.iter().any(|setting| setting.variable() == variable)
    };
    let strangers = environment.0.keys().filter(|variable| variable.starts_with(PREFIX) && !is_known(variable));
    strangers.map(|variable| format!("{variable} (environment): there is no such setting")).collect()
}

/// The command line's shape.
pub(super) fn command() -> Command {
    let config = Arg::new(CONFIG_FLAG).long(CONFIG_FLAG).value_name("FILE").help("Configuration file (TOML)");
    let flags = SETTINGS.iter().filter(|setting| !setting.is_secret).map(|setting| {
        let default =
            if setting.default.is_empty() { String::new() } else { format!(" [default: {}]", setting.default) };
        Arg::new(setting.name).long(setting.name).value_name("VALUE").help(format!("{}{default}", setting.purpose))
    });
    Command::new("homing-gateway")
        .version(env!("CARGO_PKG_VERSION"))
        .about("A gateway of Homing: holds device links over QUIC and TLS")
        .after_help("Secrets come by the environment or the file: HOMING_FLEET_SECRET, HOMING_GATEWAY_ADMIN_TOKEN.")
        .max_term_width(110)
        .arg(config)
        .args(flags)
}
