//! How SQLite holds a neutral type: an ordered table.
//!
//! The declared name matters twice. Its *affinity* decides what SQLite does to a value on the way in, so that no
//! name may turn a text into a number (`DECIMAL` would store '1.50' as the REAL 1.5: decimals are `DECIMAL_TEXT`, whose
//! affinity is TEXT). And this connector's own source reads it back ([`crate::declared`]), so each name means one type.
//!
//! One thing SQLite does to numbers of its own accord: a column of affinity REAL keeps whole numbers as integers, so that
//! -0.0 comes back as its equal 0.0.

use sensei_sdk::catalog::{DataType, Text};
use sensei_sdk::{Fidelity, Specials};

use crate::declared::Affinity;

/// One row: a kind of neutral type, the declared name (`{n}` length, `{p}` precision or digits, `{s}` scale), the affinity
/// that name must have, and what a person should know.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    pub(crate) kind: &'static str,
    pub(crate) name: &'static str,
    pub(crate) affinity: Affinity,
    pub(crate) fidelity: Fidelity,
    pub(crate) note: &'static str,
}

const fn rule(
    kind: &'static str,
    name: &'static str,
    affinity: Affinity,
    fidelity: Fidelity,
    note: &'static str,
) -> Rule {
    Rule { kind, name, affinity, fidelity, note }
}

use Affinity::{Blob, Integer, Numeric, Real, Text as Textual};
use Fidelity::{Lossless, Lossy, Widened};

/// The first row of a kind counts.
#[rustfmt::skip]
pub(crate) const RULES: &[Rule] = &[
    rule("boolean",             "BOOLEAN",              Numeric, Lossless, ""),
    rule("int8",                "TINYINT",              Integer, Lossless, ""),
    rule("int16",               "SMALLINT",             Integer, Lossless, ""),
    rule("int32",               "INT4",                 Integer, Lossless, ""),
    rule("int64",               "BIGINT",               Integer, Lossless, ""),
    rule("uint8",               "TINYINT UNSIGNED",     Integer, Lossless, ""),
    rule("uint16",              "SMALLINT UNSIGNED",    Integer, Lossless, ""),
    rule("uint32",              "INT UNSIGNED",         Integer, Lossless, ""),
    rule("uint64 key",          "BIGINT UNSIGNED",      Integer, Lossy,    "SQLite's integers end at 9223372036854775807; a larger value in this column of row numbers is refused"),
    rule("uint64",              "UNSIGNED64_TEXT",      Textual, Widened,  "kept as digits in a text, for SQLite's integers end at 9223372036854775807"),
    rule("float32",             "FLOAT4",               Real,    Lossless, "negative zero becomes 0"),
    rule("float64",             "DOUBLE",               Real,    Lossless, "negative zero becomes 0"),
    rule("decimal",             "DECIMAL_TEXT({p},{s})", Textual, Lossless, "kept as text, so that no digit is lost; CAST it to compare it as a number"),
    rule("number",              "NUMBER_TEXT",          Textual, Lossless, "kept as text, so that no digit is lost; CAST it to compare it as a number"),
    rule("text n",              "VARCHAR({n})",         Textual, Lossless, ""),
    rule("char n",              "CHAR({n})",            Textual, Lossless, ""),
    rule("text",                "TEXT",                 Textual, Lossless, ""),
    rule("binary n",            "VARBINARY({n})",       Numeric, Lossless, ""),
    rule("fixed binary n",      "BINARY({n})",          Numeric, Lossless, ""),
    rule("binary",              "BLOB",                 Blob,    Lossless, ""),
    rule("date",                "DATE",                 Numeric, Lossless, ""),
    rule("time",                "TIME({p})",            Numeric, Lossless, ""),
    rule("duration",            "DURATION_TEXT({p})",   Textual, Lossless, ""),
    rule("timestamp",           "TIMESTAMP({p})",       Numeric, Lossless, ""),
    rule("timestamp zoned",     "TIMESTAMPTZ({p})",     Numeric, Lossless, "kept in UTC, with a Z at the end"),
    rule("interval",            "INTERVAL",             Integer, Lossless, "kept as ISO 8601 text"),
    rule("uuid",                "UUID",                 Numeric, Lossless, ""),
    rule("json",                "JSON_TEXT",            Textual, Lossless, ""),
    rule("bits n",              "BIT_TEXT({n})",        Textual, Lossless, ""),
    rule("varying bits n",      "VARBIT_TEXT({n})",     Textual, Lossless, ""),
    rule("bits",                "VARBIT_TEXT",          Textual, Lossless, ""),
    rule("enumeration",         "ENUM_TEXT",            Textual, Lossless, "a check names the values"),
    rule("set",                 "TEXT",                 Textual, Widened,  "a set becomes text: its members joined by commas"),
    rule("geometry",            "GEOMETRY_BLOB",        Blob,    Widened,  "kept as WKB bytes; SQLite has no spatial functions of its own"),
    rule("geometry n",          "GEOMETRY_BLOB({n})",   Blob,    Widened,  "kept as WKB bytes; SQLite has no spatial functions of its own"),
    rule("native",              "TEXT",                 Textual, Widened,  "SQLite has no such type; the value is kept as the source writes it"),
];

