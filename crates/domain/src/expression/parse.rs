//! From words to meaning, by recursive descent.

use super::ExpressionError;
use super::lex::{Placed, Token, lex};
use super::tree::{Comparison, Node, Test, TextAttribute, Unit, VersionAttribute};
use super::version::is_version;
use crate::device::Platform;
use crate::limits::{EXPRESSION_MAX_BYTES, EXPRESSION_MAX_DEPTH, TAG_MAX_BYTES};

type Parsed<T> = Result<T, ExpressionError>;

/// Reads an expression.
pub(super) fn parse(text: &str) -> Parsed<Node> {
    if text.len() > EXPRESSION_MAX_BYTES {
        let fitting = text.char_indices().take_while(|(at, c)| at + c.len_utf8() <= EXPRESSION_MAX_BYTES).count();
        let message = format!("an expression must be at most {EXPRESSION_MAX_BYTES} bytes, which are over");
        return Err(ExpressionError { position: fitting + 1, message });
    }
    let mut parser = Parser { tokens: lex(text)?, next: 0, depth: 0 };
    let root = parser.any()?;
    match parser.peek() {
        Token::End => Ok(root),
        Token::Close => parser.wrong("expected no ), because no ( is open,"),
        _ => {
            let before = parser.before();
            parser.wrong(format!("expected && or || after {before}"))
        }
    }
}

struct Parser {
    /// Ends with [`Token::End`].
    tokens: Vec<Placed>,
    next: usize,
    /// How many `(` and `!` are around the next word.
    depth: usize,
}

impl Parser {
    fn any(&mut self) -> Parsed<Node> {
        self.joined(&Token::Or, Self::all, Node::Any)
    }

    fn all(&mut self) -> Parsed<Node> {
        self.joined(&Token::And, Self::not, Node::All)
    }

