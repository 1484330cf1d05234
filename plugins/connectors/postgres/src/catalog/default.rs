//! What a column gets when a row does not name it: from the server's text to the neutral form.

use sensei_sdk::catalog::{DataType, DefaultValue};

use crate::sql::{Token, tokens};

/// Texts that mean something every system has. Compared without case.
const FORMS: &[(&str, DefaultValue)] = &[
    ("CURRENT_DATE", DefaultValue::CurrentDate),
    ("('now'::text)::date", DefaultValue::CurrentDate),
    ("(now())::date", DefaultValue::CurrentDate),
    ("CURRENT_TIME", DefaultValue::CurrentTime),
    ("LOCALTIME", DefaultValue::CurrentTime),
    ("('now'::text)::time with time zone", DefaultValue::CurrentTime),
    ("now()", DefaultValue::CurrentTimestamp(6)),
    ("transaction_timestamp()", DefaultValue::CurrentTimestamp(6)),
    ("CURRENT_TIMESTAMP", DefaultValue::CurrentTimestamp(6)),
    ("LOCALTIMESTAMP", DefaultValue::CurrentTimestamp(6)),
    ("gen_random_uuid()", DefaultValue::RandomUuid),
    ("uuid_generate_v4()", DefaultValue::RandomUuid),
    ("public.uuid_generate_v4()", DefaultValue::RandomUuid),
    ("public.gen_random_uuid()", DefaultValue::RandomUuid),
    ("extensions.uuid_generate_v4()", DefaultValue::RandomUuid),
];

/// Casts that leave a string literal as it stands, whatever the column is.
const PLAIN_CASTS: &[&str] = &["text", "character varying", "bpchar", "unknown"];
/// Casts between which an integer literal means the same number.
const NUMBER_CASTS: &[&str] = &["smallint", "integer", "bigint", "numeric", "real", "double precision"];

/// The neutral form of `pg_get_expr(adbin, adrelid)`; none for `DEFAULT NULL`.
pub(crate) fn neutral(expression: &str, native_type: &str, data_type: &DataType) -> Option<DefaultValue> {
    if let Some((_, value)) = FORMS.iter().find(|(text, _)| text.eq_ignore_ascii_case(expression)) {
        // A moment that is cut to a date, or to a time, on its way into the column.
        return Some(match (value, data_type) {
            (DefaultValue::CurrentTimestamp(_), DataType::Date) => DefaultValue::CurrentDate,
            (DefaultValue::CurrentTimestamp(_), DataType::Timestamp(t)) => DefaultValue::CurrentTimestamp(t.precision),
            (DefaultValue::CurrentTimestamp(_) | DefaultValue::CurrentDate | DefaultValue::CurrentTime, _)
                if !matches!(data_type, DataType::Date | DataType::Time(_)) =>
            {
                DefaultValue::Expression(expression.to_owned())
            }
            _ => value.clone(),
        });
    }
    if let Some(digits) =
        precision_of("CURRENT_TIMESTAMP", expression).or_else(|| precision_of("LOCALTIMESTAMP", expression))
        && matches!(data_type, DataType::Timestamp(_))
    {
        return Some(DefaultValue::CurrentTimestamp(digits));
    }
    match constant(expression, native_type) {
        Some(Constant::Null) => None,
        Some(Constant::Text(text)) => Some(DefaultValue::Literal(text)),
        None => Some(DefaultValue::Expression(expression.to_owned())),
    }
}

fn precision_of(name: &str, expression: &str) -> Option<u8> {
    expression.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')')?.parse().ok().filter(|d| *d <= 6)
}

enum Constant {
    Null,
    Text(String),
}

