//! Whom an app's alerts go to.

use homing_domain::AlertSettings;
use homing_domain::limits::ALERT_EMAILS_MAX;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::v1::text::{line, web_address};
use crate::http::{Checked, Violations, pointer};

/// Longest address: RFC 5321 section 4.5.3.1.3 allows a path of 256 with its brackets.
const EMAIL_MAX_BYTES: usize = 254;
/// Longest local part: RFC 5321 section 4.5.3.1.1.
const LOCAL_PART_MAX_BYTES: usize = 64;
/// Longest address of a webhook: what every server and proxy on the way takes.
const WEBHOOK_URL_MAX_BYTES: usize = 1_024;

/// Whom an app's alerts go to, as a whole: a certificate that is about to expire, for example.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct AlertsView {
    /// E-mail addresses.
    #[serde(default)]
    #[schema(max_items = 8, example = json!(["push@shop.example"]))]
    pub emails: Vec<String>,
    /// An `https` address that each alert is posted to as JSON, signed: see `GET /v1/apps/{app}/alerts/key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1024, example = "https://shop.example/hooks/homing")]
    pub webhook_url: Option<String>,
}

only_objects!(AlertsView);

impl AlertsView {
    /// The settings.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn check(self, at: &str) -> Checked<AlertSettings> {
        let mut wrong = Violations::default();
        let emails_at = pointer(at, "emails");
        if self.emails.len() > ALERT_EMAILS_MAX {
            wrong.add("too_many", &*emails_at, format!("must be at most {ALERT_EMAILS_MAX} addresses"));
        }
        for (place, email) in self.emails.iter().enumerate() {
            wrong.take(address(email, &pointer(&emails_at, place)));
        }
        if let Some(url) = &self.webhook_url {
            wrong.take(webhook(url, &pointer(at, "webhook_url")));
        }
        wrong.or(AlertSettings { emails: self.emails, webhook_url: self.webhook_url })
    }
}

impl From<&AlertSettings> for AlertsView {
    fn from(alerts: &AlertSettings) -> Self {
        Self { emails: alerts.emails.clone(), webhook_url: alerts.webhook_url.clone() }
    }
}

/// `local@domain` in ASCII without quotes: whatever else RFC 5322 allows nobody has, and a header must not be broken out of.
fn address(email: &str, at: &str) -> Checked<()> {
    line(email, EMAIL_MAX_BYTES, at)?;
    let is_local = |local: &str| {
        let is_atom = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte);
        (1..=LOCAL_PART_MAX_BYTES).contains(&local.len())
            && local.bytes().all(is_atom)
            && !local.split('.').any(str::is_empty)
    };
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    match email.split_once('@') {
        Some((local, domain)) if is_local(local) && domain.contains('.') && domain.split('.').all(is_label) => Ok(()),
        _ => Err(Violations::one("invalid_email", at, "must be an e-mail address, as push@shop.example")),
    }
}

fn webhook(url: &str, at: &str) -> Checked<()> {
    web_address(url, WEBHOOK_URL_MAX_BYTES, at)?;
    if url.starts_with("https://") {
        Ok(())
    } else {
        Err(Violations::one("invalid_url", at, "must be an https address"))
    }
}

/// What an app's alerts are signed with.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AlertKeyView {
    /// The key: its characters, as they stand here, are the key of HMAC-SHA256 over the body; the header `homing-signature`
    /// has the result in hexadecimal digits.
    pub signing_key: String,
}

impl std::fmt::Debug for AlertKeyView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AlertKeyView(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(json: &str) -> Vec<String> {
        let view: AlertsView = serde_json::from_str(json).unwrap();
        let violations = view.check("/alerts").err().map(Violations::into_vec).unwrap_or_default();
        violations.into_iter().map(|violation| format!("{} {}", violation.code, violation.pointer)).collect()
    }

    #[test]
    fn addresses_are_addresses() {
        for email in ["a@b.cn", "first.last+push@mail.shop.example", "x_y@1-2.example"] {
            assert_eq!(address(email, ""), Ok(()), "{email}");
        }
        let long = format!("{}@shop.example", "a".repeat(65));
        for email in [
            "",
            "a",
            "a@",
            "@b.cn",
            "a@b",
            "a@b..cn",
            "a@-b.cn",
            "a b@c.cn",
            "a@b.cn\r\nBcc: x@y.z",
            "a@b@c.cn",
            ".a@b.cn",
            &long,
        ] {
            assert!(address(email, "").is_err(), "{email}");
        }
    }

    #[test]
    fn each_wrong_value_is_named() {
        let json = r#"{"emails": ["a@b.cn", "nobody"], "webhook_url": "http://shop.example/hook"}"#;
        assert_eq!(wrong(json), ["invalid_email /alerts/emails/1", "invalid_url /alerts/webhook_url"]);
        let many = serde_json::json!({ "emails": vec!["a@b.cn"; ALERT_EMAILS_MAX + 1] }).to_string();
        assert_eq!(wrong(&many), ["too_many /alerts/emails"]);
        assert!(wrong(r#"{"emails": [], "webhook_url": "https://shop.example/hook"}"#).is_empty());
    }
}