    /// One part, or several with the operator between them.
    fn joined(
        &mut self,
        operator: &Token,
        part: fn(&mut Self) -> Parsed<Node>,
        join: fn(Vec<Node>) -> Node,
    ) -> Parsed<Node> {
        let first = part(self)?;
        if self.peek() != operator {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.peek() == operator {
            self.advance();
            parts.push(part(self)?);
        }
        Ok(join(parts))
    }

    fn not(&mut self) -> Parsed<Node> {
        match self.peek() {
            Token::Not => self.deeper(|parser| Ok(Node::Not(Box::new(parser.not()?)))),
            Token::Open => {
                let opened = self.position();
                self.deeper(|parser| {
                    let inner = parser.any()?;
                    if *parser.peek() != Token::Close {
                        let before = parser.before();
                        return parser
                            .wrong(format!("expected &&, || or ) (for the ( at character {opened}) after {before}"));
                    }
                    parser.advance();
                    Ok(inner)
                })
            }
            Token::Quoted(_) => self.tag(),
            Token::Word(word) => match self.tokens.get(self.next + 1).map(|placed| &placed.token) {
                Some(Token::Comparison(_) | Token::InRange) => self.comparison(),
                Some(Token::Word(second)) if word == "last_seen" || second == "within" => self.seen_within(),
                Some(Token::Word(_)) if word == "has" => self.has(),
                _ => self.tag(),
            },
            _ => self.expected("a tag"),
        }
    }

    /// Takes the `!` or `(` and what belongs to it.
    fn deeper(&mut self, inner: impl FnOnce(&mut Self) -> Parsed<Node>) -> Parsed<Node> {
        if self.depth == EXPRESSION_MAX_DEPTH {
            return self.wrong(format!("expected at most {EXPRESSION_MAX_DEPTH} nested ( and !, and this one is more"));
        }
        self.advance();
        self.depth += 1;
        let node = inner(self)?;
        self.depth -= 1;
        Ok(node)
    }

    fn tag(&mut self) -> Parsed<Node> {
        let position = self.position();
        let tag = self.text("a tag")?;
        if tag.is_empty() || tag.len() > TAG_MAX_BYTES {
            let message = format!("expected a tag of 1 to {TAG_MAX_BYTES} bytes");
            return Err(ExpressionError { position, message });
        }
        if let Token::Comparison(_) | Token::InRange = self.peek() {
            return self.wrong("expected no comparison, because a text in quotes is a tag,");
        }
        Ok(Node::Tag(tag.into()))
    }

    /// `attribute operator value`
    fn comparison(&mut self) -> Parsed<Node> {
        let at = self.position();
        let attribute = self.text("an attribute")?;
        let test = match &*attribute {
            "platform" => self.platform(),
            "brand" => self.words(TextAttribute::Brand),
            "model" => self.words(TextAttribute::Model),
            "locale" if *self.peek() == Token::InRange => self.language(),
            "locale" => self.words(TextAttribute::Locale),
            "os_version" => self.version(VersionAttribute::Os),
            "app_version" => self.version(VersionAttribute::App),
            "last_seen" => self.wrong("expected within after last_seen, as in last_seen within 7d,"),
            _ => {
                let known = "platform, brand, model, locale, os_version, app_version or last_seen";
                let message = format!("expected one of the attributes {known} before {}", self.peek());
                return Err(ExpressionError { position: at, message });
            }
        };
        test.map(Node::Test)
    }

    fn platform(&mut self) -> Parsed<Test> {
        let is = self.equality("platform")?;
        let position = self.position();
        match self.text("a platform")?.parse() {
            Ok(platform) => Ok(Test::Platform { is, platform }),
            Err(()) => {
                let known = Platform::ALL.map(Platform::name).join(", ");
                Err(ExpressionError { position, message: format!("expected one of the platforms {known}") })
            }
        }
    }

    fn words(&mut self, attribute: TextAttribute) -> Parsed<Test> {
        let is = self.equality(attribute.name())?;
        let value = self.text("a text")?.into();
        Ok(Test::Text { attribute, is, value })
    }

    fn language(&mut self) -> Parsed<Test> {
        self.advance();
        let position = self.position();
        let range = self.text("a language")?;
        let is_subtag =
            |subtag: &str| (1..=8).contains(&subtag.len()) && subtag.bytes().all(|b| b.is_ascii_alphanumeric());
        if range != "*" && !range.split('-').all(is_subtag) {
            let message = "expected a language such as zh or zh-CN".to_owned();
            return Err(ExpressionError { position, message });
        }
        Ok(Test::Language { range: range.into() })
    }

    fn version(&mut self, attribute: VersionAttribute) -> Parsed<Test> {
        let &Token::Comparison(comparison) = self.peek() else {
            return self.expected("==, !=, <, <=, > or >=");
        };
        self.advance();
        let position = self.position();
        let version = self.text("a version")?;
        if !is_version(&version) {
            return Err(ExpressionError { position, message: "expected a version such as 2.10".to_owned() });
        }
        Ok(Test::Version { attribute, comparison, version: version.into() })
    }

    /// `last_seen within 7d`
    fn seen_within(&mut self) -> Parsed<Node> {
        let at = self.position();
        if self.text("last_seen")? != "last_seen" {
            return Err(ExpressionError { position: at, message: "expected last_seen before within".to_owned() });
        }
        if *self.peek() != Token::Word("within".to_owned()) {
            return self.expected("within");
        }
        self.advance();
        let position = self.position();
        let wrong = || ExpressionError { position, message: "expected a time such as 12h, 7d or 4w".to_owned() };
        let Token::Word(word) = self.peek() else { return Err(wrong()) };
        let split = word.char_indices().next_back().map(|(at, letter)| (&word.as_bytes()[..at], letter));
        let (count, unit) = match split {
            Some((count, 'h')) => (count, Unit::Hours),
            Some((count, 'd')) => (count, Unit::Days),
            Some((count, 'w')) => (count, Unit::Weeks),
            _ => return Err(wrong()),
        };
        let digits = str::from_utf8(count).ok().filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()));
        let count = digits.and_then(|digits| digits.parse().ok()).filter(|count| *count > 0).ok_or_else(wrong)?;
        self.advance();
        Ok(Node::Test(Test::SeenWithin { count, unit }))
    }

    /// `has user`
    fn has(&mut self) -> Parsed<Node> {
        self.advance();
        if *self.peek() != Token::Word("user".to_owned()) {
            return self.expected("user");
        }
        self.advance();
        Ok(Node::Test(Test::HasUser))
    }

    /// Takes `==` (true) or `!=`.
    fn equality(&mut self, attribute: &str) -> Parsed<bool> {
        let is = match self.peek() {
            Token::Comparison(Comparison::Equal) => true,
            Token::Comparison(Comparison::NotEqual) => false,
            _ => return self.wrong(format!("expected == or != after {attribute}")),
        };
        self.advance();
        Ok(is)
    }

    /// Takes a bare word or a text in quotes.
    fn text(&mut self, what: &str) -> Parsed<String> {
        match self.peek() {
            Token::Word(text) | Token::Quoted(text) => {
                let text = text.clone();
                self.advance();
                Ok(text)
            }
            _ => self.expected(what),
        }
    }

    fn expected<T>(&self, what: &str) -> Parsed<T> {
        match self.next {
            0 => self.wrong(format!("expected {what}")),
            _ => self.wrong(format!("expected {what} after {}", self.before())),
        }
    }

    fn wrong<T>(&self, message: impl Into<String>) -> Parsed<T> {
        Err(ExpressionError { position: self.position(), message: message.into() })
    }

    /// The last word that was taken, as it is shown to people.
    fn before(&self) -> String {
        self.next.checked_sub(1).map_or_else(String::new, |before| self.tokens[before].token.to_string())
    }

    fn position(&self) -> usize {
        self.placed().position
    }

    fn peek(&self) -> &Token {
        &self.placed().token
    }

    /// The end is never passed.
    fn placed(&self) -> &Placed {
        &self.tokens[self.next.min(self.tokens.len() - 1)]
    }

    fn advance(&mut self) {
        self.next += 1;
    }
}