fn constant(expression: &str, native_type: &str) -> Option<Constant> {
    let expression = expression.trim();
    let bare = expression.strip_prefix('(').and_then(|e| e.strip_suffix(')')).unwrap_or(expression);
    if is_number(bare) || matches!(bare, "true" | "false") {
        return Some(Constant::Text(bare.to_owned()));
    }
    let (value, cast) = expression.rsplit_once("::")?;
    // `'-1'::integer`, or `('-1'::integer)::numeric`.
    let inner = value.strip_prefix('(').and_then(|v| v.strip_suffix(')'));
    if let Some(Constant::Text(number)) = inner.and_then(|inner| constant(inner, native_type))
        && is_number(&number)
        && !number.contains('.')
        && NUMBER_CASTS.contains(&cast)
    {
        return Some(Constant::Text(number));
    }
    if value == "NULL" {
        return Some(Constant::Null);
    }
    let same = value.starts_with("B'")
        || cast == native_type
        || PLAIN_CASTS.contains(&cast)
        || native_type.split('(').next() == Some(cast);
    let text = string_literal(value)?;
    if same || (NUMBER_CASTS.contains(&cast) && is_number(&text)) { Some(Constant::Text(text)) } else { None }
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.bytes().any(|b| b.is_ascii_digit())
        && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && digits.bytes().filter(|b| *b == b'.').count() <= 1
}

/// The text of one whole string literal.
fn string_literal(sql: &str) -> Option<String> {
    match tokens(sql)[..] {
        [Token::Other(quoted)] => {
            Some(quoted.strip_prefix('\'')?.strip_suffix('\'').filter(|_| quoted.len() > 1)?.replace("''", "'"))
        }
        [Token::Name("B"), Token::Other(bits)] => Some(bits.strip_prefix('\'')?.strip_suffix('\'')?.to_owned()),
        // `E'..'`: the server writes it when there is a backslash.
        [Token::Name("E"), Token::Other(quoted)] => {
            Some(quoted.strip_prefix('\'')?.strip_suffix('\'')?.replace("''", "'").replace("\\\\", "\\"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use sensei_sdk::catalog::{Integer, Text, Timestamp};

    use super::*;

    #[test]
    fn defaults_golden() {
        let text = DataType::Text(Text { length: None, fixed: false });
        let int = DataType::Integer(Integer { bits: 32, signed: true });
        let moment = DataType::Timestamp(Timestamp { precision: 3, zoned: true });
        let cases: &[(&str, &str, &DataType)] = &[
            ("'it''s'::text", "text", &text),
            ("'abc'::character varying", "character varying(10)", &text),
            ("'abcdef'::character varying(3)", "character varying(10)", &text),
            ("'abc'::character varying(3)", "character varying(3)", &text),
            ("''::text", "text", &text),
            ("E'a\\\\b'::text", "text", &text),
            ("NULL::character varying", "character varying(10)", &text),
            ("0", "integer", &int),
            ("'-1'::integer", "integer", &int),
            ("(-1)", "integer", &int),
            ("('-1'::integer)::numeric", "numeric(10,2)", &DataType::Number),
            ("1.50", "numeric(10,2)", &DataType::Number),
            ("true", "boolean", &DataType::Boolean),
            ("'2024-02-29'::date", "date", &DataType::Date),
            ("'{}'::jsonb", "jsonb", &DataType::Json),
            (
                "'\\x0aff'::bytea",
                "bytea",
                &DataType::Binary(sensei_sdk::catalog::Binary { length: None, fixed: false }),
            ),
            ("B'101'::\"bit\"", "bit(3)", &DataType::Native),
            ("'sad'::public.mood", "public.mood", &text),
            ("'{}'::text[]", "text[]", &DataType::Native),
            ("now()", "timestamp(3) with time zone", &moment),
            ("now()", "date", &DataType::Date),
            ("now()", "text", &text),
            ("CURRENT_TIMESTAMP(3)", "timestamp(3) with time zone", &moment),
            ("CURRENT_DATE", "date", &DataType::Date),
            ("gen_random_uuid()", "uuid", &DataType::Uuid),
            ("nextval('public.s'::regclass)", "integer", &int),
            ("('a'::text || 'b'::text)", "text", &text),
            ("(1 + 2)", "integer", &int),
        ];
        let lines: Vec<String> =
            cases.iter().map(|(e, n, t)| format!("{n} DEFAULT {e}: {:?}", neutral(e, n, t))).collect();
        insta::assert_snapshot!(lines.join("\n"));
    }
}
