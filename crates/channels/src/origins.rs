//! Where the vendors' servers are.

use std::collections::{BTreeMap, BTreeSet};

use homing_domain::Channel;
use http::Uri;

/// One server of a vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Site {
    /// Whose.
    pub channel: Channel,
    /// Which of its servers, by a name of ours: `"push"`, `"oauth"`, `"sandbox"`.
    pub label: &'static str,
    /// Where it is in production, without a path.
    pub production: &'static str,
}

/// Where to send requests instead of the vendors' production servers: a simulator, a proxy, a test.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins {
    all: BTreeMap<&'static str, String>,
}

impl Origins {
    /// The vendors' own servers.
    #[must_use]
    pub fn production() -> Self {
        Self::default()
    }

    /// From an operator's setting: parts with commas between. `NAME=URL` moves one vendor; a URL alone moves all, each to its
    /// name behind it. An empty text moves none.
    ///
    /// # Errors
    /// The first part that names no vendor, or whose URL has no scheme or host.
    pub fn read(setting: &str) -> Result<Self, &str> {
        let vendors = || Channel::ALL.into_iter().filter(|channel| *channel != Channel::Own);
        let mut origins = Self::production();
        for part in setting.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, url) = part.split_once('=').map_or((None, part), |(name, url)| (Some(name), url));
            let one = name.map(|name| vendors().find(|channel| channel.name() == name).ok_or(part)).transpose()?;
            authority(url).ok_or(part)?;
            origins = match one {
                Some(channel) => origins.with(channel, url),
                None => {
                    let base = url.trim_end_matches('/');
                    vendors().fold(origins, |all, channel| all.with(channel, &format!("{base}/{channel}")))
                }
            };
        }
        Ok(origins)
    }

    /// Scheme, host and port of everything that requests are sent to instead.
    #[must_use]
    pub fn redirected(&self) -> BTreeSet<String> {
        self.all.values().filter_map(|url| authority(url)).collect()
    }

    /// Every server of a channel is at this base URL.
    #[must_use]
    pub fn with(mut self, channel: Channel, base_url: &str) -> Self {
        self.all.insert(channel.name(), base_url.trim_end_matches('/').to_owned());
        self
    }

    /// The base URL of a server, without a slash at its end.
    #[must_use]
    pub fn base_url(&self, site: Site) -> &str {
        self.all.get(site.channel.name()).map_or(site.production, String::as_str)
    }

    /// Whether a channel is redirected: endpoints that a token names are then sent there too.
    #[must_use]
    pub fn redirects(&self, channel: Channel) -> Option<&str> {
        self.all.get(channel.name()).map(String::as_str)
    }
}

/// Scheme, host and port of a URL.
fn authority(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
    let is_web = matches!(scheme, "http" | "https") && !authority.host().is_empty();
    is_web.then(|| format!("{scheme}://{authority}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_moves_one_vendor_or_all() {
        let all = Origins::read(" http://127.0.0.1:9700/ , fcm=https://proxy.example/google").unwrap();
        assert_eq!(all.redirects(Channel::Apns), Some("http://127.0.0.1:9700/apns"));
        assert_eq!(all.redirects(Channel::Fcm), Some("https://proxy.example/google"));
        assert_eq!(all.redirects(Channel::Own), None);
        assert_eq!(all.redirected(), ["http://127.0.0.1:9700", "https://proxy.example"].map(str::to_owned).into());
        assert_eq!(Origins::read(""), Ok(Origins::production()));
        for wrong in ["own=http://a", "apns=ftp://a", "apple=http://a", "127.0.0.1:9700", "fcm="] {
            let setting = format!("xiaomi=http://fine,{wrong}");
            assert_eq!(Origins::read(&setting), Err(wrong));
        }
    }
}
