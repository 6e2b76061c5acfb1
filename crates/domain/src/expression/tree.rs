//! What an expression means, and how that is written.

use std::fmt;
use std::fmt::Display as _;

use super::lex::is_bare_word;
use crate::device::Platform;
use crate::time::Millis;

/// A part of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// The device has this tag.
    Tag(Box<str>),
    /// Its attributes are so.
    Test(Test),
    /// The part does not hold.
    Not(Box<Self>),
    /// All of at least two parts hold.
    All(Vec<Self>),
    /// One of at least two parts holds.
    Any(Vec<Self>),
}

/// A test of an attribute. What a device did not say is equal to nothing, and neither smaller nor larger than anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Test {
    /// It runs this platform, or does not.
    Platform { is: bool, platform: Platform },
    /// The attribute is this text, or is not; the case of ASCII letters does not matter.
    Text { attribute: TextAttribute, is: bool, value: Box<str> },
    /// Its locale lies in a language range (RFC 4647 §3.3.1, basic filtering).
    Language { range: Box<str> },
    /// The attribute compares so to this version.
    Version { attribute: VersionAttribute, comparison: Comparison, version: Box<str> },
    /// It had a link, or registered, so recently.
    SeenWithin { count: u32, unit: Unit },
    /// It is bound to a user.
    HasUser,
}

/// An attribute that is a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextAttribute {
    Brand,
    Model,
    Locale,
}

/// An attribute that is a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum VersionAttribute {
    Os,
    App,
}

/// How two versions are to stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What time is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Hours,
    Days,
    Weeks,
}

impl TextAttribute {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Brand => "brand",
            Self::Model => "model",
            Self::Locale => "locale",
        }
    }
}

impl VersionAttribute {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Os => "os_version",
            Self::App => "app_version",
        }
    }
}

impl Comparison {
    pub(super) const fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

impl Unit {
    pub(super) const fn letter(self) -> char {
        match self {
            Self::Hours => 'h',
            Self::Days => 'd',
            Self::Weeks => 'w',
        }
    }

    pub(super) const fn millis(self) -> Millis {
        const HOUR: Millis = 3_600_000;
        match self {
            Self::Hours => HOUR,
            Self::Days => 24 * HOUR,
            Self::Weeks => 7 * 24 * HOUR,
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => Word(tag).fmt(f),
            Self::Test(test) => test.fmt(f),
            Self::Not(part) => write!(f, "!{}", Part(part)),
            Self::All(parts) => joined(parts, " && ", f),
            Self::Any(parts) => joined(parts, " || ", f),
        }
    }
}

fn joined(parts: &[Node], operator: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            f.write_str(operator)?;
        }
        Part(part).fmt(f)?;
    }
    Ok(())
}

/// A part inside another: in parentheses where it has operators of its own, for people who do not know by heart which
/// binds more tightly.
struct Part<'a>(&'a Node);

impl fmt::Display for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Node::All(_) | Node::Any(_) => write!(f, "({})", self.0),
            _ => self.0.fmt(f),
        }
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let equal = |is: bool| if is { Comparison::Equal } else { Comparison::NotEqual }.symbol();
        match self {
            Self::Platform { is, platform } => write!(f, "platform {} {platform}", equal(*is)),
            Self::Text { attribute, is, value } => write!(f, "{} {} {}", attribute.name(), equal(*is), Word(value)),
            Self::Language { range } => write!(f, "locale ~ {}", Word(range)),
            Self::Version { attribute, comparison, version } => {
                write!(f, "{} {} {}", attribute.name(), comparison.symbol(), Word(version))
            }
            Self::SeenWithin { count, unit } => write!(f, "last_seen within {count}{}", unit.letter()),
            Self::HasUser => f.write_str("has user"),
        }
    }
}

/// A tag or a text: bare if it can be, else quoted.
struct Word<'a>(&'a str);

impl fmt::Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_bare_word(self.0) {
            return f.write_str(self.0);
        }
        f.write_str("\"")?;
        for character in self.0.chars() {
            if matches!(character, '"' | '\\') {
                f.write_str("\\")?;
            }
            write!(f, "{character}")?;
        }
        f.write_str("\"")
    }
}
