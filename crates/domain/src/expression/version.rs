//! Which of two versions is newer: `2.10` is newer than `2.9`, and `2.10-beta` older than `2.10`.
//!
//! Numbers between dots compare as numbers of any length, and what is missing is 0. Text behind a number (`4.2.1b`) compares
//! as text. What follows the first `-` is a pre-release, which is older than none and compares as SemVer 2.0 §11 says; what
//! follows a `+` says nothing about the age. A `v` before the first number is left out.

use std::cmp::Ordering;

/// Whether a text begins like a version.
pub(super) fn is_version(text: &str) -> bool {
    without_v(text).starts_with(|first: char| first.is_ascii_digit())
}

/// Compares two versions. What is equal may be written differently: `2.0` and `v2`.
pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (Version::read(a), Version::read(b));
    let (mut of_a, mut of_b) = (a.numbers.split('.'), b.numbers.split('.'));
    loop {
        let ordering = match (of_a.next(), of_b.next()) {
            (None, None) => return by_pre_release(a.pre_release, b.pre_release),
            (a, b) => by_component(component(a.unwrap_or("0")), component(b.unwrap_or("0"))),
        };
        if ordering.is_ne() {
            return ordering;
        }
    }
}

struct Version<'a> {
    numbers: &'a str,
    pre_release: Option<&'a str>,
}

impl<'a> Version<'a> {
    fn read(text: &'a str) -> Self {
        let text = text.split('+').next().unwrap_or_default();
        match without_v(text).split_once('-') {
            Some((numbers, pre_release)) if !pre_release.is_empty() => Self { numbers, pre_release: Some(pre_release) },
            Some((numbers, _)) => Self { numbers, pre_release: None },
            None => Self { numbers: without_v(text), pre_release: None },
        }
    }
}

fn without_v(text: &str) -> &str {
    text.strip_prefix(['v', 'V']).unwrap_or(text)
}

/// The digits of a component without leading zeros, and what follows them.
fn component(text: &str) -> (&str, &str) {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    (digits.trim_start_matches('0'), rest)
}

fn by_component(a: (&str, &str), b: (&str, &str)) -> Ordering {
    by_number(a.0, b.0).then_with(|| a.1.cmp(b.1))
}

/// Digits without leading zeros: the longer is larger.
fn by_number(a: &str, b: &str) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

fn by_pre_release(a: Option<&str>, b: Option<&str>) -> Ordering {
    match (a, b) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(a), Some(b)) => a.split('.').map(Identifier::read).cmp(b.split('.').map(Identifier::read)),
    }
}

/// A part of a pre-release. Numbers are older than words.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Identifier<'a> {
    Number(usize, &'a str),
    Word(&'a str),
}

impl<'a> Identifier<'a> {
    fn read(text: &'a str) -> Self {
        match component(text) {
            (digits, "") if !text.is_empty() => Self::Number(digits.len(), digits),
            _ => Self::Word(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn from_old_to_new() {
        // The middle row is SemVer's own example.
        let sorted = [
            "0.9",
            "1.0.0-1",
            "1.0.0-2",
            "1.0.0-11",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "1.0.0.1",
            "1.0.1b",
            "1.0.1c",
            "1.0.2",
            "2.9",
            "2.10",
            "18446744073709551615",
            "18446744073709551616",
        ];
        for (older, a) in sorted.iter().enumerate() {
            for (newer, b) in sorted.iter().enumerate() {
                assert_eq!(compare(a, b), older.cmp(&newer), "{a} and {b}");
            }
        }
    }

    #[test]
    fn the_same_in_other_words() {
        for (a, b) in [("2", "2.0.0"), ("v2.1", "2.1"), ("1.02", "1.2"), ("1.0+5", "1.0+6"), ("1.0-", "1.0"), ("", "0")]
        {
            assert_eq!((compare(a, b), compare(b, a)), (Ordering::Equal, Ordering::Equal), "{a} and {b}");
        }
    }

    #[test]
    fn a_version_begins_with_a_number() {
        assert!(["1", "v1", "14.4.1(C00E100)"].into_iter().all(is_version));
        assert!(!["", "v", "beta", "-1", "vv1"].into_iter().any(is_version));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

        /// Any three texts have an order that agrees with itself.
        #[test]
        fn it_is_an_order(a in "[v0-2a.+-]{0,8}", b in "[v0-2a.+-]{0,8}", c in "[v0-2a.+-]{0,8}") {
            prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
            prop_assert_eq!(compare(&a, &a), Ordering::Equal);
            if compare(&a, &b).is_le() && compare(&b, &c).is_le() {
                prop_assert!(compare(&a, &c).is_le());
            }
        }

        /// Plain versions compare like lists of numbers.
        #[test]
        fn dotted_numbers_compare_as_numbers(a in prop::collection::vec(0u32..20, 4), b in prop::collection::vec(0u32..20, 4)) {
            let written = |numbers: &[u32]| numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(".");
            prop_assert_eq!(compare(&written(&a), &written(&b)), a.cmp(&b));
        }
    }
}
