//! Keys of business systems, mobile apps and operators. They are 256 random bits, so what is stored of them is a plain
//! SHA-256. A key names its app, so that checking it needs one look-up.

use std::fmt;

use homing_domain::{AppId, KeyDigest};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::ids::sha256;
use crate::text::{decode_32, encode};

/// Longest text that may be a key: prefix, app, dot, 43 characters. Longer ones are not looked at.
const KEY_TEXT_MAX_BYTES: usize = 4 + homing_domain::limits::APP_ID_MAX_BYTES + 1 + 43;
/// Random characters that a hint shows: enough to tell two keys apart, 24 bits of 256.
const HINT_CHARACTERS: usize = 4;

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyKind {
    /// Business systems: everything of one app.
    Server,
    /// Inside the mobile app: may only register a device.
    Client,
    /// Operators: everything of the installation.
    Admin,
}

impl KeyKind {
    /// How the text of such keys begins.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Server => "hms_",
            Self::Client => "hmc_",
            Self::Admin => "hma_",
        }
    }
}

/// A new key: `hms_<app>.<43 characters>`, `hmc_<app>.<…>` or `hma_<…>`. Shown once, never stored.
#[derive(Clone)]
pub struct ApiKey(Zeroizing<String>);

impl ApiKey {
    /// A server key of an app.
    #[must_use]
    pub fn server(app: &AppId, random: [u8; 32]) -> Self {
        Self::of_app(KeyKind::Server, app, random)
    }

    /// A client key of an app.
    #[must_use]
    pub fn client(app: &AppId, random: [u8; 32]) -> Self {
        Self::of_app(KeyKind::Client, app, random)
    }

    /// An operator's token.
    #[must_use]
    pub fn admin(random: [u8; 32]) -> Self {
        Self(Zeroizing::new(format!("{}{}", KeyKind::Admin.prefix(), encode(&random))))
    }

    /// The text, to be shown once.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is stored of it.
    #[must_use]
    pub fn digest(&self) -> KeyDigest {
        digest(&self.0)
    }

    /// The beginning of the text, so that a person can tell two keys apart.
    #[must_use]
    pub fn hint(&self) -> String {
        const SECRET_CHARACTERS: usize = 43;
        self.0.chars().take(self.0.len() - SECRET_CHARACTERS + HINT_CHARACTERS).collect()
    }

    fn of_app(kind: KeyKind, app: &AppId, random: [u8; 32]) -> Self {
        Self(Zeroizing::new(format!("{}{app}.{}", kind.prefix(), encode(&random))))
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({}…)", self.hint())
    }
}

/// A key that somebody presents: well-formed, not checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresentedKey {
    /// What it claims to be.
    pub kind: KeyKind,
    /// Whose it claims to be; `None` for operators.
    pub app: Option<AppId>,
    /// To be compared with the stored one by [`digests_match`].
    pub digest: KeyDigest,
}

impl PresentedKey {
    /// Reads a key's text. `None` = it is no key.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > KEY_TEXT_MAX_BYTES {
            return None;
        }
        let kind = [KeyKind::Server, KeyKind::Client, KeyKind::Admin]
            .into_iter()
            .find(|kind| text.starts_with(kind.prefix()))?;
        let rest = text.strip_prefix(kind.prefix())?;
        let (app, secret) = match kind {
            KeyKind::Admin => (None, rest),
            KeyKind::Server | KeyKind::Client => {
                let (app, secret) = rest.split_once('.')?;
                (Some(app.parse().ok()?), secret)
            }
        };
        decode_32(secret).ok()?;
        Some(Self { kind, app, digest: digest(text) })
    }
}

/// SHA-256 of a key's text.
#[must_use]
pub fn digest(text: &str) -> KeyDigest {
    sha256(text.as_bytes())
}

/// Compares two digests in constant time.
#[must_use]
pub fn digests_match(a: &KeyDigest, b: &KeyDigest) -> bool {
    a.ct_eq(b).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_read_back() {
        let app: AppId = "demo-1".parse().unwrap();
        for (key, kind, of) in [
            (ApiKey::server(&app, [7; 32]), KeyKind::Server, Some(app.clone())),
            (ApiKey::client(&app, [7; 32]), KeyKind::Client, Some(app.clone())),
            (ApiKey::admin([7; 32]), KeyKind::Admin, None),
        ] {
            let presented = PresentedKey::parse(key.expose()).unwrap();
            assert_eq!((presented.kind, presented.app), (kind, of));
            assert!(digests_match(&presented.digest, &key.digest()));
        }
    }

    #[test]
    fn known_answers() {
        let key = ApiKey::server(&"demo".parse().unwrap(), [7; 32]);
        assert_eq!(key.expose(), "hms_demo.BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc");
        assert_eq!(key.hint(), "hms_demo.BwcH");
        assert_eq!(encode(&digest("abc")), "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
        assert!(!format!("{key:?}").contains("BwcHB"));
    }

    #[test]
    fn what_is_no_key() {
        let long = format!("hms_{}.{}", "a".repeat(33), encode(&[7; 32]));
        for bad in ["", "hms_", "hms_demo", "hms_.AA", "hmx_demo.AA", "hms_demo.AA", "hma_AA", &long] {
            assert_eq!(PresentedKey::parse(bad), None, "{bad}");
        }
    }
}
