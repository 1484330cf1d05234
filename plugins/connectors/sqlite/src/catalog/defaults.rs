//! Defaults: from SQLite's text to the contract's values. The way back is in [`crate::propose`].

use sensei_sdk::catalog::{DataType, DefaultValue};

use crate::sql::{self, Kind};

/// Expressions that have a word of their own in the contract. Compared without white space, in lower case.
const EXPRESSIONS: &[(&str, DefaultValue)] = &[
    ("current_timestamp", DefaultValue::CurrentTimestamp(0)),
    ("datetime('now')", DefaultValue::CurrentTimestamp(0)),
    ("current_date", DefaultValue::CurrentDate),
    ("date('now')", DefaultValue::CurrentDate),
    ("current_time", DefaultValue::CurrentTime),
    ("time('now')", DefaultValue::CurrentTime),
];

/// A default as `PRAGMA table_xinfo` shows it; none for NULL.
pub(super) fn read(shown: &str, data_type: &DataType) -> Option<DefaultValue> {
    let shown = shown.trim();
    let inner = shown.strip_prefix('(').and_then(|s| s.strip_suffix(')')).map_or(shown, str::trim);
    let plain: String = inner.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase();
    if plain == "null" {
        return None;
    }
    if let Some((_, value)) = EXPRESSIONS.iter().find(|(text, _)| *text == plain) {
        return Some(value.clone());
    }
    for digits in 1..=6 {
        for zoned in [false, true] {
            if inner == crate::rules::now(digits, zoned) {
                return Some(DefaultValue::CurrentTimestamp(digits));
            }
        }
    }
    if inner == crate::rules::RANDOM_UUID {
        return Some(DefaultValue::RandomUuid);
    }
    let constant = constant(inner, data_type);
    Some(constant.map_or_else(|| DefaultValue::Expression(inner.to_owned()), DefaultValue::Literal))
}

/// A constant in canonical text, if the default is one and is of the column's kind.
fn constant(shown: &str, data_type: &DataType) -> Option<String> {
    let tokens = sql::tokens(shown);
    let (sign, token) = match tokens.as_slice() {
        [token] => ("", token),
        [sign, token] if &shown[sign.span.clone()] == "-" => ("-", token),
        [sign, token] if &shown[sign.span.clone()] == "+" => ("", token),
        _ => return None,
    };
    let text = &shown[token.span.clone()];
    match (token.kind, data_type) {
        (Kind::Number, DataType::Boolean) => match text {
            "0" => Some("false".to_owned()),
            "1" => Some("true".to_owned()),
            _ => None,
        },
        (Kind::Word, DataType::Boolean) if sign.is_empty() => {
            let word = text.to_ascii_lowercase();
            matches!(word.as_str(), "true" | "false").then_some(word)
        }
        (Kind::Number, _) if !text.contains(['x', 'X', 'e', 'E', '_']) => Some(format!("{sign}{text}")),
        (Kind::Text, DataType::Boolean | DataType::Integer(_) | DataType::Float(_)) => None,
        // A text in double quotes is a text where a constant is expected.
        (Kind::Text | Kind::Quoted, _) if sign.is_empty() => Some(sql::unquoted(text)),
        (Kind::Blob, DataType::Binary(_)) => Some(format!("\\x{}", text[2..text.len() - 1].to_ascii_lowercase())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declared::Declared;

    #[test]
    fn defaults_are_a_golden_table() {
        let cases = [
            ("INTEGER", "42"),
            ("INTEGER", "-1"),
            ("INTEGER", "(-1)"),
            ("INTEGER", "'x'"),
            ("INTEGER", "NULL"),
            ("INTEGER", "0x10"),
            ("DECIMAL(5,2)", "1.50"),
            ("TEXT", "'it''s'"),
            ("TEXT", "\"quoted\""),
            ("TEXT", "''"),
            ("BOOLEAN", "1"),
            ("BOOLEAN", "FALSE"),
            ("BLOB", "x'0AFF'"),
            ("DATETIME", "CURRENT_TIMESTAMP"),
            ("DATETIME", "(datetime('now'))"),
            ("DATE", "CURRENT_DATE"),
            ("TEXT", "lower(hex(randomblob(16)))"),
            ("INTEGER", "(1 + 2)"),
            ("REAL", "1e3"),
        ];
        let table: Vec<_> = cases
            .iter()
            .map(|(declared, shown)| {
                format!("{declared:<14} {shown:<28} {:?}", read(shown, &Declared::parse(declared).data_type()))
            })
            .collect();
        insta::assert_snapshot!(table.join("\n"));
    }
}
