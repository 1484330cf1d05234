//! How each neutral type of another dialect is held. Data, golden-tested.

use sensei_sdk::catalog::{DataType, Decimal};
use sensei_sdk::{Fidelity, Specials};

use crate::sql::IDENTIFIER_BYTES;

/// Longest `varchar(n)` and `char(n)`: `MaxAttrSize`.
const LONGEST_TEXT: u32 = 10_485_760;
/// Most bits of `bit(n)` and `bit varying(n)`.
const LONGEST_BITS: u32 = 83_886_080;
/// Most digits of `numeric(p, s)`.
const MOST_DIGITS: u16 = 1000;

/// What is known of the column besides its type.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Context {
    /// An unsigned 64-bit number that is known to stay below 2^63: an identity not yet there, or a reference to one.
    pub(super) below_2_63: bool,
}

/// One rule. `{length}`, `{precision}`, `{scale}` and `{digits}` come from the neutral type.
pub(super) struct Rule {
    /// For people and the golden test.
    #[cfg_attr(not(test), expect(dead_code, reason = "the golden test and people read it"))]
    about: &'static str,
    applies: fn(&DataType, Context) -> bool,
    pub(super) native: &'static str,
    pub(super) fidelity: Fidelity,
    pub(super) note: &'static str,
}

const fn rule(about: &'static str, applies: fn(&DataType, Context) -> bool, native: &'static str) -> Rule {
    Rule { about, applies, native, fidelity: Fidelity::Lossless, note: "" }
}

const fn noted(rule: Rule, fidelity: Fidelity, note: &'static str) -> Rule {
    Rule { fidelity, note, ..rule }
}

/// The native type that stands for "a type made for this enumeration".
pub(super) const ENUM: &str = "{enum}";

