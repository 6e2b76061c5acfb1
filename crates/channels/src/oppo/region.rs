//! Where a device belongs.

use homing_domain::Channel;

use crate::Site;

/// The part of the world whose servers know an app's devices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Region {
    /// The mainland of China.
    #[default]
    China,
    /// Everywhere else.
    International,
}

impl Region {
    /// Its name in an upload.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::China => "china",
            Self::International => "international",
        }
    }

    /// The region of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::China, Self::International].into_iter().find(|region| region.name() == name)
    }

    /// Where the shape of a registration id says that it belongs: `IN_…` and `OPPO_IN_…` name a country, `CN` and those
    /// that name none are of the mainland (the vendor's Java SDK; it takes any other shape as of elsewhere).
    #[must_use]
    pub fn of_token(token: &str) -> Self {
        let parts: Vec<_> = token.splitn(4, '_').collect();
        let country = match parts[..] {
            [country, _] | [_, country, _] => country,
            _ => "CN",
        };
        let is_country = country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase());
        if is_country && country != "CN" { Self::International } else { Self::China }
    }

    pub(super) const fn site(self) -> Site {
        let (label, production) = match self {
            Self::China => ("china", "https://api.push.oppomobile.com"),
            Self::International => ("international", "https://api-intl.push.oppomobile.com"),
        };
        Site { channel: Channel::Oppo, label, production }
    }
}

/// Who knows which registration ids died.
pub(super) const FEEDBACK: Site =
    Site { channel: Channel::Oppo, label: "feedback", production: "https://feedback.push.oppomobile.com" };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shape_of_an_id_names_its_region() {
        for china in ["b6bbd94b59", "CN_b6bbd94b59", "OPPO_CN_72b8c93", "realme_CN_1", "dead_1", ""] {
            assert_eq!(Region::of_token(china), Region::China, "{china}");
        }
        for elsewhere in ["IN_b6bbd94b59", "OPPO_IN_1"] {
            assert_eq!(Region::of_token(elsewhere), Region::International, "{elsewhere}");
        }
    }
}
