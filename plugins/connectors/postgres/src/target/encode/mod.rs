//! Arrow columns into rows of a COPY, binary or text.
//!
//! Which encoder a column has is a rule about its PostgreSQL type and its Arrow type, found once; binding a batch
//! resolves the arrays; then rows are written one after another straight into the connection's buffer.

mod column;

use arrow_array::ArrayRef;
use arrow_schema::{DataType as Arrow, IntervalUnit, TimeUnit};
use sensei_sdk::{Error, Kind as ErrorKind, Result};
use serde::Deserialize;

pub(super) use column::Bound;

use crate::catalog::money_digits;
use crate::connection::Connection;
use crate::sql::literal;
use crate::value::Refused;
use crate::value::numeric::Limit;

/// What a binary COPY begins with: signature, no flags, no extension.
pub(super) const BINARY_HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// A COPY's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Binary,
    /// Where a type has no binary encoder here: its own input function reads the text.
    Text,
}

/// A column as the server made it; domains are resolved.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct TargetColumn {
    pub(super) name: String,
    base_schema: String,
    base_name: String,
    class: char,
    modifier: i32,
    /// The server computes it, and takes no values for it.
    pub(super) generated: bool,
}

/// What a column's values are written as.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    Bool,
    /// Signed, of 2, 4 or 8 bytes.
    Integer(u8),
    /// `oid` and its like: 4 or 8 bytes.
    Unsigned(u8),
    Float32,
    Float64,
    Numeric(Option<Limit>),
    Money(u8),
    /// With its longest length in characters.
    Text(Option<u32>),
    Jsonb,
    Bytes,
    Date,
    /// The smallest step that the column keeps, in microseconds.
    Time(i64),
    Timestamp {
        zoned: bool,
        step: i64,
    },
    Interval(i64),
    Uuid,
    Bits,
    /// The canonical text, for the type's input function.
    AsText,
}

/// One rule: these types, fed from this Arrow type.
struct Rule {
    types: &'static [&'static str],
    from: fn(&Arrow) -> bool,
    kind: fn(&TargetColumn) -> Kind,
    /// For people and the golden test.
    #[cfg_attr(not(test), expect(dead_code, reason = "the golden test and people read it"))]
    name: &'static str,
}

const fn rule(
    types: &'static [&'static str],
    name: &'static str,
    from: fn(&Arrow) -> bool,
    kind: fn(&TargetColumn) -> Kind,
) -> Rule {
    Rule { types, from, kind, name }
}

/// Ordered; the first that fits wins. The last three write text.
const RULES: &[Rule] = &[
    rule(&["bool"], "Boolean", |a| matches!(a, Arrow::Boolean), |_| Kind::Bool),
    rule(&["int2"], "integers", Arrow::is_integer, |_| Kind::Integer(2)),
    rule(&["int4"], "integers", Arrow::is_integer, |_| Kind::Integer(4)),
    rule(&["int8"], "integers", Arrow::is_integer, |_| Kind::Integer(8)),
    rule(&["oid", "xid", "cid"], "integers", Arrow::is_integer, |_| Kind::Unsigned(4)),
    rule(&["xid8"], "integers", Arrow::is_integer, |_| Kind::Unsigned(8)),
    rule(&["float4"], "Float32", |a| matches!(a, Arrow::Float32), |_| Kind::Float32),
    rule(&["float8"], "Float32, Float64", |a| matches!(a, Arrow::Float32 | Arrow::Float64), |_| Kind::Float64),
    rule(&["numeric"], "integers, decimals, Utf8", number, |c| Kind::Numeric(Limit::from_modifier(c.modifier))),
    rule(&["money"], "Decimal128", |a| matches!(a, Arrow::Decimal128(..)), |_| Kind::Money(0)),
    rule(&["text", "json", "name"], "Utf8", utf8, |_| Kind::Text(None)),
    rule(&["varchar", "bpchar"], "Utf8", utf8, |c| Kind::Text(characters(c))),
    rule(&["jsonb"], "Utf8", utf8, |_| Kind::Jsonb),
    rule(&["enum"], "Utf8", utf8, |_| Kind::Text(None)),
    rule(&["bytea"], "Binary, FixedSizeBinary", bytes, |_| Kind::Bytes),
    rule(&["date"], "Date32", |a| matches!(a, Arrow::Date32), |_| Kind::Date),
    rule(&["time"], "Time64", |a| matches!(a, Arrow::Time64(TimeUnit::Microsecond)), |c| Kind::Time(step(c))),
    rule(&["timestamp"], "Timestamp", timestamp, |c| Kind::Timestamp { zoned: false, step: step(c) }),
    rule(&["timestamptz"], "Timestamp", timestamp, |c| Kind::Timestamp { zoned: true, step: step(c) }),
    rule(&["interval"], "Interval, Duration", interval, |c| Kind::Interval(interval_step(c))),
    rule(&["uuid"], "FixedSizeBinary(16)", |a| matches!(a, Arrow::FixedSizeBinary(16)), |_| Kind::Uuid),
    rule(&["bit", "varbit"], "Utf8", utf8, |_| Kind::Bits),
    rule(&["text", "varchar", "bpchar"], "anything (text COPY)", |_| true, |_| Kind::AsText),
    rule(&["*"], "Utf8 (text COPY)", utf8, |_| Kind::AsText),
];

