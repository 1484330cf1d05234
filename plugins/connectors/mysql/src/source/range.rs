//! Keys that a table can be divided by, and the condition of a range.
//!
//! A bound may name only the first of the range's columns: it then stands before every row whose key begins with it.

use sensei_sdk::catalog::{Column, DataType, TableName};
use sensei_sdk::{Error, Kind, Range, Result};

use super::read::full_name;
use crate::connection::{Connection, identifier, literal};

/// An index that orders every row: the primary key, or a unique key without NULLs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Key {
    pub(crate) index: String,
    pub(crate) columns: Vec<String>,
}

/// Keys of a table, the primary key first, then those of the fewest columns.
pub(crate) fn keys(connection: &mut Connection, table: &TableName) -> Result<Vec<Key>> {
    let rows = connection.table(&format!(
        "SELECT INDEX_NAME, COLUMN_NAME FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {} \
         AND NON_UNIQUE = 0 AND INDEX_TYPE = 'BTREE' AND INDEX_NAME NOT IN (SELECT INDEX_NAME \
         FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {} AND (NULLABLE = 'YES' \
         OR SUB_PART IS NOT NULL OR COLLATION = 'D' OR COLUMN_NAME IS NULL)) ORDER BY INDEX_NAME, SEQ_IN_INDEX",
        literal(&table.schema),
        literal(&table.name),
        literal(&table.schema),
        literal(&table.name),
    ))?;
    let mut keys: Vec<Key> = Vec::new();
    for row in rows {
        let mut cells = row.into_iter().flatten();
        let (Some(index), Some(column)) = (cells.next(), cells.next()) else { continue };
        match keys.last_mut() {
            Some(key) if key.index == index => key.columns.push(column),
            Some(_) | None => keys.push(Key { index, columns: vec![column] }),
        }
    }
    keys.sort_by_key(|k| (k.index != "PRIMARY", k.columns.len()));
    Ok(keys)
}

/// Whether ranges of a column's values mean what the server's index means.
/// Floats do not come back from text as the same number in every version; enums and sets are ordered by position but
/// compared as text.
pub(crate) fn divides(column: &Column) -> bool {
    match column.data_type {
        DataType::Integer(_)
        | DataType::Decimal(_)
        | DataType::Text(_)
        | DataType::Binary(_)
        | DataType::Date
        | DataType::Timestamp(_)
        | DataType::Duration(_)
        | DataType::Uuid => true,
        DataType::Boolean
        | DataType::Float(_)
        | DataType::Number
        | DataType::Time(_)
        | DataType::Interval
        | DataType::Json
        | DataType::Bits(_)
        | DataType::Enumeration(_)
        | DataType::Set(_)
        | DataType::Geometry(_)
        | DataType::Native => false,
    }
}

/// A key value as SQL that gives its canonical text.
pub(crate) fn key_text(column: &Column) -> String {
    let name = identifier(&column.name);
    match column.data_type {
        DataType::Binary(_) => format!("CONCAT('\\\\x', LOWER(HEX({name})))"),
        _ => name,
    }
}

/// A canonical text as a literal of its column's type.
fn key_literal(column: &Column, text: &str) -> Result<String> {
    let bad = || {
        Error::new(Kind::InvalidData, format!("{text:?} is no value of the key column {}: split again.", column.name))
    };
    Ok(match column.data_type {
        DataType::Integer(_) | DataType::Decimal(_) => {
            let number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b"+-.".contains(&b));
            if number { text.to_owned() } else { return Err(bad()) }
        }
        DataType::Binary(_) => {
            let digits =
                text.strip_prefix("\\x").filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit())).ok_or_else(bad)?;
            format!("x'{digits}'")
        }
        _ => literal(text),
    })
}

/// Where rows lie, seen from a bound.
#[derive(Clone, Copy)]
pub(crate) enum Side {
    AtOrAfter,
    After,
    Before,
}

/// The condition of rows on one side of a bound.
///
/// `(a > 1) OR (a = 1 AND b >= 2)`: the range optimizer makes one interval of the index from it, which it does not from
/// the row comparison `(a, b) >= (1, 2)`.
pub(crate) fn bound(columns: &[&Column], values: &[String], side: Side) -> Result<String> {
    let mut terms = Vec::with_capacity(values.len());
    let mut equal = String::new();
    for (at, (column, value)) in columns.iter().zip(values).enumerate() {
        let (name, value) = (identifier(&column.name), key_literal(column, value)?);
        let operator = match side {
            Side::AtOrAfter if at + 1 == values.len() => ">=",
            Side::AtOrAfter | Side::After => ">",
            Side::Before => "<",
        };
        terms.push(format!("({equal}{name} {operator} {value})"));
        equal.push_str(&format!("{name} = {value} AND "));
    }
    Ok(format!("({})", terms.join(" OR ")))
}

