//! Where settings come from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::setting::SETTINGS;

/// Something that may know values of settings.
pub trait Source {
    /// The value of a setting, as text.
    fn value(&self, name: &str) -> Option<String>;

    /// Where that value stands, for a person to find it.
    fn origin(&self, name: &str) -> String;

    /// What it holds that is no setting, in words.
    fn unknown(&self) -> Vec<String> {
        Vec::new()
    }
}

/// The command line: names as settings have them.
#[derive(Clone, Debug, Default)]
pub struct Flags(pub BTreeMap<&'static str, String>);

impl Source for Flags {
    fn value(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }

    fn origin(&self, name: &str) -> String {
        format!("--{}", name.replace(['.', '_'], "-"))
    }
}

/// How the name of every variable of ours begins.
const PREFIX: &str = "HOMING_";
/// Variables that only the client commands read.
const OF_CLIENTS: [&str; 7] = ["ADMIN_TOKEN", "APP", "CA", "CONFIG", "PROFILE", "SERVER", "TOKEN"];

/// The process environment, as it was when the process read it.
#[derive(Clone, Debug, Default)]
pub struct Environment(pub BTreeMap<String, String>);

impl Environment {
    /// Takes the variables of this process that start with `HOMING_`.
    #[must_use]
    pub fn of_process() -> Self {
        let ours = std::env::vars_os().filter_map(|(name, value)| {
            let (name, value) = (name.into_string().ok()?, value.into_string().ok()?);
            name.starts_with(PREFIX).then_some((name, value))
        });
        Self(ours.collect())
    }

    /// One variable.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn name_of(setting: &str) -> String {
        format!("{PREFIX}{}", setting.replace('.', "_").to_ascii_uppercase())
    }
}

impl Source for Environment {
    fn value(&self, name: &str) -> Option<String> {
        self.0.get(&Self::name_of(name)).cloned()
    }

    fn origin(&self, name: &str) -> String {
        Self::name_of(name)
    }

    fn unknown(&self) -> Vec<String> {
        let is_known = |variable: &str| {
            SETTINGS.iter().any(|setting| Self::name_of(setting.name) == variable)
                || variable.strip_prefix(PREFIX).is_some_and(|rest| OF_CLIENTS.contains(&rest))
        };
        let strangers = self.0.keys().filter(|variable| !is_known(variable));
        strangers.map(|variable| format!("{variable} (environment): there is no such setting")).collect()
    }
}

/// The file cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It cannot be read.
    #[error("cannot read the configuration file {}: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no TOML.
    #[error("the configuration file {} is not valid TOML: {message}", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        message: String,
    },
}

/// A TOML file, flattened to dotted names.
#[derive(Clone, Debug, Default)]
pub struct FileSource {
    path: PathBuf,
    values: BTreeMap<String, String>,
    unknown: Vec<String>,
}

impl FileSource {
    /// Reads a file.
    ///
    /// # Errors
    /// [`SourceError`] when it cannot be read or is no TOML. Unknown names come with the other configuration errors.
    pub fn read(path: &Path) -> Result<Self, SourceError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| SourceError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(path, &text)
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// [`SourceError::Malformed`].
    pub fn parse(path: &Path, text: &str) -> Result<Self, SourceError> {
        let table: toml::Table = toml::from_str(text)
            .map_err(|error| SourceError::Malformed { path: path.to_owned(), message: error.to_string() })?;
        let mut source = Self { path: path.to_owned(), ..Self::default() };
        source.flatten("", &table);
        Ok(source)
    }

    fn flatten(&mut self, prefix: &str, table: &toml::Table) {
        for (key, value) in table {
            let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
            let known = SETTINGS.iter().any(|setting| setting.name == name);
            match value {
                toml::Value::Table(inner) if !known => self.flatten(&name, inner),
                _ if !known => self.unknown.push(format!("{name} ({}): there is no such setting", self.path.display())),
                toml::Value::String(text) => {
                    self.values.insert(name, text.clone());
                }
                toml::Value::Array(items) => {
                    let texts: Vec<_> = items.iter().map(|item| item.as_str().unwrap_or_default()).collect();
                    self.values.insert(name, texts.join(","));
                }
                other => {
                    self.values.insert(name, other.to_string());
                }
            }
        }
    }
}

impl Source for FileSource {
    fn value(&self, name: &str) -> Option<String> {
        self.values.get(name).cloned()
    }

    fn origin(&self, _name: &str) -> String {
        self.path.display().to_string()
    }

    fn unknown(&self) -> Vec<String> {
        self.unknown.clone()
    }
}