/// Special values that SQLite has no place for: it makes NULL of NaN.
pub(crate) fn refuses(data_type: &DataType) -> Specials {
    match data_type {
        DataType::Float(_) => Specials::NAN,
        _ => Specials::empty(),
    }
}

/// Values that a rule's name is filled with.
#[derive(Debug, Clone, Copy, Default)]
struct Filling {
    length: Option<u32>,
    precision: u16,
    scale: u16,
}

fn kind(data_type: &DataType, in_key: bool) -> (&'static str, Filling) {
    let nothing = Filling::default();
    let digits = |precision: u8| Filling { precision: u16::from(precision), ..nothing };
    let long = |length: Option<u32>, with: &'static str, without: &'static str| {
        (if length.is_some() { with } else { without }, Filling { length, ..nothing })
    };
    match data_type {
        DataType::Boolean => ("boolean", nothing),
        DataType::Integer(i) => {
            let name = match (i.signed, i.bits) {
                (true, 0..=8) => "int8",
                (true, 9..=16) => "int16",
                (true, 17..=32) => "int32",
                (true, _) => "int64",
                (false, 0..=8) => "uint8",
                (false, 9..=16) => "uint16",
                (false, 17..=32) => "uint32",
                (false, _) if in_key => "uint64 key",
                (false, _) => "uint64",
            };
            (name, nothing)
        }
        DataType::Float(0..=32) => ("float32", nothing),
        DataType::Float(_) => ("float64", nothing),
        DataType::Decimal(d) => ("decimal", Filling { precision: d.precision, scale: d.scale, ..nothing }),
        DataType::Number => ("number", nothing),
        DataType::Text(Text { length, fixed }) => long(*length, if *fixed { "char n" } else { "text n" }, "text"),
        DataType::Binary(b) => long(b.length, if b.fixed { "fixed binary n" } else { "binary n" }, "binary"),
        DataType::Date => ("date", nothing),
        DataType::Time(p) => ("time", digits(*p)),
        DataType::Duration(p) => ("duration", digits(*p)),
        DataType::Timestamp(t) if t.zoned => ("timestamp zoned", digits(t.precision)),
        DataType::Timestamp(t) => ("timestamp", digits(t.precision)),
        DataType::Interval => ("interval", nothing),
        DataType::Uuid => ("uuid", nothing),
        DataType::Json => ("json", nothing),
        DataType::Bits(b) => long(b.length, if b.varying { "varying bits n" } else { "bits n" }, "bits"),
        DataType::Enumeration(_) => ("enumeration", nothing),
        DataType::Set(_) => ("set", nothing),
        DataType::Geometry(srid) => long(*srid, "geometry n", "geometry"),
        DataType::Native => ("native", nothing),
    }
}

