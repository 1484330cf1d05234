//! Which neutral type each PostgreSQL type is, and how its values come over the wire. Data, golden-tested.

use sensei_sdk::catalog::{Binary, Bits, DataType, Decimal, Enumeration, Integer, Text, Timestamp};

use crate::value::numeric::Limit;

/// The form of a column's values in a binary COPY.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    Bool,
    Int16,
    Int32,
    Int64,
    UInt32,
    UInt64,
    Float32,
    Float64,
    Numeric,
    /// `numeric` whose neutral form is text.
    NumericText,
    /// 64-bit count of the currency's smallest unit.
    Money,
    Utf8,
    /// A version byte, then text.
    Jsonb,
    Bytes,
    Date,
    Time,
    Timestamp,
    Interval,
    Uuid,
    Bits,
}

/// What a column needs to know of its (domain-resolved) type.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Base<'a> {
    pub(crate) schema: &'a str,
    pub(crate) name: &'a str,
    /// `pg_type.typtype`: `b`ase, `c`omposite, `e`num, `r`ange, `m`ultirange, `p`seudo.
    pub(crate) class: char,
    /// `atttypmod`, or -1.
    pub(crate) modifier: i32,
    /// Labels in order, for an enum.
    pub(crate) labels: &'a [String],
    /// Digits after the point of `money`, from the database's `lc_monetary`.
    pub(crate) money_digits: u16,
}

/// How a column is read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reading {
    pub(crate) data_type: DataType,
    pub(crate) wire: Wire,
    /// Read as `column::text`.
    pub(crate) as_text: bool,
}

struct Rule {
    /// Name in `pg_catalog`, or of a well-known extension where `anywhere`.
    name: &'static str,
    anywhere: bool,
    neutral: fn(&Base<'_>) -> DataType,
    wire: Wire,
    as_text: bool,
}

const fn rule(name: &'static str, wire: Wire, neutral: fn(&Base<'_>) -> DataType) -> Rule {
    Rule { name, anywhere: false, neutral, wire, as_text: false }
}

const fn text_rule(name: &'static str, anywhere: bool, neutral: fn(&Base<'_>) -> DataType) -> Rule {
    Rule { name, anywhere, neutral, wire: Wire::Utf8, as_text: true }
}

/// Ordered; the first rule of a name wins. A type without a rule is `native`, read as text.
const RULES: &[Rule] = &[
    rule("bool", Wire::Bool, |_| DataType::Boolean),
    rule("int2", Wire::Int16, |_| integer(16, true)),
    rule("int4", Wire::Int32, |_| integer(32, true)),
    rule("int8", Wire::Int64, |_| integer(64, true)),
    rule("oid", Wire::UInt32, |_| integer(32, false)),
    rule("xid", Wire::UInt32, |_| integer(32, false)),
    rule("cid", Wire::UInt32, |_| integer(32, false)),
    rule("xid8", Wire::UInt64, |_| integer(64, false)),
    rule("float4", Wire::Float32, |_| DataType::Float(32)),
    rule("float8", Wire::Float64, |_| DataType::Float(64)),
    rule("numeric", Wire::Numeric, numeric),
    rule("money", Wire::Money, |b| DataType::Decimal(Decimal { precision: 19, scale: b.money_digits })),
    rule("text", Wire::Utf8, |_| text(None, false)),
    rule("varchar", Wire::Utf8, |b| text(length(b), false)),
    rule("bpchar", Wire::Utf8, |b| text(length(b), length(b).is_some())),
    rule("name", Wire::Utf8, |_| text(Some(63), false)),
    text_rule("char", false, |_| text(None, false)),
    text_rule("citext", true, |_| text(None, false)),
    rule("bytea", Wire::Bytes, |_| DataType::Binary(Binary { length: None, fixed: false })),
    rule("date", Wire::Date, |_| DataType::Date),
    rule("time", Wire::Time, |b| DataType::Time(fraction_digits(b))),
    rule("timestamp", Wire::Timestamp, |b| timestamp(b, false)),
    rule("timestamptz", Wire::Timestamp, |b| timestamp(b, true)),
    rule("interval", Wire::Interval, |_| DataType::Interval),
    rule("uuid", Wire::Uuid, |_| DataType::Uuid),
    rule("json", Wire::Utf8, |_| DataType::Json),
    rule("jsonb", Wire::Jsonb, |_| DataType::Json),
    rule("bit", Wire::Bits, |b| DataType::Bits(Bits { length: bit_length(b), varying: false })),
    rule("varbit", Wire::Bits, |b| DataType::Bits(Bits { length: bit_length(b), varying: true })),
];

