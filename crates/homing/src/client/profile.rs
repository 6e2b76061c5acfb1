//! What the command line remembers between commands, so that a tour needs little typing.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Keys of an app.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppKeys {
    /// For business systems.
    pub server_key: String,
    /// For registering devices.
    pub client_key: String,
}

impl std::fmt::Debug for AppKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AppKeys(redacted)")
    }
}

/// The file's content. It holds keys, so it is readable by its owner only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The app used when none is named.
    #[serde(default)]
    pub app: Option<String>,
    /// Keys by app.
    #[serde(default)]
    pub apps: BTreeMap<String, AppKeys>,
    /// The device used when none is named.
    #[serde(default)]
    pub device: Option<PathBuf>,
}

impl Profile {
    /// Reads a profile; one that is not there is empty.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn load(path: &Path) -> io::Result<Self> {
        match std::fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::from),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// Writes it in one step.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        write_private(path, &serde_json::to_vec_pretty(self)?)
    }
}

/// Writes a file that only its owner may read, in one step.
///
/// # Errors
/// When it cannot be written.
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_back_and_hides_its_keys() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("profile.json");
        assert_eq!(Profile::load(&path).unwrap(), Profile::default());
        let keys = AppKeys { server_key: "hms_x".into(), client_key: "hmc_x".into() };
        let profile = Profile { app: Some("demo".into()), apps: [("demo".into(), keys)].into(), ..Profile::default() };
        profile.save(&path).unwrap();
        assert_eq!(Profile::load(&path).unwrap(), profile);
        assert!(!format!("{profile:?}").contains("hms_x"));
    }
}