/// Ordered; the first rule that applies wins, and the last always does.
const RULES: &[Rule] = &[
    rule("boolean", |t, _| matches!(t, DataType::Boolean), "boolean"),
    rule("signed, up to 16 bits", |t, _| integer(t, true, 0, 16), "smallint"),
    rule("signed, up to 32 bits", |t, _| integer(t, true, 17, 32), "integer"),
    rule("signed, 64 bits", |t, _| integer(t, true, 33, 64), "bigint"),
    rule("unsigned, 8 bits", |t, _| integer(t, false, 0, 8), "smallint"),
    rule("unsigned, 16 bits", |t, _| integer(t, false, 9, 16), "integer"),
    rule("unsigned, 32 bits", |t, _| integer(t, false, 17, 32), "bigint"),
    noted(
        rule("unsigned, 64 bits, known to be below 2^63", |t, c| c.below_2_63 && integer(t, false, 33, 64), "bigint"),
        Fidelity::Lossless,
        "The numbers come from an auto-increment that is below 2^63; a larger one would be refused.",
    ),
    noted(
        rule("unsigned, 64 bits", |t, _| integer(t, false, 33, 64), "numeric(20,0)"),
        Fidelity::Widened,
        "PostgreSQL has no unsigned 64-bit integer; choose bigint if no value reaches 2^63.",
    ),
    rule("float, 32 bits", |t, _| matches!(t, DataType::Float(0..=32)), "real"),
    rule("float, 64 bits", |t, _| matches!(t, DataType::Float(_)), "double precision"),
    rule(
        "decimal",
        |t, _| matches!(t, DataType::Decimal(Decimal { precision: 1..=MOST_DIGITS, scale }) if *scale <= 1000),
        "numeric({precision},{scale})",
    ),
    noted(
        rule("decimal of more digits than can be declared", |t, _| matches!(t, DataType::Decimal(_)), "numeric"),
        Fidelity::Widened,
        "More digits than numeric(p,s) can declare.",
    ),
    rule("number of any precision", |t, _| matches!(t, DataType::Number), "numeric"),
    noted(
        rule("text of length 0", |t, _| matches!(t, DataType::Text(x) if x.length == Some(0)), "text"),
        Fidelity::Widened,
        "PostgreSQL has no text type of length 0.",
    ),
    noted(
        rule(
            "text longer than can be declared",
            |t, _| matches!(t, DataType::Text(x) if x.length.is_some_and(|l| l > LONGEST_TEXT)),
            "text",
        ),
        Fidelity::Lossless,
        "",
    ),
    rule("fixed text", |t, _| matches!(t, DataType::Text(x) if x.fixed && x.length.is_some()), "character({length})"),
    rule(
        "text with a length",
        |t, _| matches!(t, DataType::Text(x) if x.length.is_some()),
        "character varying({length})",
    ),
    rule("text", |t, _| matches!(t, DataType::Text(_)), "text"),
    rule("binary", |t, _| matches!(t, DataType::Binary(_)), "bytea"),
    rule("date", |t, _| matches!(t, DataType::Date), "date"),
    rule("time of day, microseconds", |t, _| matches!(t, DataType::Time(6..)), "time without time zone"),
    rule("time of day", |t, _| matches!(t, DataType::Time(_)), "time({digits}) without time zone"),
    noted(
        rule("duration", |t, _| matches!(t, DataType::Duration(_)), "interval"),
        Fidelity::Widened,
        "A span of hours, minutes and seconds becomes an interval.",
    ),
    rule(
        "instant, microseconds",
        |t, _| matches!(t, DataType::Timestamp(x) if x.zoned && x.precision >= 6),
        "timestamp with time zone",
    ),
    rule("instant", |t, _| matches!(t, DataType::Timestamp(x) if x.zoned), "timestamp({digits}) with time zone"),
    rule(
        "timestamp, microseconds",
        |t, _| matches!(t, DataType::Timestamp(x) if x.precision >= 6),
        "timestamp without time zone",
    ),
    rule("timestamp", |t, _| matches!(t, DataType::Timestamp(_)), "timestamp({digits}) without time zone"),
    rule("interval", |t, _| matches!(t, DataType::Interval), "interval"),
    rule("uuid", |t, _| matches!(t, DataType::Uuid), "uuid"),
    noted(
        rule("json", |t, _| matches!(t, DataType::Json), "json"),
        Fidelity::Lossless,
        "json keeps the text as it is; jsonb would reorder keys. ALTER the column to jsonb afterwards if you query it.",
    ),
    rule(
        "bits of fixed length",
        |t, _| matches!(t, DataType::Bits(b) if !b.varying && b.length.is_some_and(|l| (1..=LONGEST_BITS).contains(&l))),
        "bit({length})",
    ),
    rule(
        "bits up to a length",
        |t, _| matches!(t, DataType::Bits(b) if b.length.is_some_and(|l| (1..=LONGEST_BITS).contains(&l))),
        "bit varying({length})",
    ),
    rule("bits", |t, _| matches!(t, DataType::Bits(_)), "bit varying"),
    rule(
        "enumeration",
        |t, _| matches!(t, DataType::Enumeration(e) if !e.values.is_empty() && e.values.iter().all(|v| v.len() <= IDENTIFIER_BYTES)),
        ENUM,
    ),
    noted(
        rule("enumeration with labels that are too long", |t, _| matches!(t, DataType::Enumeration(_)), "text"),
        Fidelity::Widened,
        "A label is longer than the 63 bytes of an enum's, or there is none: text takes any value.",
    ),
    noted(
        rule("set", |t, _| matches!(t, DataType::Set(_)), "text"),
        Fidelity::Widened,
        "The members joined by commas; nothing checks that they are members.",
    ),
    noted(
        rule("geometry", |t, _| matches!(t, DataType::Geometry(_)), "bytea"),
        Fidelity::Widened,
        "Well-known binary (EWKB where there is an SRID); PostGIS is not assumed.",
    ),
    noted(
        rule("a type of another system", |_, _| true, "text"),
        Fidelity::Widened,
        "The source's own text form; PostgreSQL has no such type.",
    ),
];

/// Special values that the server has no place for: what the writer refuses of another dialect's values of this type.
pub(super) fn refuses(data_type: &DataType) -> Specials {
    match data_type {
        DataType::Text(_) | DataType::Json | DataType::Enumeration(_) | DataType::Set(_) | DataType::Native => {
            Specials::NUL_BYTE
        }
        DataType::Date | DataType::Timestamp(_) => Specials::ZERO_DATE,
        _ => Specials::empty(),
    }
}

