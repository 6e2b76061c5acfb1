//! The data directory: what a first start puts there and every start reads.
//!
//! ```text
//! data/
//!   fleet-secret      32 random bytes in base64url, mode 0600: every other key derives from it
//!   server-id         8 bytes in hex: this gateway's name in connection ids, kept across restarts
//!   dev-cert.pem      development certificate; clients trust it by this file
//!   dev-key.pem       its key, mode 0600
//!   store/            the store's files
//! ```

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use homing_credentials::{FleetSecret, decode_32, encode};
use homing_domain::ServerId;
use homing_ports::Entropy;

use super::error::StartError;

/// For everyone on the machine to read.
const PUBLIC: u32 = 0o644;
/// For the server's user alone.
const PRIVATE: u32 = 0o600;

/// The directory, made if it was not there.
#[derive(Clone, Debug)]
pub(super) struct DataDir {
    path: PathBuf,
}

impl DataDir {
    pub(super) fn open(path: &Path) -> Result<Self, StartError> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(|source| match StartError::of_file(path, source) {
            StartError::NotWritable(_) => StartError::NotWritable(path.to_owned()),
            other => other,
        })?;
        let path = path.canonicalize().map_err(|source| StartError::of_file(path, source))?;
        Ok(Self { path })
    }

    pub(super) fn store(&self) -> PathBuf {
        self.path.join("store")
    }

    pub(super) fn development_certificate(&self) -> PathBuf {
        self.path.join("dev-cert.pem")
    }

    pub(super) fn development_key(&self) -> PathBuf {
        self.path.join("dev-key.pem")
    }

    pub(super) fn fleet_secret(&self, entropy: &impl Entropy) -> Result<FleetSecret, StartError> {
        let path = self.path.join("fleet-secret");
        let text = read_or_make(&path, PRIVATE, || encode(&entropy.random_32()))?;
        decode_32(text.trim())
            .map(FleetSecret::new)
            .map_err(|error| StartError::Damaged { path, why: error.to_string() })
    }

    pub(super) fn server_id(&self, entropy: &impl Entropy) -> Result<ServerId, StartError> {
        let path = self.path.join("server-id");
        let make = || {
            let mut id = [0; 8];
            id.copy_from_slice(&entropy.random_16()[..8]);
            ServerId(id).to_string()
        };
        let text = read_or_make(&path, PUBLIC, make)?;
        text.trim()
            .parse()
            .map_err(|()| StartError::Damaged { path, why: "must be 0x and 16 hexadecimal digits".to_owned() })
    }
}

/// Reads a file, or makes it in one step: a crash in between leaves the old state or the new one.
fn read_or_make(path: &Path, mode: u32, make: impl FnOnce() -> String) -> Result<String, StartError> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let text = make();
            write(path, mode, &text)?;
            Ok(text)
        }
        read => read.map_err(|source| StartError::of_file(path, source)),
    }
}

fn write(path: &Path, mode: u32, text: &str) -> Result<(), StartError> {
    let wrap = |source| StartError::of_file(path, source);
    let temporary = path.with_extension("new");
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&temporary).map_err(wrap)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(wrap)?;
    fs::rename(&temporary, path).map_err(wrap)?;
    let parent = path.parent().unwrap_or_else(|| Path::new("."));
    fs::File::open(parent).and_then(|directory| directory.sync_all()).map_err(wrap)
}

/// Writes a certificate and its key, the key first: a certificate that is there has its key.
pub(super) fn write_pair(directory: &DataDir, certificate: &str, key: &str) -> Result<(), StartError> {
    write(&directory.development_key(), PRIVATE, key)?;
    write(&directory.development_certificate(), PUBLIC, certificate)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::adapters::SystemEntropy;

    #[test]
    fn secrets_are_made_once_and_kept_private() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("data");
        let first = DataDir::open(&path).unwrap();
        let secret = first.fleet_secret(&SystemEntropy).unwrap();
        let id = first.server_id(&SystemEntropy).unwrap();
        let again = DataDir::open(&path).unwrap();
        assert_eq!(again.fleet_secret(&SystemEntropy).unwrap().expose(), secret.expose());
        assert_eq!(again.server_id(&SystemEntropy).unwrap(), id);
        let mode = fs::metadata(path.join("fleet-secret")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn damaged_files_are_named() {
        let temporary = tempfile::tempdir().unwrap();
        let directory = DataDir::open(temporary.path()).unwrap();
        fs::write(temporary.path().join("fleet-secret"), "short").unwrap();
        let error = directory.fleet_secret(&SystemEntropy).unwrap_err();
        assert!(matches!(&error, StartError::Damaged { path, .. } if path.ends_with("fleet-secret")), "{error}");
        assert_eq!(error.exit_code(), 65);
    }

    #[test]
    fn a_file_in_the_way_is_an_error() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("data");
        fs::write(&path, "").unwrap();
        assert!(DataDir::open(&path).is_err());
    }
}