fn utf8(arrow: &Arrow) -> bool {
    matches!(arrow, Arrow::Utf8)
}

fn bytes(arrow: &Arrow) -> bool {
    matches!(arrow, Arrow::Binary | Arrow::FixedSizeBinary(_))
}

fn number(arrow: &Arrow) -> bool {
    arrow.is_integer() || matches!(arrow, Arrow::Decimal128(..) | Arrow::Decimal256(..) | Arrow::Utf8)
}

fn timestamp(arrow: &Arrow) -> bool {
    matches!(arrow, Arrow::Timestamp(TimeUnit::Microsecond, _))
}

fn interval(arrow: &Arrow) -> bool {
    matches!(arrow, Arrow::Interval(IntervalUnit::MonthDayNano) | Arrow::Duration(TimeUnit::Microsecond))
}

fn characters(column: &TargetColumn) -> Option<u32> {
    u32::try_from(column.modifier).ok().and_then(|m| m.checked_sub(4))
}

/// `timestamp(3)` keeps milliseconds; the server would round what is finer.
fn step(column: &TargetColumn) -> i64 {
    u32::try_from(column.modifier).map_or(1, |digits| 10i64.pow(6u32.saturating_sub(digits)))
}

/// The low 16 bits of an interval's modifier are its digits, 0xFFFF for all of them.
fn interval_step(column: &TargetColumn) -> i64 {
    if column.modifier < 0 { 1 } else { 10i64.pow(6u32.saturating_sub(column.modifier as u32 & 0xFFFF)) }
}

/// How one column is written.
#[derive(Debug)]
pub(super) struct Encoding {
    kind: Kind,
}

/// The encoding of an Arrow type into a column.
pub(super) fn encoding(arrow: &Arrow, column: &TargetColumn, connection: &mut Connection) -> Result<Encoding> {
    match find(arrow, column) {
        Some(Kind::Money(_)) => Ok(Encoding { kind: Kind::Money(money_digits(connection)? as u8) }),
        Some(kind) => Ok(Encoding { kind }),
        None => Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "Values of type {arrow} cannot be written into a column of type {}. Choose another type in the plan.",
                column.base_name
            ),
        )),
    }
}

fn find(arrow: &Arrow, column: &TargetColumn) -> Option<Kind> {
    let name = if column.class == 'e' { "enum" } else { column.base_name.as_str() };
    let known = column.class == 'e' || column.base_schema == "pg_catalog";
    RULES
        .iter()
        .find(|r| (r.types.contains(&"*") || (known && r.types.contains(&name))) && (r.from)(arrow))
        .map(|r| (r.kind)(column))
}

