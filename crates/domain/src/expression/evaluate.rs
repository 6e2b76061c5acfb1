//! Whether an expression holds for a device.

use super::tree::{Comparison, Node, Test, TextAttribute, VersionAttribute};
use super::version;
use crate::device::Device;
use crate::time::UnixMillis;

/// Recurses as deep as the tree is, which [`crate::limits::EXPRESSION_MAX_DEPTH`] bounds.
pub(super) fn holds(node: &Node, device: &Device, now: UnixMillis) -> bool {
    match node {
        Node::Tag(tag) => device.tags.iter().any(|known| **known == **tag),
        Node::Test(test) => test_holds(test, device, now),
        Node::Not(part) => !holds(part, device, now),
        Node::All(parts) => parts.iter().all(|part| holds(part, device, now)),
        Node::Any(parts) => parts.iter().any(|part| holds(part, device, now)),
    }
}

fn test_holds(test: &Test, device: &Device, now: UnixMillis) -> bool {
    let profile = &device.profile;
    match test {
        Test::Platform { is, platform } => (profile.platform == *platform) == *is,
        Test::Text { attribute, is, value } => {
            let said = match attribute {
                TextAttribute::Brand => profile.brand.as_ref().map(|brand| brand.eq_ignore_ascii_case(value)),
                TextAttribute::Model => profile.model.as_ref().map(|model| model.eq_ignore_ascii_case(value)),
                TextAttribute::Locale => {
                    profile.locale.as_ref().map(|locale| same_language(locale.as_bytes(), value.as_bytes()))
                }
            };
            said.unwrap_or(false) == *is
        }
        Test::Language { range } => profile.locale.as_ref().is_some_and(|locale| is_in_range(locale, range)),
        Test::Version { attribute, comparison, version } => {
            let said = match attribute {
                VersionAttribute::Os => &profile.os_version,
                VersionAttribute::App => &profile.app_version,
            };
            compares(said.as_deref(), *comparison, version)
        }
        Test::SeenWithin { count, unit } => device.seen_at >= now.minus(u64::from(*count) * unit.millis()),
        Test::HasUser => device.user.is_some(),
    }
}

fn compares(said: Option<&str>, comparison: Comparison, wanted: &str) -> bool {
    let Some(said) = said else { return comparison == Comparison::NotEqual };
    let ordering = version::compare(said, wanted);
    match comparison {
        Comparison::Equal => ordering.is_eq(),
        Comparison::NotEqual => ordering.is_ne(),
        Comparison::Less => ordering.is_lt(),
        Comparison::LessOrEqual => ordering.is_le(),
        Comparison::Greater => ordering.is_gt(),
        Comparison::GreaterOrEqual => ordering.is_ge(),
    }
}

/// RFC 4647 §3.3.1: the range is the whole locale or its first subtags; `*` is any.
fn is_in_range(locale: &str, range: &str) -> bool {
    if range == "*" {
        return !locale.is_empty();
    }
    let Some((first, rest)) = locale.as_bytes().split_at_checked(range.len()) else { return false };
    same_language(first, range.as_bytes()) && rest.first().is_none_or(|next| matches!(next, b'-' | b'_'))
}

/// `_` counts as `-`, as Android and POSIX write locales.
fn same_language(a: &[u8], b: &[u8]) -> bool {
    let plain = |byte: &u8| if *byte == b'_' { b'-' } else { byte.to_ascii_lowercase() };
    a.iter().map(plain).eq(b.iter().map(plain))
}