fn integer(data_type: &DataType, signed: bool, from: u8, to: u8) -> bool {
    matches!(data_type, DataType::Integer(i) if i.signed == signed && (from..=to).contains(&i.bits))
}

/// The rule of a column of another dialect.
pub(super) fn find(data_type: &DataType, context: Context) -> &'static Rule {
    RULES.iter().find(|r| (r.applies)(data_type, context)).unwrap_or(&RULES[RULES.len() - 1])
}

/// The native type with the neutral type's numbers filled in.
pub(super) fn fill(native: &str, data_type: &DataType) -> String {
    let numbers: &[(&str, u32)] = &match data_type {
        DataType::Decimal(d) => [("{precision}", u32::from(d.precision)), ("{scale}", u32::from(d.scale))],
        DataType::Text(t) => [("{length}", t.length.unwrap_or(0)), ("", 0)],
        DataType::Bits(b) => [("{length}", b.length.unwrap_or(0)), ("", 0)],
        DataType::Time(digits) => [("{digits}", u32::from(*digits)), ("", 0)],
        DataType::Timestamp(t) => [("{digits}", u32::from(t.precision)), ("", 0)],
        DataType::Boolean
        | DataType::Integer(_)
        | DataType::Float(_)
        | DataType::Number
        | DataType::Binary(_)
        | DataType::Date
        | DataType::Duration(_)
        | DataType::Interval
        | DataType::Uuid
        | DataType::Json
        | DataType::Enumeration(_)
        | DataType::Set(_)
        | DataType::Geometry(_)
        | DataType::Native => return native.to_owned(),
    };
    let filled = numbers.iter().filter(|(hole, _)| !hole.is_empty());
    filled.fold(native.to_owned(), |text, (hole, number)| text.replace(hole, &number.to_string()))
}

/// What the server does with each sort of index of another system: method here, or why there is none.
pub(super) const INDEX_METHODS: &[(&str, Result<&str, &str>)] = &[
    ("btree", Ok("btree")),
    ("hash", Ok("hash")),
    ("rtree", Err("PostgreSQL searches shapes with PostGIS; left out.")),
    ("spatial", Err("PostgreSQL searches shapes with PostGIS; left out.")),
    (
        "fulltext",
        Err("PostgreSQL searches text with a tsvector and a GIN index, which are designed by hand; left out."),
    ),
];

#[cfg(test)]
mod tests {
    use sensei_sdk::catalog::{Bits, Enumeration, Integer, Text, Timestamp};

    use super::*;

    #[test]
    fn rules_golden() {
        let lines: Vec<String> = RULES
            .iter()
            .map(|r| format!("{:<48} {:<36} {:?} {}", r.about, r.native, r.fidelity, r.note).trim_end().to_owned())
            .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn types_golden() {
        let text = |length, fixed| DataType::Text(Text { length, fixed });
        let integer = |bits, signed| DataType::Integer(Integer { bits, signed });
        let label =
            |l: usize| DataType::Enumeration(Enumeration { schema: None, name: None, values: vec!["x".repeat(l)] });
        let cases = [
            integer(8, true),
            integer(64, true),
            integer(8, false),
            integer(32, false),
            integer(64, false),
            DataType::Decimal(Decimal { precision: 65, scale: 30 }),
            text(Some(0), false),
            text(Some(40), false),
            text(Some(40), true),
            text(Some(4_294_967_295), false),
            text(None, false),
            DataType::Time(0),
            DataType::Time(6),
            DataType::Timestamp(Timestamp { precision: 3, zoned: true }),
            DataType::Timestamp(Timestamp { precision: 6, zoned: false }),
            DataType::Bits(Bits { length: Some(8), varying: false }),
            DataType::Bits(Bits { length: None, varying: true }),
            label(63),
            label(64),
            DataType::Geometry(None),
            DataType::Native,
        ];
        let lines: Vec<String> = cases
            .iter()
            .map(|t| format!("{t:?} -> {}", fill(find(t, Context::default()).native, t)))
            .chain([format!("auto-increment -> {}", find(&integer(64, false), Context { below_2_63: true }).native)])
            .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }
}
