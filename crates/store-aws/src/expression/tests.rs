//! The lint finds each mistake, and what this crate sends has none.

use std::collections::HashSet;

use aws_sdk_dynamodb::types::AttributeValue;

use super::lint::{Mistake, lint};
use super::*;

fn mistake(expression: Expression) -> Mistake {
    lint(&expression).unwrap_err()
}

#[test]
fn overlapping_paths_are_found() {
    let overlap = |a: &str, b: &str| Mistake::Overlap(a.to_owned(), b.to_owned());
    let update = Expression::update("SET #q = list_append(#q, :e), #n = :e REMOVE #q[0]").value("e", 1_u64);
    assert_eq!(mistake(update), overlap("#q", "#q[0]"));
    assert_eq!(mistake(Expression::update("REMOVE #m.#a[1], #m")), overlap("#m.#a[1]", "#m"));
    let twice = Expression::update("SET #a = :b ADD #a :b").value("b", 1_u64);
    assert_eq!(mistake(twice), overlap("#a", "#a"));
    assert_eq!(lint(&Expression::update("REMOVE #q[0], #q[1], #qq, #m.#a, #m.#b")), Ok(()));
}

#[test]
fn words_and_values_must_be_known() {
    assert_eq!(mistake(Expression::condition("ttl = #a")), Mistake::BareWord("ttl".to_owned()));
    assert_eq!(mistake(Expression::condition("attribute_exists(#)")), Mistake::Nameless);
    assert_eq!(mistake(Expression::condition("#a = :a")), Mistake::Undefined(":a".to_owned()));
    assert_eq!(mistake(Expression::condition("#a = #b").value("c", 1_u64)), Mistake::Unused(":c".to_owned()));
    assert_eq!(mistake(Expression::update("#a = #b")), Mistake::NoSection("#a = #b".to_owned()));
    let long = format!("REMOVE #{}", "a".repeat(4_096));
    assert_eq!(mistake(Expression::update(long)), Mistake::TooLong(4_104));
}

#[test]
fn redundant_brackets_are_found() {
    let brackets = |text: &str| matches!(lint(&Expression::condition(text)), Err(Mistake::Brackets(_)));
    assert!(brackets("((#a = #b))") && brackets("#c = #d OR ((#a = #b) )"));
    assert!(!brackets("((#a = #b) AND #c = #d) OR (#c = #d AND (#a = #b OR size(#e) = #f))"));
    assert!(!brackets("(size(#e) = #f)") && !brackets("NOT (contains(#a, #b))"));
}

#[test]
#[should_panic(expected = "BareWord(\"ttl\")")]
fn what_is_sent_is_linted() {
    Expression::condition("attribute_exists(ttl)").into_parts();
}

#[test]
fn an_empty_set_is_found_however_deep() {
    let nested = vec![HashSet::<Vec<u8>>::new()];
    let update = Expression::update("SET #a = :a").value("a", nested);
    assert_eq!(mistake(update), Mistake::EmptySet(":a".to_owned()));
}

#[test]
fn names_come_from_the_text_and_nothing_is_empty() {
    let parts = Expression::update("SET #a = #b.#c_1").when("attribute_exists(#a)").into_parts();
    let mut names: Vec<_> = parts.names.unwrap().into_iter().collect();
    names.sort_unstable();
    assert_eq!(names, [("#a", "a"), ("#b", "b"), ("#c_1", "c_1")].map(|(a, b)| (a.to_owned(), b.to_owned())));
    assert!(parts.values.is_none() && parts.key.is_none());
    assert!(Expression::none().into_parts().names.is_none());
    let parts = Expression::key("#pk = :p").value("p", 1_u64).into_parts();
    assert_eq!(parts.values.unwrap()[":p"], AttributeValue::N("1".to_owned()));
}
