//! Where the vendors' servers are.

use std::collections::BTreeMap;

use homing_domain::Channel;

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
