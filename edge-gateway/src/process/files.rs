//! Files of the process: its certificate, and the state that outlives it.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use homing_domain::ServerId;
use homing_ports::Entropy as _;
use homing_system::SystemEntropy;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::error::ProcessError;
use crate::tls::Certificate;

/// The file in the state directory.
const SERVER_ID: &str = "server-id";

/// A small text file.
pub(super) fn read_text(path: &Path) -> Result<String, ProcessError> {
    fs::read_to_string(path).map_err(|source| ProcessError::file(path, source))
}

/// The server id that this host keeps, made at the first start. It stands in connection ids, and a load balancer routes by
/// it, so a restart must not change it.
pub(super) fn kept_server_id(directory: &Path) -> Result<ServerId, ProcessError> {
    fs::create_dir_all(directory).map_err(|source| ProcessError::file(directory, source))?;
    let path = directory.join(SERVER_ID);
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let mut id = [0; 8];
            id.copy_from_slice(&SystemEntropy.random_16()[..8]);
            let text = ServerId(id).to_string();
            write(&path, &text).map_err(|source| ProcessError::file(&path, source))?;
            text
        }
        read => read.map_err(|source| ProcessError::file(&path, source))?,
    };
    let why = || "must be 0x and 16 hexadecimal digits".to_owned();
    text.trim().parse().map_err(|()| ProcessError::Damaged { path, why: why() })
}

/// In one step: a crash in between leaves nothing or all of it.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let temporary = path.with_extension("new");
    let mut file = fs::File::create(&temporary)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    let parent = path.parent().unwrap_or_else(|| Path::new("."));
    fs::File::open(parent)?.sync_all()
}

/// The certificate as its files hold it at this moment.
pub(super) fn certificate(chain: &Path, key: &Path) -> Result<Certificate, ProcessError> {
    let damaged = |path: &Path, why: &dyn std::fmt::Display| ProcessError::Damaged {
        path: path.to_owned(),
        why: why.to_string(),
    };
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&bytes(chain)?)
        .collect::<Result<_, _>>()
        .map_err(|error| damaged(chain, &error))?;
    if certificates.is_empty() {
        return Err(damaged(chain, &"holds no certificate"));
    }
    let key_der = PrivateKeyDer::from_pem_slice(&bytes(key)?).map_err(|error| damaged(key, &error))?;
    Ok(Certificate { chain: certificates, key: key_der })
}

fn bytes(path: &Path) -> Result<Vec<u8>, ProcessError> {
    fs::read(path).map_err(|source| ProcessError::file(path, source))
}