impl Encoding {
    /// Whether the value has a binary form.
    pub(super) fn binary(&self) -> bool {
        self.kind != Kind::AsText
    }

    /// The column of one batch.
    pub(super) fn bind(&self, array: &ArrayRef) -> Result<Bound> {
        Bound::new(self.kind, array)
            .ok_or_else(|| Error::internal(format!("The batch's {} is not what its schema says.", array.data_type())))
    }
}

/// Writes one row; says which column refused.
#[inline]
pub(super) fn put_row(
    columns: &mut [Bound],
    row: usize,
    format: Format,
    out: &mut Vec<u8>,
) -> Result<(), (usize, Refused)> {
    match format {
        Format::Binary => {
            out.extend_from_slice(&(columns.len() as u16).to_be_bytes());
            for (at, column) in columns.iter_mut().enumerate() {
                column.put_binary(row, out).map_err(|reason| (at, reason))?;
            }
        }
        Format::Text => {
            for (at, column) in columns.iter_mut().enumerate() {
                if at > 0 {
                    out.push(b'\t');
                }
                column.put_text(row, out).map_err(|reason| (at, reason))?;
            }
            out.push(b'\n');
        }
    }
    Ok(())
}

/// The columns of a staged table, as the server made them.
pub(super) fn columns_of(connection: &mut Connection, schema: &str, table: &str) -> Result<Vec<TargetColumn>> {
    let columns: Vec<TargetColumn> = connection.records(&format!(
        "WITH RECURSIVE resolved(attnum, name, type, modifier, generated) AS ( \
           SELECT a.attnum, a.attname, a.atttypid, a.atttypmod, \
             coalesce(pg_catalog.to_jsonb(a) ->> 'attgenerated', '') <> '' \
           FROM pg_catalog.pg_attribute a \
           JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
           WHERE n.nspname = {} AND c.relname = {} AND a.attnum > 0 AND NOT a.attisdropped \
           UNION ALL \
           SELECT r.attnum, r.name, t.typbasetype, CASE WHEN r.modifier = -1 THEN t.typtypmod ELSE r.modifier END, r.generated \
           FROM resolved r JOIN pg_catalog.pg_type t ON t.oid = r.type WHERE t.typtype = 'd') \
         SELECT r.name, tn.nspname AS base_schema, t.typname AS base_name, t.typtype AS class, r.modifier, r.generated \
         FROM resolved r JOIN pg_catalog.pg_type t ON t.oid = r.type AND t.typtype <> 'd' \
         JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace ORDER BY r.attnum",
        literal(schema),
        literal(table)
    ))?;
    if columns.is_empty() {
        return Err(Error::new(
            ErrorKind::NotFound,
            format!("The staged table {schema}.{table} is not there; somebody removed the staging. Start again."),
        ));
    }
    Ok(columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_golden() {
        let probe = |name: &str, modifier| TargetColumn {
            name: "c".to_owned(),
            base_schema: "pg_catalog".to_owned(),
            base_name: name.to_owned(),
            class: if name == "enum" { 'e' } else { 'b' },
            modifier,
            generated: false,
        };
        let lines: Vec<String> = RULES
            .iter()
            .map(|r| format!("{} <- {}: {:?}", r.types.join(", "), r.name, (r.kind)(&probe(r.types[0], 7))))
            .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn what_has_no_rule_is_refused() {
        let column = |schema: &str, name: &str| TargetColumn {
            name: "c".to_owned(),
            base_schema: schema.to_owned(),
            base_name: name.to_owned(),
            class: 'b',
            modifier: -1,
            generated: false,
        };
        assert_eq!(find(&Arrow::Float64, &column("pg_catalog", "int4")), None);
        assert_eq!(find(&Arrow::Utf8, &column("pg_catalog", "_int4")), Some(Kind::AsText));
        assert_eq!(find(&Arrow::Utf8, &column("public", "text")), Some(Kind::AsText));
        assert_eq!(find(&Arrow::UInt64, &column("pg_catalog", "int8")), Some(Kind::Integer(8)));
    }
}
