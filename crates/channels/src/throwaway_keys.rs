//! Keys for tests, made anew each time: none is kept in the repository.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use homing_domain::UnixMillis;
use p12_keystore::{
    Certificate, EncryptionAlgorithm, KeyStore, KeyStoreEntry, MacAlgorithm, PrivateKey, PrivateKeyChain,
};
use rcgen::{CertificateParams, DnType, date_time_ymd};

/// A key of P-256 as PEM, and its public half uncompressed.
pub(crate) fn p256() -> (String, Vec<u8>) {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    (pem(pair.to_pkcs8v1().unwrap().as_ref()), pair.public_key().as_ref().to_vec())
}

/// A key of RSA with 2,048 bits as PEM, and its public half as DER.
pub(crate) fn rsa() -> (String, Vec<u8>) {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    (pem(der.as_ref()), pair.public_key().as_ref().to_vec())
}

/// When the certificates of [`p12`] expire: 2050-01-01T00:00:00Z.
pub(crate) const EXPIRES_AT: UnixMillis = UnixMillis(2_524_608_000_000);

/// A `.p12` file of a certificate whose subject has this `UID`, with its key or without, in today's ciphers or the older ones.
pub(crate) fn p12(user_id: Option<&str>, password: &str, with_key: bool, older: bool) -> Vec<u8> {
    let mut parameters = CertificateParams::default();
    if let Some(user_id) = user_id {
        let uid = DnType::CustomDnType(vec![0, 9, 2342, 19_200_300, 100, 1, 1]);
        parameters.distinguished_name.push(uid, user_id);
    }
    parameters.not_after = date_time_ymd(2050, 1, 1);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = Certificate::from_der(parameters.self_signed(&key).unwrap().der()).unwrap();
    let entry = if with_key {
        let key = PrivateKey::from_der(&key.serialize_der()).unwrap();
        KeyStoreEntry::PrivateKeyChain(PrivateKeyChain::new("1", key, [certificate]))
    } else {
        KeyStoreEntry::Certificate(certificate)
    };
    let mut store = KeyStore::new();
    store.add_entry("push", entry);
    let writer = store.writer(password);
    let writer = if older {
        writer
            .encryption_algorithm(EncryptionAlgorithm::PbeWithShaAnd3KeyTripleDesCbc)
            .mac_algorithm(MacAlgorithm::HmacSha1)
    } else {
        writer
    };
    writer.encryption_iterations(1).mac_iterations(1).write().unwrap()
}

fn pem(der: &[u8]) -> String {
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der))
}

/// The header and the claims of a compact JWT whose signature was checked with a public key.
pub(crate) fn jwt(
    token: &str,
    public_key: &[u8],
    algorithm: &'static dyn aws_lc_rs::signature::VerificationAlgorithm,
) -> (serde_json::Value, serde_json::Value) {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let signature = BASE64.decode(signature).unwrap();
    aws_lc_rs::signature::UnparsedPublicKey::new(algorithm, public_key).verify(signed.as_bytes(), &signature).unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    let json = |part: &str| serde_json::from_slice(&BASE64.decode(part).unwrap()).unwrap();
    (json(header), json(claims))
}
