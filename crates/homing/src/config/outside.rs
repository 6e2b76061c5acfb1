//! Settings about what lies outside: vendors, webhooks, mail.

use std::path::PathBuf;

use homing_channels::Origins;
use homing_outbound::{HttpSettings, MailSettings};
use http::Uri;

use super::setting::Reader;

impl Reader<'_> {
    pub(super) fn public_url(&mut self) -> Option<String> {
        let text = self.text("public_url");
        if text.is_empty() {
            return None;
        }
        if origin(&text).is_none() {
            self.wrong("public_url", &format!("{text:?} is not an address as https://push.example.com"));
        }
        Some(text.trim_end_matches('/').to_owned())
    }

    pub(super) fn vendor_origins(&mut self) -> Origins {
        let setting = self.text("vendors.origins");
        Origins::read(&setting).unwrap_or_else(|part| {
            self.wrong("vendors.origins", &format!("{part:?} is not NAME=URL or a URL, as http://127.0.0.1:9700"));
            Origins::production()
        })
    }

    pub(super) fn outbound(&mut self) -> HttpSettings {
        // What is wrong with them is said where they are read.
        let mut redirected = Origins::read(&self.text("vendors.origins")).unwrap_or_default().redirected();
        for text in self.list("outbound.origins") {
            match origin(&text) {
                Some(origin) => drop(redirected.insert(origin)),
                None => self.wrong("outbound.origins", &format!("{text:?} is not an origin, as http://127.0.0.1:9099")),
            }
        }
        let extra_ca = Some(self.text("outbound.ca")).filter(|file| !file.is_empty()).map(PathBuf::from);
        HttpSettings { extra_ca, redirected, ..HttpSettings::default() }
    }

    /// What is wrong with it is said without its value, which may hold a password.
    pub(super) fn mail(&mut self) -> Option<MailSettings> {
        let (url, from) = (self.text("mail.smtp_url"), self.text("mail.from"));
        match (url.is_empty(), from.is_empty()) {
            (true, true) => None,
            (false, false) => Some(MailSettings { url, from }),
            (false, true) => {
                self.wrong("mail.from", "is needed with mail.smtp_url");
                None
            }
            (true, false) => {
                self.wrong("mail.smtp_url", "is needed with mail.from");
                None
            }
        }
    }
}

/// Scheme, host and port of a URL.
fn origin(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
    let is_web = matches!(scheme, "http" | "https") && !authority.host().is_empty();
    is_web.then(|| format!("{scheme}://{authority}"))
}