/// The rule for a type and the declared name it makes.
pub(crate) fn held(data_type: &DataType, in_key: bool) -> (&'static Rule, String) {
    let (kind, filling) = kind(data_type, in_key);
    // Every kind has a row: a test sees to it.
    let rule = RULES.iter().find(|rule| rule.kind == kind).unwrap_or(&RULES[RULES.len() - 1]);
    let name = rule
        .name
        .replace("{n}", &filling.length.unwrap_or_default().to_string())
        .replace("{p}", &filling.precision.to_string())
        .replace("{s}", &filling.scale.to_string());
    debug_assert_eq!(crate::declared::affinity(&name), rule.affinity, "{name}");
    (rule, name)
}

/// An expression for a fresh UUID of version 4.
pub(crate) const RANDOM_UUID: &str = "lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-' || substr('89AB', 1 + (abs(random()) % 4), 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))";

/// An expression for the present time, written as this connector writes timestamps. SQLite's clock has milliseconds: further
/// digits are zeros.
pub(crate) fn now(digits: u8, zoned: bool) -> String {
    let seconds = match digits {
        0 => "%S".to_owned(),
        1 | 2 => format!("%S.{}", "0".repeat(usize::from(digits))),
        more => format!("%f{}", "0".repeat(usize::from(more) - 3)),
    };
    format!("strftime('%Y-%m-%d %H:%M:{seconds}{}', 'now')", if zoned { "Z" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declared::{Declared, affinity};
    use sensei_sdk::catalog::{Binary, Bits, Decimal, Enumeration, Integer as Whole, Timestamp};
    use std::fmt::Write;

    fn every_type() -> Vec<(DataType, bool)> {
        let text = |length, fixed| DataType::Text(Text { length, fixed });
        let binary = |length, fixed| DataType::Binary(Binary { length, fixed });
        let mut all: Vec<_> = [8, 16, 32, 64]
            .into_iter()
            .flat_map(|bits| [true, false].map(|signed| DataType::Integer(Whole { bits, signed })))
            .collect();
        all.extend([DataType::Boolean, DataType::Float(32), DataType::Float(64), DataType::Number, DataType::Date]);
        all.extend([10, 65, 1000].map(|precision| DataType::Decimal(Decimal { precision, scale: 2 })));
        all.extend([text(None, false), text(Some(40), false), text(Some(3), true)]);
        all.extend([binary(None, false), binary(Some(40), false), binary(Some(16), true)]);
        all.extend([
            DataType::Time(6),
            DataType::Time(0),
            DataType::Duration(3),
            DataType::Interval,
            DataType::Uuid,
            DataType::Json,
        ]);
        all.extend([true, false].map(|zoned| DataType::Timestamp(Timestamp { precision: 6, zoned })));
        all.extend([
            DataType::Bits(Bits { length: Some(8), varying: false }),
            DataType::Bits(Bits { length: Some(8), varying: true }),
            DataType::Bits(Bits { length: None, varying: true }),
            DataType::Enumeration(Enumeration { schema: None, name: None, values: vec!["a".into()] }),
            DataType::Set(vec!["a".into()]),
            DataType::Geometry(None),
            DataType::Geometry(Some(4326)),
            DataType::Native,
        ]);
        let mut all: Vec<_> = all.into_iter().map(|t| (t, false)).collect();
        all.push((DataType::Integer(Whole { bits: 64, signed: false }), true));
        all
    }

    #[test]
    fn rules_are_a_golden_table() {
        let mut table = String::new();
        for (data_type, in_key) in every_type() {
            let (rule, name) = held(&data_type, in_key);
            writeln!(table, "{:<70} {name:<22} {:?} {}", format!("{data_type:?}"), rule.fidelity, rule.note).unwrap();
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn every_name_has_the_affinity_it_needs_and_reads_back_as_the_same_type() {
        for (data_type, in_key) in every_type() {
            let (rule, name) = held(&data_type, in_key);
            assert_eq!(rule.kind, kind(&data_type, in_key).0);
            assert_eq!(affinity(&name), rule.affinity, "{name}");
            let back = Declared::parse(&name).data_type();
            if rule.fidelity == Lossless && !matches!(data_type, DataType::Enumeration(_)) {
                assert_eq!(back, data_type, "{name}");
            }
        }
    }
}
