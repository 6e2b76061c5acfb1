//! Which of a message's languages a device gets.

use super::{Localization, Message};

impl Message {
    /// The variant for a device of this locale, by the lookup of RFC 4647 (section 3.4): the whole tag, then without its last
    /// subtag, and so on; 0, the default, when nothing fits. `_` counts as `-`, as Android and POSIX write locales.
    #[must_use]
    pub fn variant_for(&self, locale: Option<&str>) -> u8 {
        let Some(locale) = locale.filter(|_| !self.localizations.is_empty()) else { return 0 };
        let wanted = locale.to_ascii_lowercase().replace('_', "-");
        let mut range = wanted.as_str();
        loop {
            let is_it = |localization: &Localization| localization.language == range;
            if let Some(index) = self.localizations.iter().position(is_it) {
                return u8::try_from(index + 1).unwrap_or(0);
            }
            let Some(shorter) = without_last_subtag(range) else { return 0 };
            range = shorter;
        }
    }
}

/// A single letter introduces the subtag after it and goes with it.
fn without_last_subtag(range: &str) -> Option<&str> {
    let (rest, _) = range.rsplit_once('-')?;
    match rest.rsplit_once('-') {
        Some((shorter, single)) if single.len() == 1 => Some(shorter),
        _ => Some(rest),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::audience::{Audience, Exclusion};
    use crate::id::MessageId;
    use crate::message::{Control, Options};
    use crate::schedule::Schedule;
    use crate::stage::Stage;
    use crate::time::UnixMillis;

    fn message(languages: &[&str]) -> Message {
        let localization = |language: &&str| Localization { language: (*language).to_owned(), payload: Bytes::new() };
        Message {
            id: MessageId::from_bytes([1; 16]),
            app: "demo".parse().unwrap(),
            audience: Audience::All,
            exclude: Exclusion::default(),
            payload: Bytes::new(),
            localizations: languages.iter().map(localization).collect(),
            overrides: Vec::new(),
            recalls: None,
            options: Options::default(),
            body_sha256: [0; 32],
            accepted_at: UnixMillis(0),
            schedule: Schedule::Now,
            release_at: None,
            series: None,
            expires_at: UnixMillis(0),
            stage: Stage::Accepted,
            releasing_at: None,
            released_at: None,
            segments_done: 0,
            control: Control::default(),
            holds: Vec::new(),
            feed_after: None,
        }
    }

    #[test]
    fn the_longest_prefix_wins() {
        let message = message(&["zh", "zh-hant", "zh-hant-hk", "de"]);
        let variant = |locale| message.variant_for(Some(locale));
        assert_eq!(variant("zh-Hant-HK"), 3);
        assert_eq!(variant("zh-Hant-TW"), 2);
        assert_eq!(variant("zh-Hans-CN"), 1);
        assert_eq!(variant("zh_CN"), 1);
        assert_eq!(variant("DE"), 4);
        assert_eq!(variant("de-x-berlin"), 4);
        assert_eq!([variant("den"), variant("d"), variant("fr-FR"), variant(""), variant("-")], [0; 5]);
        assert_eq!(message.variant_for(None), 0);
    }

    #[test]
    fn a_single_letter_goes_with_what_it_introduces() {
        assert_eq!(without_last_subtag("de-de-u-co"), Some("de-de"));
        assert_eq!(without_last_subtag("x-klingon"), Some("x"));
        assert_eq!(without_last_subtag("de"), None);
    }

    #[test]
    fn without_localizations_all_get_the_default() {
        assert_eq!(message(&[]).variant_for(Some("de")), 0);
    }
}