/// The reading of a column.
pub(crate) fn reading(base: &Base<'_>) -> Reading {
    if base.class == 'e' {
        return Reading {
            data_type: DataType::Enumeration(Enumeration {
                schema: Some(base.schema.to_owned()),
                name: Some(base.name.to_owned()),
                values: base.labels.to_vec(),
            }),
            wire: Wire::Utf8,
            as_text: false,
        };
    }
    let found = RULES.iter().find(|r| r.name == base.name && (r.anywhere || base.schema == "pg_catalog"));
    match found {
        Some(rule) => {
            let data_type = (rule.neutral)(base);
            let wire = if data_type == DataType::Number || wider_than_arrow(&data_type) {
                Wire::NumericText
            } else {
                rule.wire
            };
            Reading { data_type, wire, as_text: rule.as_text }
        }
        None => Reading { data_type: DataType::Native, wire: Wire::Utf8, as_text: true },
    }
}

/// Decimals of more than 76 digits travel as text.
fn wider_than_arrow(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Decimal(d) if d.precision > 76)
}

fn integer(bits: u8, signed: bool) -> DataType {
    DataType::Integer(Integer { bits, signed })
}

fn text(length: Option<u32>, fixed: bool) -> DataType {
    DataType::Text(Text { length, fixed })
}

/// `varchar(n)` and `char(n)` store n + 4.
fn length(base: &Base<'_>) -> Option<u32> {
    u32::try_from(base.modifier).ok().and_then(|m| m.checked_sub(4))
}

fn bit_length(base: &Base<'_>) -> Option<u32> {
    u32::try_from(base.modifier).ok()
}

/// Times store their digits, 6 when not given.
fn fraction_digits(base: &Base<'_>) -> u8 {
    u8::try_from(base.modifier).unwrap_or(6).min(6)
}

fn timestamp(base: &Base<'_>, zoned: bool) -> DataType {
    DataType::Timestamp(Timestamp { precision: fraction_digits(base), zoned })
}

/// A scale beyond the precision needs that many digits in the neutral form; a negative one has no such form.
fn numeric(base: &Base<'_>) -> DataType {
    match Limit::from_modifier(base.modifier) {
        Some(Limit { precision, scale }) if scale >= 0 => {
            let scale = scale.unsigned_abs();
            DataType::Decimal(Decimal { precision: precision.max(scale), scale })
        }
        Some(_) | None => DataType::Number,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_golden() {
        let labels = vec!["sad".to_owned(), "ok".to_owned()];
        let at = |schema: &'static str, name: &'static str, class: char, modifier: i32| {
            let base = Base { schema, name, class, modifier, labels: &labels, money_digits: 2 };
            let r = reading(&base);
            format!(
                "{schema}.{name} {class} {modifier}: {:?} {:?}{}",
                r.data_type,
                r.wire,
                if r.as_text { " ::text" } else { "" }
            )
        };
        let mut lines: Vec<String> = RULES.iter().map(|r| at("pg_catalog", r.name, 'b', -1)).collect();
        lines.extend([
            at("pg_catalog", "varchar", 'b', 44),
            at("pg_catalog", "bpchar", 'b', 14),
            at("pg_catalog", "bit", 'b', 8),
            at("pg_catalog", "numeric", 'b', ((15 << 16) | 2) + 4),
            at("pg_catalog", "numeric", 'b', ((2 << 16) | 5) + 4),
            at("pg_catalog", "numeric", 'b', ((100 << 16) | 5) + 4),
            at("pg_catalog", "numeric", 'b', ((5 << 16) | (0x7ff & -3)) + 4),
            at("pg_catalog", "timestamptz", 'b', 3),
            at("pg_catalog", "time", 'b', 0),
            at("public", "mood", 'e', -1),
            at("public", "citext", 'b', -1),
            at("public", "int4", 'b', -1),
            at("pg_catalog", "_int4", 'b', -1),
            at("pg_catalog", "int4range", 'r', -1),
            at("pg_catalog", "timetz", 'b', -1),
            at("pg_catalog", "inet", 'b', -1),
        ]);
        insta::assert_snapshot!(lines.join("\n"));
    }
}
