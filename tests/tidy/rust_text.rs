//! Just enough of Rust's lexer to tell code from comments and from text, so that a rule never trips over a document or
//! over its own needles.

/// The code with comments and the insides of literals blanked out. Lines stay where they are.
pub(crate) fn code_only(source: &str) -> String {
    let chars: Vec<char> = source.chars().collect();
    let mut code = String::with_capacity(source.len());
    let mut at = 0;
    while at < chars.len() {
        let end = blank_until(&chars, at);
        if end > at {
            code.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            at = end;
        } else {
            code.push(chars[at]);
            at += 1;
        }
    }
    code
}

/// The part of a file that ships: without the unit tests at its end.
pub(crate) fn production_part(source: &str) -> &str {
    let mut offset = 0;
    let mut lines = source.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        let opens_tests = lines.peek().is_some_and(|next| next.starts_with("mod ") && next.trim_end().ends_with('{'));
        if line.starts_with("#[cfg(test)]") && opens_tests {
            return source.get(..offset).unwrap_or_default();
        }
        offset += line.len();
    }
    source
}

/// Where the comment or literal that starts at `at` ends; `at` itself when none starts there.
fn blank_until(chars: &[char], at: usize) -> usize {
    let next = chars.get(at + 1).copied();
    let is_word_before =
        at.checked_sub(1).is_some_and(|before| chars[before].is_alphanumeric() || chars[before] == '_');
    match chars[at] {
        '/' if next == Some('/') => position(chars, at, |at| chars[at] == '\n'),
        '/' if next == Some('*') => block_comment_end(chars, at),
        '"' => quoted_end(chars, at, '"'),
        'b' | 'c' if next == Some('"') && !is_word_before => quoted_end(chars, at + 1, '"'),
        'b' if next == Some('\'') && !is_word_before => quoted_end(chars, at + 1, '\''),
        'r' | 'b' | 'c' if !is_word_before => raw_string_end(chars, at),
        // A lifetime has no quote after its first letter.
        '\'' if next == Some('\\') || chars.get(at + 2) == Some(&'\'') => quoted_end(chars, at, '\''),
        _ => at,
    }
}

fn position(chars: &[char], from: usize, is_end: impl Fn(usize) -> bool) -> usize {
    (from..chars.len()).find(|at| is_end(*at)).unwrap_or(chars.len())
}

fn block_comment_end(chars: &[char], from: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = from;
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

fn quoted_end(chars: &[char], from: usize, quote: char) -> usize {
    let mut at = from + 1;
    while at < chars.len() && chars[at] != quote {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

/// `r"…"`, `r#"…"#`, `br"…"`, `cr"…"`; `from` itself when it is none (a raw name, say).
fn raw_string_end(chars: &[char], from: usize) -> usize {
    let after_prefix = match (chars[from], chars.get(from + 1)) {
        ('r', _) => from + 1,
        (_, Some('r')) => from + 2,
        _ => return from,
    };
    let open = position(chars, after_prefix, |at| chars[at] != '#');
    if chars.get(open) != Some(&'"') {
        return from;
    }
    let hashes = open - after_prefix;
    let is_close = |at: usize| {
        chars[at] == '"' && at + hashes < chars.len() && chars[at + 1..=at + hashes].iter().all(|c| *c == '#')
    };
    let close = position(chars, open + 1, is_close);
    (close + hashes + 1).min(chars.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blank_and_code_is_not() {
        let cases = [
            ("a(); // b()\nc()", "a(); \nc()"),
            ("a /* b /* c */ d */ e", "a  e"),
            (r#"f("x\"y") + g"#, "f() + g"),
            ("r\"a\\\" + b", " + b"),
            ("r#\"a\"b\"# + c", " + c"),
            ("br\"x\" + b'y' + b\"z\"", " +  + "),
            ("fn f<'a>(x: &'a str) { '\"'; '\\''; 'b' }", "fn f<'a>(x: &'a str) { ; ;  }"),
            ("let r = bar; r#type", "let r = bar; r#type"),
            ("/// doc \"open\nfn f() {}", "\nfn f() {}"),
        ];
        for (source, wanted) in cases {
            let squeeze = |text: &str| text.replace(' ', "");
            assert_eq!(squeeze(&code_only(source)), squeeze(wanted), "{source}");
            assert_eq!(code_only(source).chars().count(), source.chars().count(), "{source}: same length");
        }
    }

    #[test]
    fn the_production_part_ends_where_the_unit_tests_begin() {
        assert_eq!(production_part("fn a() {}\n#[cfg(test)]\nmod tests {\n}\n"), "fn a() {}\n");
        let apart = "#[cfg(test)]\nmod tests;\nfn a() {}\n";
        assert_eq!(production_part(apart), apart);
        let unfinished = "\"never closed";
        assert_eq!(code_only(unfinished).trim(), "");
    }
}
