//! SQL text: quoting, and the tokens of `CREATE` statements as SQLite keeps them.

use std::ops::Range;

/// An identifier that means exactly this name.
pub(crate) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Identifiers in a list.
pub(crate) fn identifiers<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    names.into_iter().map(|name| identifier(name)).collect::<Vec<_>>().join(", ")
}

/// A text constant. SQLite ends a statement at a NUL, so such a text is put together from parts.
pub(crate) fn text(value: &str) -> String {
    let quoted: Vec<_> = value.split('\0').map(|part| format!("'{}'", part.replace('\'', "''"))).collect();
    if quoted.len() == 1 { quoted.concat() } else { format!("({})", quoted.join(" || char(0) || ")) }
}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A bare word: keyword or name.
    Word,
    /// A name in quotes of any of SQLite's kinds.
    Quoted,
    /// A text constant.
    Text,
    Number,
    /// `x'..'`
    Blob,
    Comment,
    /// Anything else, one character.
    Mark,
}

/// A token and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) span: Range<usize>,
}

/// All tokens of a text (SQLite's `tokenize.c`); white space is left out.
pub(crate) fn tokens(sql: &str) -> Vec<Token> {
    let bytes = sql.as_bytes();
    let mut all = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let begin = at;
        let kind = match bytes[at] {
            b if b.is_ascii_whitespace() => {
                at += 1;
                continue;
            }
            b'-' if bytes[at..].starts_with(b"--") => {
                at = sql[at..].find('\n').map_or(bytes.len(), |end| at + end);
                Kind::Comment
            }
            b'/' if bytes[at..].starts_with(b"/*") => {
                at = sql[at + 2..].find("*/").map_or(bytes.len(), |end| at + end + 4);
                Kind::Comment
            }
            quote @ (b'\'' | b'"' | b'`') => {
                at = quoted_end(bytes, at, quote);
                if quote == b'\'' { Kind::Text } else { Kind::Quoted }
            }
            b'[' => {
                at = sql[at..].find(']').map_or(bytes.len(), |end| at + end + 1);
                Kind::Quoted
            }
            b'x' | b'X' if bytes.get(at + 1) == Some(&b'\'') => {
                at = quoted_end(bytes, at + 1, b'\'');
                Kind::Blob
            }
            b if b.is_ascii_digit() || (b == b'.' && bytes.get(at + 1).is_some_and(u8::is_ascii_digit)) => {
                while at < bytes.len() && (is_word(bytes[at]) || bytes[at] == b'.' || is_exponent_sign(bytes, at)) {
                    at += 1;
                }
                Kind::Number
            }
            b if is_word(b) => {
                while at < bytes.len() && is_word(bytes[at]) {
                    at += 1;
                }
                Kind::Word
            }
            _ => {
                at += 1;
                Kind::Mark
            }
        };
        all.push(Token { kind, span: begin..at });
    }
    all
}

/// Letters, digits, `_`, `$`, and everything outside ASCII.
fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_' || b == b'$' || b >= 0x80
}

fn is_exponent_sign(bytes: &[u8], at: usize) -> bool {
    matches!(bytes[at], b'+' | b'-') && matches!(bytes[at - 1], b'e' | b'E') && !bytes[..at].ends_with(b"0x")
}

/// Behind the closing quote; a doubled quote does not close.
fn quoted_end(bytes: &[u8], begin: usize, quote: u8) -> usize {
    let mut at = begin + 1;
    while at < bytes.len() {
        if bytes[at] == quote {
            if bytes.get(at + 1) != Some(&quote) {
                return at + 1;
            }
            at += 1;
        }
        at += 1;
    }
    bytes.len()
}

/// The name or constant that a token stands for.
pub(crate) fn unquoted(token: &str) -> String {
    let inner = |open: usize| token.get(open..token.len().saturating_sub(1)).unwrap_or_default();
    match token.as_bytes().first() {
        Some(b'"') => inner(1).replace("\"\"", "\""),
        Some(b'`') => inner(1).replace("``", "`"),
        Some(b'\'') => inner(1).replace("''", "'"),
        Some(b'[') => inner(1).to_owned(),
        _ => token.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_every_kind() {
        let sql = "CREATE TABLE [a b](\"x\"\"y\" INT/*1*/ DEFAULT -1.5e-3, `z` TEXT DEFAULT 'it''s', w BLOB DEFAULT x'0A') -- end";
        let words: Vec<_> = tokens(sql).into_iter().map(|t| format!("{:?} {}", t.kind, &sql[t.span])).collect();
        insta::assert_snapshot!(words.join("\n"));
    }

    #[test]
    fn quoting_is_taken_back() {
        for name in ["plain", "with \"quotes\"", "select", "naïve"] {
            let quoted = identifier(name);
            let all = tokens(&quoted);
            assert_eq!((all.len(), all[0].kind), (1, Kind::Quoted));
            assert_eq!(unquoted(&quoted), name);
        }
        assert_eq!(text("a\0'b"), "('a' || char(0) || '''b')");
    }
}
