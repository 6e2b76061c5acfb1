//! The parser against the printer, and both with the evaluator against another way to the same answer.

use proptest::prelude::*;

use super::super::tree::{Comparison, Node, Test, TextAttribute, Unit, VersionAttribute};
use super::{NOW, device};
use crate::device::Platform;
use crate::expression::{Expression, parse};

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) }
}

fn word() -> impl Strategy<Value = Box<str>> {
    let texts = prop_oneof![
        "[a-c_.:-]{1,4}",
        "\\PC{1,8}",
        Just("platform".to_owned()),
        Just("has".to_owned()),
        Just("within".to_owned()),
        Just("a\"b\\".to_owned()),
    ];
    texts.prop_map(Into::into)
}

fn test() -> impl Strategy<Value = Test> {
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    let platform = prop::sample::select(Platform::ALL.to_vec());
    let text = prop::sample::select(vec![TextAttribute::Brand, TextAttribute::Model, TextAttribute::Locale]);
    let comparison = prop::sample::select(vec![Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual]);
    let version = prop::sample::select(vec![VersionAttribute::Os, VersionAttribute::App]);
    let unit = prop::sample::select(vec![Unit::Hours, Unit::Days, Unit::Weeks]);
    prop_oneof![
        (any::<bool>(), platform).prop_map(|(is, platform)| Test::Platform { is, platform }),
        (text, any::<bool>(), word()).prop_map(|(attribute, is, value)| Test::Text { attribute, is, value }),
        prop_oneof!["[a-zA-Z]{1,8}(-[a-z0-9]{1,8}){0,2}", Just("*".to_owned())]
            .prop_map(|range| Test::Language { range: range.into() }),
        (version, comparison, "v?[0-9]{1,3}(\\.[0-9]{1,3}){0,2}(-[a-z ]{1,3})?").prop_map(
            |(attribute, comparison, version)| Test::Version { attribute, comparison, version: version.into() }
        ),
        (1u32.., unit).prop_map(|(count, unit)| Test::SeenWithin { count, unit }),
        Just(Test::HasUser),
    ]
}

fn tree(leaf: impl Strategy<Value = Node> + 'static) -> impl Strategy<Value = Node> {
    leaf.prop_recursive(4, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|part| Node::Not(Box::new(part))),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Node::All),
            prop::collection::vec(inner, 2..4).prop_map(Node::Any),
        ]
    })
}

fn any_tree() -> impl Strategy<Value = Node> {
    tree(prop_oneof![word().prop_map(Node::Tag), test().prop_map(Node::Test)])
}

/// Six things that a device is or is not: how they are written. 64 devices are all there can be.
const ATOMS: [&str; 6] = ["a", "\"b c\"", "城", "platform == ios", "has user", "brand != \"x\""];

/// The `index`th of the 64 devices.
fn nth_device(index: u64) -> crate::Device {
    let is = |atom: usize| index >> atom & 1 == 1;
    let tags: Vec<_> =
        [(0, "a"), (1, "b c"), (2, "城")].into_iter().filter(|(atom, _)| is(*atom)).map(|(_, t)| t).collect();
    let mut device = device(&tags);
    if is(3) {
        device.profile.platform = Platform::Ios;
    }
    device.user = is(4).then(|| "u".parse().unwrap());
    device.profile.brand = (!is(5)).then(|| "X".to_owned());
    device
}

/// Which of the 64 devices an atom holds for, a bit each.
fn column(atom: usize) -> u64 {
    (0..64).filter(|index| index >> atom & 1 == 1).map(|index| 1 << index).sum()
}

/// A sign of an expression, as the naive way sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    Atom(usize),
    Not,
    And,
    Or,
    Open,
    Close,
}

impl Sign {
    fn text(self) -> &'static str {
        match self {
            Self::Atom(atom) => ATOMS[atom],
            Self::Not => "!",
            Self::And => "&&",
            Self::Or => "||",
            Self::Open => "(",
            Self::Close => ")",
        }
    }
}

