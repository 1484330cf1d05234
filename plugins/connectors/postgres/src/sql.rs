//! Identifiers, literals and the names that Sensei makes.

/// Longest identifier in bytes: `NAMEDATALEN - 1` of every stock server.
pub(crate) const IDENTIFIER_BYTES: usize = 63;

/// A setting under which the triggers that this connector makes leave rows as they are: `on` while it repairs them.
pub(crate) const AS_IT_IS: &str = "sensei.as_it_is";

/// What the comment on every schema that Sensei makes begins with; `catalog` leaves such schemas out.
pub(crate) const SCHEMA_MARK: &str = "Sensei: ";

/// `"name"`, quotes doubled.
pub(crate) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `"schema"."name"`.
pub(crate) fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", identifier(schema), identifier(name))
}

/// `("a", "b")`.
pub(crate) fn columns<S: AsRef<str>>(names: &[S]) -> String {
    let quoted: Vec<String> = names.iter().map(|n| identifier(n.as_ref())).collect();
    format!("({})", quoted.join(", "))
}

/// A string literal that means the same whatever `standard_conforming_strings` says.
pub(crate) fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if text.contains('\\') { format!("E'{}'", quoted.replace('\\', "\\\\")) } else { format!("'{quoted}'") }
}

/// `ARRAY['a', 'b']::text[]`.
pub(crate) fn text_array<S: AsRef<str>>(values: &[S]) -> String {
    let quoted: Vec<String> = values.iter().map(|v| literal(v.as_ref())).collect();
    format!("ARRAY[{}]::text[]", quoted.join(", "))
}

/// FNV-1a, 64 bits: the same everywhere and for ever, which is all that names and lock keys need.
pub(crate) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// A name that fits: cut at a character and ended with a hash of the whole when it is too long.
pub(crate) fn shorten(name: &str) -> String {
    if name.len() <= IDENTIFIER_BYTES {
        return name.to_owned();
    }
    let suffix = format!("_{:08x}", hash(name) as u32);
    let mut end = IDENTIFIER_BYTES - suffix.len();
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{suffix}", &name[..end])
}

/// The schema that holds a migration's ledger.
pub(crate) fn ledger_schema(migration: &str) -> String {
    shorten(&format!("sensei_{migration}"))
}

/// The schema in which the tables of a target schema are loaded.
pub(crate) fn staging_schema(migration: &str, schema: &str) -> String {
    shorten(&format!("sensei_{migration}_{schema}"))
}

/// The schema that keeps what a cutover replaced.
pub(crate) fn replaced_schema(migration: &str, schema: &str) -> String {
    shorten(&format!("sensei_old_{migration}_{schema}"))
}

/// A piece of SQL text: enough of a lexer to tell names from what is quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// A name, quoted or not, as it stands.
    Name(&'a str),
    /// Anything else: literals, operators, blanks.
    Other(&'a str),
}

/// Cuts SQL text into names and the rest. Literals (also `E''` and dollar-quoted ones) stay whole.
pub(crate) fn tokens(sql: &str) -> Vec<Token<'_>> {
    let bytes = sql.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let from = at;
        match bytes[at] {
            b'\'' => {
                let escaped = from > 0 && matches!(bytes[from - 1], b'E' | b'e');
                at = end_of_quoted(bytes, at, b'\'', escaped);
                found.push(Token::Other(&sql[from..at]));
            }
            b'"' => {
                at = end_of_quoted(bytes, at, b'"', false);
                found.push(Token::Name(&sql[from..at]));
            }
            b if b.is_ascii_alphabetic() || b == b'_' || b >= 0x80 => {
                while at < bytes.len()
                    && (bytes[at].is_ascii_alphanumeric() || b"_$".contains(&bytes[at]) || bytes[at] >= 0x80)
                {
                    at += 1;
                }
                found.push(Token::Name(&sql[from..at]));
            }
            b if b.is_ascii_digit() => {
                // `1e5` holds no name.
                while at < bytes.len() && bytes[at].is_ascii_alphanumeric() {
                    at += 1;
                }
                found.push(Token::Other(&sql[from..at]));
            }
            _ => {
                at += 1;
                found.push(Token::Other(&sql[from..at]));
            }
        }
    }
    found
}

fn end_of_quoted(bytes: &[u8], from: usize, quote: u8, escaped: bool) -> usize {
    let mut at = from + 1;
    while at < bytes.len() {
        if bytes[at] == quote {
            if bytes.get(at + 1) == Some(&quote) {
                at += 2;
                continue;
            }
            return at + 1;
        }
        at += if escaped && bytes[at] == b'\\' { 2 } else { 1 };
    }
    bytes.len()
}

/// The name that a token means: unquoted ones are folded to lower case.
pub(crate) fn name_of(token: &str) -> String {
    token
        .strip_prefix('"')
        .and_then(|t| t.strip_suffix('"'))
        .map_or_else(|| token.to_lowercase(), |quoted| quoted.replace("\"\"", "\""))
}

/// Rewrites each `schema.name` for which `place` has an answer.
pub(crate) fn requalify(sql: &str, place: impl Fn(&str, &str) -> Option<String>) -> String {
    let tokens = tokens(sql);
    let mut out = String::with_capacity(sql.len());
    let mut at = 0;
    while at < tokens.len() {
        if let [Token::Name(schema), Token::Other("."), Token::Name(name), ..] = tokens[at..]
            && let Some(new) = place(&name_of(schema), &name_of(name))
        {
            out.push_str(&new);
            at += 3;
            continue;
        }
        let (Token::Name(text) | Token::Other(text)) = tokens[at];
        out.push_str(text);
        at += 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting() {
        assert_eq!(identifier("we\"ird"), "\"we\"\"ird\"");
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal(r"a\b"), r"E'a\\b'");
        assert_eq!(text_array(&["a", "b'"]), "ARRAY['a', 'b''']::text[]");
    }

    #[test]
    fn long_names_stay_different_and_fit() {
        let (a, b) = (shorten(&"ä".repeat(80)), shorten(&format!("{}x", "ä".repeat(80))));
        assert!(a.len() <= IDENTIFIER_BYTES && b.len() <= IDENTIFIER_BYTES);
        assert_ne!(a, b);
        assert_eq!(shorten("short"), "short");
        assert_eq!(staging_schema("m1", "public"), "sensei_m1_public");
    }

    #[test]
    fn names_are_moved_and_literals_are_not() {
        let place = |s: &str, n: &str| (s == "public" && n == "mood").then(|| "\"stage\".\"mood\"".to_owned());
        assert_eq!(requalify("'public.mood'::public.mood[]", place), "'public.mood'::\"stage\".\"mood\"[]");
        assert_eq!(
            requalify("E'\\'public.mood' || \"public\".\"mood\"", place),
            "E'\\'public.mood' || \"stage\".\"mood\""
        );
        assert_eq!(requalify("publicx.mood + public.moody", place), "publicx.mood + public.moody");
    }
}
