//! The certificate of the HTTP API and of device links: one's own, or a development one made at the first start.

use std::path::Path;

use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, date_time_ymd};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::data_dir::{DataDir, write_pair};
use super::error::StartError;
use crate::config::CertificateFiles;

/// What a development certificate is always good for.
const LOCAL_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// A chain with its key.
#[derive(Debug)]
pub(super) struct Certificate {
    /// The leaf first.
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
    /// Whether it is the development certificate, which clients must be told to trust.
    pub(super) is_development: bool,
}

impl Certificate {
    pub(super) fn load(
        files: Option<&CertificateFiles>,
        directory: &DataDir,
        hosts: &[String],
    ) -> Result<Self, StartError> {
        if let Some(files) = files {
            return Self::read(&files.certificate, &files.key, false);
        }
        if !directory.development_certificate().exists() {
            let (certificate, key) = make(hosts)?;
            write_pair(directory, &certificate, &key)?;
        }
        Self::read(&directory.development_certificate(), &directory.development_key(), true)
    }

    fn read(certificate: &Path, key: &Path, is_development: bool) -> Result<Self, StartError> {
        let unusable =
            |path: &Path, why: &dyn std::fmt::Display| StartError::Certificate(format!("{}: {why}", path.display()));
        let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect)
            .map_err(|error| unusable(certificate, &error))?;
        if chain.is_empty() {
            return Err(unusable(certificate, &"holds no certificate"));
        }
        let key = PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, &error))?;
        Ok(Self { chain, key, is_development })
    }
}

fn make(hosts: &[String]) -> Result<(String, String), StartError> {
    let failed = |error: rcgen::Error| StartError::Certificate(format!("the development one cannot be made: {error}"));
    let names: Vec<String> = LOCAL_NAMES.into_iter().map(str::to_owned).chain(hosts.iter().cloned()).collect();
    let mut parameters = CertificateParams::new(names).map_err(failed)?;
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, "Homing development certificate");
    parameters.distinguished_name = name;
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // It is trusted by its file alone, so its dates are wide: a development machine must not fail by the calendar.
    parameters.not_before = date_time_ymd(2024, 1, 1);
    parameters.not_after = date_time_ymd(2050, 1, 1);
    let key = KeyPair::generate().map_err(failed)?;
    let certificate = parameters.self_signed(&key).map_err(failed)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_development_certificate_is_made_once() {
        let temporary = tempfile::tempdir().unwrap();
        let directory = DataDir::open(temporary.path()).unwrap();
        let hosts = ["push.example".to_owned()];
        let first = Certificate::load(None, &directory, &hosts).unwrap();
        let second = Certificate::load(None, &directory, &hosts).unwrap();
        assert_eq!(first.chain, second.chain);
        assert!(first.is_development);
    }

    #[test]
    fn a_bad_file_is_named() {
        let temporary = tempfile::tempdir().unwrap();
        let directory = DataDir::open(temporary.path()).unwrap();
        let files = CertificateFiles { certificate: temporary.path().join("none.pem"), key: "none.key".into() };
        let error = Certificate::load(Some(&files), &directory, &[]).unwrap_err();
        assert!(error.to_string().contains("none.pem"), "{error}");
    }
}