/// Random signs in a legal order: infix, with parentheses where nobody needs them.
fn signs() -> impl Strategy<Value = Vec<Sign>> {
    let atom = (0..ATOMS.len()).prop_map(|atom| vec![Sign::Atom(atom)]);
    atom.prop_recursive(5, 40, 3, |inner| {
        let operator = prop_oneof![Just(Sign::And), Just(Sign::Or)];
        prop_oneof![
            inner.clone().prop_map(|part| [vec![Sign::Open], part, vec![Sign::Close]].concat()),
            inner.clone().prop_map(|part| [vec![Sign::Not, Sign::Open], part, vec![Sign::Close]].concat()),
            (0..ATOMS.len()).prop_map(|atom| vec![Sign::Not, Sign::Atom(atom)]),
            (inner.clone(), operator, inner).prop_map(|(left, operator, right)| [left, vec![operator], right].concat()),
        ]
    })
}

/// The naive way: a shunting yard over whole truth tables. It shares nothing with the parser or the evaluator.
fn truth_table(signs: &[Sign]) -> u64 {
    fn apply(operator: Sign, values: &mut Vec<u64>) {
        let last = values.pop().unwrap();
        let value = match operator {
            Sign::Not => !last,
            Sign::And => values.pop().unwrap() & last,
            _ => values.pop().unwrap() | last,
        };
        values.push(value);
    }
    let binds = |sign: Sign| match sign {
        Sign::Not => 3,
        Sign::And => 2,
        Sign::Or => 1,
        _ => 0,
    };
    let (mut values, mut waiting): (Vec<u64>, Vec<Sign>) = (Vec::new(), Vec::new());
    for sign in signs {
        match sign {
            Sign::Atom(atom) => values.push(column(*atom)),
            Sign::Open | Sign::Not => waiting.push(*sign),
            Sign::And | Sign::Or => {
                while let Some(operator) = waiting.pop_if(|operator| binds(*operator) >= binds(*sign)) {
                    apply(operator, &mut values);
                }
                waiting.push(*sign);
            }
            Sign::Close => {
                while let Some(operator) = waiting.pop_if(|operator| *operator != Sign::Open) {
                    apply(operator, &mut values);
                }
                waiting.pop();
            }
        }
    }
    while let Some(operator) = waiting.pop() {
        apply(operator, &mut values);
    }
    values[0]
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_is_printed_is_read_as_the_same(tree in any_tree()) {
        let text = tree.to_string();
        prop_assume!(text.len() <= crate::limits::EXPRESSION_MAX_BYTES);
        prop_assert_eq!(parse::parse(&text), Ok(tree), "{}", text);
    }

    #[test]
    fn evaluating_agrees_with_truth_tables(signs in signs(), spaces in prop::collection::vec(" {0,2}", 1..5)) {
        let mut spaces = spaces.iter().cycle();
        let text: String = signs.iter().flat_map(|sign| [sign.text(), spaces.next().unwrap()]).collect();
        let nested = signs.iter().filter(|sign| matches!(sign, Sign::Open | Sign::Not)).count();
        prop_assume!(text.len() <= crate::limits::EXPRESSION_MAX_BYTES && nested <= crate::limits::EXPRESSION_MAX_DEPTH);
        let expression: Expression = text.parse().unwrap();
        let expected = truth_table(&signs);
        for index in 0..64 {
            prop_assert_eq!(expression.holds_for(&nth_device(index), NOW), expected >> index & 1 == 1, "{} {}", text, index);
        }
    }

    /// Any text is an expression or refused at a place inside it or right behind it.
    #[test]
    fn any_text_is_judged(text in "[a-z\"\\\\ ()!&|=<>~.0-9城]{0,40}|\\PC{0,40}") {
        if let Err(error) = text.parse::<Expression>() {
            prop_assert!((1..=text.chars().count() + 1).contains(&error.position), "{}: {}", text, error);
            prop_assert!(!error.message.is_empty());
        }
    }
}