/// The condition of `lower <= key < upper`.
pub(crate) fn condition(
    columns: &[&Column],
    lower: Option<&[String]>,
    upper: Option<&[String]>,
) -> Result<Option<String>> {
    let lower = lower.map(|values| bound(columns, values, Side::AtOrAfter)).transpose()?;
    let upper = upper.map(|values| bound(columns, values, Side::Before)).transpose()?;
    let all: Vec<String> = lower.into_iter().chain(upper).collect();
    Ok((!all.is_empty()).then(|| all.join(" AND ")))
}

/// Columns by name.
pub(crate) fn find<'a>(columns: &'a [Column], names: &[String], table: &TableName) -> Result<Vec<&'a Column>> {
    let find = |name: &String| {
        columns.iter().find(|c| c.name == *name).ok_or_else(|| {
            Error::new(Kind::NotFound, "The key column has gone: plan again.").table(full_name(table)).column(name)
        })
    };
    names.iter().map(find).collect()
}

/// `FROM table FORCE INDEX (key)`: left to itself, the server may read the whole table for a range of it.
pub(crate) fn from_index(table: &TableName, key: Option<&Key>) -> String {
    let hint = key.map(|k| format!(" FORCE INDEX ({})", identifier(&k.index))).unwrap_or_default();
    format!("FROM {}.{}{hint}", identifier(&table.schema), identifier(&table.name))
}

/// FROM and WHERE of a range.
pub(crate) fn from_clause(table: &TableName, range: &Range, columns: &[Column], keys: &[Key]) -> Result<String> {
    match range {
        Range::Whole => Ok(from_index(table, None)),
        Range::Keys(keyed) => {
            let key = keys.iter().find(|k| k.columns.starts_with(&keyed.columns));
            let columns = find(columns, &keyed.columns, table)?;
            let condition = condition(&columns, keyed.lower.as_deref(), keyed.upper.as_deref())?;
            let from = from_index(table, key);
            Ok(condition.map_or_else(|| from.clone(), |c| format!("{from} WHERE {c}")))
        }
        Range::Physical(_) => Err(Error::new(
            Kind::Unsupported,
            "This system has no physical ranges: the chunk comes from another connector. Split the table again.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use sensei_sdk::KeyRange;
    use sensei_sdk::catalog::{Binary, Integer, Text};
    use sensei_sdk::plain_column;

    use super::*;

    fn column(name: &str, data_type: DataType) -> Column {
        Column { nullable: false, ..plain_column(name, "", data_type) }
    }

    #[test]
    fn conditions_of_ranges() {
        let columns = [
            column("a", DataType::Integer(Integer { bits: 64, signed: true })),
            column("b", DataType::Text(Text { length: Some(9), fixed: false })),
            column("c", DataType::Binary(Binary { length: Some(2), fixed: true })),
        ];
        let table = TableName { schema: "s".into(), name: "t".into() };
        let keys = [Key { index: "PRIMARY".into(), columns: vec!["a".into(), "b".into(), "c".into()] }];
        let texts = |values: &[&str]| Some(values.iter().map(|v| (*v).to_owned()).collect::<Vec<_>>());
        let cases = [
            (1, texts(&["-5"]), None),
            (1, None, texts(&["7"])),
            (2, texts(&["1", "it's"]), texts(&["2"])),
            (3, texts(&["1", "x", "\\x00ff"]), texts(&["1", "y", "\\x0001"])),
            (3, None, None),
        ];
        let all: String = cases
            .into_iter()
            .map(|(count, lower, upper)| {
                let names = keys[0].columns[..count].to_vec();
                let range = Range::Keys(KeyRange { columns: names, lower, upper });
                from_clause(&table, &range, &columns, &keys).unwrap() + "\n"
            })
            .collect();
        insta::assert_snapshot!(all);
    }

    #[test]
    fn a_value_of_another_type_is_refused() {
        let number = column("a", DataType::Integer(Integer { bits: 64, signed: true }));
        assert!(key_literal(&number, "1 OR 1").is_err());
        let bytes = column("a", DataType::Binary(Binary { length: None, fixed: false }));
        assert!(key_literal(&bytes, "\\x0g").is_err());
        assert!(key_literal(&bytes, "00").is_err());
    }
}
