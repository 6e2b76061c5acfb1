//! The keys that the files ask a test to make for itself.

use anyhow::{Context as _, Result, anyhow, bail};
use aws_lc_rs::encoding::{AsBigEndian as _, AsDer as _, EcPrivateKeyBin, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// One of each kind, for all vendors of a run.
pub(crate) struct Keys {
    p256: EcdsaKeyPair,
    rsa: RsaKeyPair,
    rsa_pkcs8: Vec<u8>,
}

impl Keys {
    pub(crate) fn generate() -> Result<Self> {
        let unspecified = |_| anyhow!("a key cannot be made");
        let p256 = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(unspecified)?;
        // The largest that a file asks for.
        let rsa = RsaKeyPair::generate(KeySize::Rsa3072).map_err(unspecified)?;
        let der: Pkcs8V1Der<'_> = rsa.as_der().map_err(unspecified)?;
        let rsa_pkcs8 = der.as_ref().to_vec();
        Ok(Self { p256, rsa, rsa_pkcs8 })
    }

    /// P-256, PKCS#8.
    pub(crate) fn p256_pem(&self) -> Result<String> {
        let der = self.p256.to_pkcs8v1().ok().context("a key cannot be written")?;
        Ok(pem(der.as_ref()))
    }

    /// P-256, the number alone in base64url.
    pub(crate) fn p256_number(&self) -> Result<String> {
        let number: EcPrivateKeyBin<'_> =
            self.p256.private_key().as_be_bytes().ok().context("a key cannot be written")?;
        Ok(URL_SAFE_NO_PAD.encode(number.as_ref()))
    }

    /// The public point in base64url.
    pub(crate) fn p256_public(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.p256.public_key().as_ref())
    }

    /// RSA of 3,072 bits, PKCS#8.
    pub(crate) fn rsa_pem(&self) -> String {
        pem(&self.rsa_pkcs8)
    }

    /// Checks a signature by the public half.
    pub(crate) fn verify(&self, algorithm: &str, message: &[u8], signature: &[u8]) -> Result<()> {
        let verified = match algorithm {
            "ES256" => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.p256.public_key()).verify(message, signature)
            }
            "RS256" => {
                UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, self.rsa.public_key()).verify(message, signature)
            }
            "PS256" => {
                UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, self.rsa.public_key()).verify(message, signature)
            }
            other => bail!("no key is for the algorithm {other:?}"),
        };
        verified.map_err(|_| anyhow!("the signature is wrong"))
    }
}

fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = "-----BEGIN PRIVATE KEY-----\n".to_owned();
    // RFC 7468 section 2: lines of 64 characters.
    for line in text.as_bytes().chunks(64) {
        pem.push_str(&String::from_utf8_lossy(line));
        pem.push('\n');
    }
    pem + "-----END PRIVATE KEY-----\n"
}
