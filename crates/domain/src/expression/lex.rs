//! The words of an expression.

use std::fmt;

use super::ExpressionError;
use super::tree::Comparison;

/// A word or a sign, and where it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    /// Character from 1.
    pub(super) position: usize,
    pub(super) token: Token,
}

/// A word or a sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// `(`
    Open,
    /// `)`
    Close,
    /// `&&`
    And,
    /// `||`
    Or,
    /// `!`
    Not,
    /// `==` and its like.
    Comparison(Comparison),
    /// `~`
    InRange,
    /// A bare word: a tag, an attribute, or a value.
    Word(String),
    /// A text in quotes, without them: a tag or a value.
    Quoted(String),
    /// Nothing more.
    End,
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("("),
            Self::Close => f.write_str(")"),
            Self::And => f.write_str("&&"),
            Self::Or => f.write_str("||"),
            Self::Not => f.write_str("!"),
            Self::Comparison(comparison) => f.write_str(comparison.symbol()),
            Self::InRange => f.write_str("~"),
            Self::Word(word) | Self::Quoted(word) => f.write_str(word),
            Self::End => f.write_str("the end"),
        }
    }
}

/// Whether a text can stand without quotes.
pub(super) fn is_bare_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_word_character)
}

fn is_word_character(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '-' | '.' | ':')
}

/// The words of a text, with an [`Token::End`] as the last.
pub(super) fn lex(text: &str) -> Result<Vec<Placed>, ExpressionError> {
    let mut rest = Characters { rest: text, position: 1 };
    let mut tokens = Vec::new();
    loop {
        rest.take_while(char::is_whitespace);
        let position = rest.position;
        let token = rest.token()?;
        let is_end = token == Token::End;
        tokens.push(Placed { position, token });
        if is_end {
            return Ok(tokens);
        }
    }
}

/// What is left of a text.
struct Characters<'a> {
    rest: &'a str,
    /// Of its first character, from 1.
    position: usize,
}

impl Characters<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let next = characters.next()?;
        self.rest = characters.as_str();
        self.position += 1;
        Some(next)
    }

    fn take_if(&mut self, wanted: char) -> bool {
        let is_there = self.peek() == Some(wanted);
        if is_there {
            self.next();
        }
        is_there
    }

    fn take_while(&mut self, is_wanted: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        while let Some(character) = self.peek().filter(|character| is_wanted(*character)) {
            taken.push(character);
            self.next();
        }
        taken
    }

    fn token(&mut self) -> Result<Token, ExpressionError> {
        let position = self.position;
        let wrong = |message: String| Err(ExpressionError { position, message });
        let Some(first) = self.peek() else { return Ok(Token::End) };
        if is_word_character(first) {
            return Ok(Token::Word(self.take_while(is_word_character)));
        }
        self.next();
        Ok(match first {
            '(' => Token::Open,
            ')' => Token::Close,
            '~' => Token::InRange,
            '"' => return self.quoted(position),
            '!' if self.take_if('=') => Token::Comparison(Comparison::NotEqual),
            '!' => Token::Not,
            '<' if self.take_if('=') => Token::Comparison(Comparison::LessOrEqual),
            '<' => Token::Comparison(Comparison::Less),
            '>' if self.take_if('=') => Token::Comparison(Comparison::GreaterOrEqual),
            '>' => Token::Comparison(Comparison::Greater),
            '=' if self.take_if('=') => Token::Comparison(Comparison::Equal),
            '&' if self.take_if('&') => Token::And,
            '|' if self.take_if('|') => Token::Or,
            '=' | '&' | '|' => return wrong(format!("expected {first}{first} instead of {first}")),
            _ => {
                let shown = first.escape_debug();
                return wrong(format!("{shown} means nothing here (put tags with it in double quotes)"));
            }
        })
    }

    /// A text whose first quote was taken at `position`.
    fn quoted(&mut self, position: usize) -> Result<Token, ExpressionError> {
        let mut text = String::new();
        loop {
            let at = self.position;
            let wrong = |message: &str| Err(ExpressionError { position: at, message: message.to_owned() });
            match self.next() {
                Some('"') => return Ok(Token::Quoted(text)),
                Some('\\') => match self.next() {
                    Some(escaped @ ('"' | '\\')) => text.push(escaped),
                    _ => return wrong("expected \\\" or \\\\ for the \\"),
                },
                Some(character) if character.is_control() => {
                    return wrong("a text in quotes must not hold control characters");
                }
                Some(character) => text.push(character),
                None => {
                    let message = "expected a second \" for the one".to_owned();
                    return Err(ExpressionError { position, message });
                }
            }
        }
    }
}
