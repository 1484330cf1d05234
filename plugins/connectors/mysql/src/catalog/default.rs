//! Defaults and generated columns: MySQL 8 and MariaDB write them differently into `information_schema`.
//!
//! MariaDB writes an expression: `'text'`, `42`, `NULL`, `current_timestamp(6)`, `uuid()`. MySQL writes a constant bare
//! (`text`) and says DEFAULT_GENERATED in EXTRA where it is an expression.

use sensei_sdk::catalog::{DataType, DefaultValue};

use super::expression;

/// Functions (lower case, without their parentheses) that have a neutral form.
const NOW: &[&str] = &["current_timestamp", "now", "localtime", "localtimestamp"];
const TODAY: &[&str] = &["curdate", "current_date"];
const TIME_OF_DAY: &[&str] = &["curtime", "current_time"];
const RANDOM_UUID: &[&str] = &["uuid"];

/// The neutral form of a COLUMN_DEFAULT.
pub(crate) fn default_value(maria: bool, data_type: &DataType, text: &str, extra: &str) -> Option<DefaultValue> {
    let generated = extra.to_ascii_uppercase().contains("DEFAULT_GENERATED");
    // MySQL before 8 does not say so for the one function it allows.
    if (maria || generated || matches!(data_type, DataType::Timestamp(_)))
        && let Some(call) = function(text)
    {
        return Some(call);
    }
    if maria {
        return match text {
            "NULL" => None,
            _ => Some(constant(data_type, text).unwrap_or_else(|| DefaultValue::Expression(text.to_owned()))),
        };
    }
    if generated {
        return Some(DefaultValue::Expression(expression::original(text)));
    }
    Some(bare(data_type, text))
}

/// A call of a function that every system has.
fn function(text: &str) -> Option<DefaultValue> {
    let (name, arguments) = match text.split_once('(') {
        Some((name, rest)) => (name, rest.strip_suffix(')')?.trim()),
        None => (text, ""),
    };
    let name = name.trim().to_ascii_lowercase();
    let digits = if arguments.is_empty() { Some(0) } else { arguments.parse::<u8>().ok().filter(|d| *d <= 6) };
    let is = |names: &[&str]| names.contains(&name.as_str());
    // `now` and `uuid` without parentheses are text, CURRENT_TIMESTAMP is the function.
    let called = text.contains('(') || name.starts_with("current_") || name.starts_with("local");
    match digits {
        Some(digits) if called && is(NOW) => Some(DefaultValue::CurrentTimestamp(digits)),
        Some(0) if called && is(TODAY) => Some(DefaultValue::CurrentDate),
        Some(0) if called && is(TIME_OF_DAY) => Some(DefaultValue::CurrentTime),
        Some(0) if called && is(RANDOM_UUID) => Some(DefaultValue::RandomUuid),
        Some(_) | None => None,
    }
}

/// A constant as MariaDB writes it: quoted, a number, or bits.
fn constant(data_type: &DataType, text: &str) -> Option<DefaultValue> {
    if let Some(quoted) = text.strip_prefix('\'').and_then(|t| t.strip_suffix('\'')) {
        return unquote(quoted).map(|t| bare(data_type, &t));
    }
    let number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    (number || bits(text).is_some()).then(|| bare(data_type, text))
}

/// A constant without quotes, as the contract writes it.
fn bare(data_type: &DataType, text: &str) -> DefaultValue {
    if let Some(bits) = bits(text) {
        return DefaultValue::Literal(match data_type {
            DataType::Bits(b) => format!("{bits:0>width$}", width = b.length.unwrap_or(1) as usize),
            _ => u64::from_str_radix(bits, 2).map_or_else(|_| bits.to_owned(), |n| n.to_string()),
        });
    }
    if let DataType::Binary(_) = data_type {
        if let Some(digits) = text.strip_prefix("0x") {
            return DefaultValue::Literal(format!("\\x{}", digits.to_ascii_lowercase()));
        }
        let mut hex = String::from("\\x");
        crate::connection::hex(&mut hex, text.as_bytes());
        return DefaultValue::Literal(hex);
    }
    DefaultValue::Literal(text.to_owned())
}

/// The digits of `b'101'`.
fn bits(text: &str) -> Option<&str> {
    let digits = text.strip_prefix("b'")?.strip_suffix('\'')?;
    digits.bytes().all(|b| b == b'0' || b == b'1').then_some(digits)
}

/// Takes the quoting off; none if a quote stands alone (then it is an expression such as `'a' + 'b'`).
fn unquote(quoted: &str) -> Option<String> {
    let mut out = String::with_capacity(quoted.len());
    let mut chars = quoted.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' => match chars.next() {
                Some('\'') => out.push('\''),
                Some(_) | None => return None,
            },
            '\\' => match chars.next()? {
                '0' => out.push('\0'),
                'n' => out.push('\n'),
                'r' => out.push('\r'),
                't' => out.push('\t'),
                'Z' => out.push('\u{1a}'),
                other => out.push(other),
            },
            other => out.push(other),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use sensei_sdk::catalog::{Binary, Bits, Text};

    use super::*;

    #[test]
    fn defaults_of_both_systems() {
        let text = DataType::Text(Text { length: Some(20), fixed: false });
        let bytes = DataType::Binary(Binary { length: Some(4), fixed: false });
        let flags = DataType::Bits(Bits { length: Some(4), varying: false });
        let cases: &[(bool, &DataType, &str, &str)] = &[
            (true, &text, "'it''s'", ""),
            (true, &text, "NULL", ""),
            (true, &text, "'NULL'", ""),
            (true, &text, r"'a\\b\n'", ""),
            (true, &DataType::Json, "'{}'", ""),
            (true, &DataType::Date, "curdate()", ""),
            (true, &DataType::Date, "'0000-00-00'", ""),
            (true, &text, "current_timestamp(6)", ""),
            (true, &text, "uuid()", ""),
            (true, &text, "concat('a','b')", ""),
            (true, &text, "'a' + 'b'", ""),
            (true, &DataType::Number, "-1.50", ""),
            (true, &flags, "b'101'", ""),
            (true, &bytes, "'ab'", ""),
            (false, &text, "it's", ""),
            (false, &text, "now", ""),
            (false, &text, "uuid()", ""),
            (false, &text, "", ""),
            (false, &text, "CURRENT_TIMESTAMP(3)", "DEFAULT_GENERATED"),
            (false, &text, r"concat(_utf8mb4\'a\',_utf8mb4\'b\')", "DEFAULT_GENERATED"),
            (false, &text, "uuid()", "DEFAULT_GENERATED"),
            (false, &flags, "b'101'", ""),
            (false, &bytes, "0x61FF", ""),
            (false, &DataType::Number, "42", ""),
        ];
        let table: String = cases
            .iter()
            .map(|(maria, t, d, e)| {
                format!("{:8} {d:40} {:?}\n", if *maria { "MariaDB" } else { "MySQL" }, default_value(*maria, t, d, e))
            })
            .collect();
        insta::assert_snapshot!(table);
    }
}
