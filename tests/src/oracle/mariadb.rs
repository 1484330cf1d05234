//! What MariaDB says, through its client.

use super::{Column, ForeignKey, Kind, Shape, Table, Value, action, kind};
use crate::servers::{MariaDbDatabase, Row};

pub(super) fn shape(database: &MariaDbDatabase) -> Shape {
    let mut shape = Shape::new();
    for row in database.query(
        "select c.table_name a, c.column_name b, c.column_type c, c.is_nullable d, c.extra e
           from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
          where c.table_schema = database() and t.table_type = 'BASE TABLE'
          order by c.table_name, c.ordinal_position",
    ) {
        let [table, name, declared, nullable, extra] = texts(row);
        let kind = kind::of(&declared, kind::MARIADB);
        let (nullable, automatic) = (nullable == "YES", extra.contains("auto_increment"));
        shape.entry(table).or_default().columns.push(Column { name, declared, kind, nullable, automatic });
    }
    let mut indexes: Vec<(String, String, bool, Vec<String>)> = Vec::new();
    for row in database.query(
        "select table_name a, index_name b, non_unique c, column_name d from information_schema.statistics
          where table_schema = database() order by table_name, index_name, seq_in_index",
    ) {
        let [table, index, plain, column] = texts(row);
        match indexes.last_mut() {
            Some(last) if (&last.0, &last.1) == (&table, &index) => last.3.push(column),
            Some(_) | None => indexes.push((table, index, plain == "1", vec![column])),
        }
    }
    for (table, index, plain, columns) in indexes {
        let table = shape.get_mut(&table).expect("a table with columns");
        match (index.as_str(), plain) {
            ("PRIMARY", _) => table.primary_key = columns,
            (_, false) => drop(table.uniques.insert(columns)),
            (_, true) => drop(table.indexes.insert(columns)),
        }
    }
    let mut keys: Vec<(String, String, ForeignKey)> = Vec::new();
    for row in database.query(
        "select k.table_name a, k.constraint_name b, k.column_name c, k.referenced_table_name d,
                k.referenced_column_name e, r.update_rule f, r.delete_rule g
           from information_schema.key_column_usage k join information_schema.referential_constraints r
             on r.constraint_schema = k.constraint_schema and r.constraint_name = k.constraint_name and r.table_name = k.table_name
          where k.table_schema = database() order by k.table_name, k.constraint_name, k.ordinal_position",
    ) {
        let [table, name, column, other, referenced, on_update, on_delete] = texts(row);
        match keys.last_mut() {
            Some((last, key, found)) if (&*last, &*key) == (&table, &name) => {
                found.columns.push(column);
                found.referenced.push(referenced);
            }
            Some(_) | None => {
                let (on_update, on_delete) = (action(&on_update), action(&on_delete));
                let (columns, referenced) = (vec![column], vec![referenced]);
                keys.push((table, name, ForeignKey { columns, table: other, referenced, on_update, on_delete }));
            }
        }
    }
    for (table, _, key) in keys {
        shape.get_mut(&table).expect("a table with columns").foreign_keys.insert(key);
    }
    shape
}

/// Staging of other tests' databases lies on the same server; this database's carries its name.
pub(super) fn leftovers(database: &MariaDbDatabase) -> Vec<String> {
    let found = database.query(&format!(
        "select schema_name a from information_schema.schemata where schema_name like 'sensei\\_%\\_{}' union all
         select table_name from information_schema.tables where table_schema = database() and table_name like 'sensei\\_%'",
        database.name
    ));
    found.into_iter().flatten().flatten().collect()
}

pub(super) fn rows(database: &MariaDbDatabase, name: &str, table: &Table) -> Vec<Vec<Value>> {
    let columns: Vec<String> = table.columns.iter().map(select_hexadecimal).collect();
    let select = format!("select {} from {}", columns.join(", "), identifier(name));
    let mut rows = database.hexadecimal_rows(&select);
    for (position, _) in table.columns.iter().enumerate().filter(|(_, column)| column.kind == Kind::Geometry) {
        for value in rows.iter_mut().filter_map(|row| row[position].as_mut()) {
            *value = extended_wkb(value);
        }
    }
    rows
}

/// An expression that gives the hexadecimal text of the value's own text or bytes.
fn select_hexadecimal(column: &Column) -> String {
    let name = identifier(&column.name);
    match column.kind {
        Kind::Bytes => format!("hex({name})"),
        // The server prints a FLOAT with six digits; as a DOUBLE, all are there.
        Kind::Float32 => format!("hex(cast({name} * 1e0 as char))"),
        Kind::Bits => {
            let width: String = column.declared.chars().filter(char::is_ascii_digit).collect();
            format!("hex(lpad(bin({name} + 0), {width}, '0'))")
        }
        Kind::Geometry => format!("concat(lpad(hex(st_srid({name})), 8, '0'), hex(st_aswkb({name})))"),
        _ => format!("hex(convert(cast({name} as char) using utf8mb4))"),
    }
}

/// SRID (four bytes, most significant first) and WKB, as EWKB; as plain WKB when the SRID is 0.
fn extended_wkb(bytes: &[u8]) -> Vec<u8> {
    let (srid, wkb) = bytes.split_at(4);
    if srid == [0; 4] {
        return wkb.to_vec();
    }
    assert_eq!(wkb[0], 1, "MariaDB gives little-endian WKB");
    let mut extended = wkb[..5].to_vec();
    extended[4] |= 0x20;
    extended.extend(srid.iter().rev());
    extended.extend(&wkb[5..]);
    extended
}

/// A counter that stands at the last number of its type gives none: the server refuses a new row, in whatever table.
pub(super) fn stuck(database: &MariaDbDatabase, table: &str, column: &str) -> Option<String> {
    let (name, of) = (identifier(column), identifier(table));
    let next: i128 = database
        .value(&format!(
            "select auto_increment from information_schema.tables where table_schema = database() and table_name = {}",
            literal(table)
        ))
        .parse()
        .expect("a number");
    let highest: i128 =
        database.value(&format!("select coalesce(max({name}), 0) from {of}")).parse().expect("a number");
    let declared = database.value(&format!(
        "select column_type from information_schema.columns
          where table_schema = database() and table_name = {} and column_name = {}",
        literal(table),
        literal(column)
    ));
    (next <= highest && Some(highest) != last_number(&declared)).then(|| format!("next {next}, highest {highest}"))
}

fn last_number(declared: &str) -> Option<i128> {
    let bits = [("tinyint", 8), ("smallint", 16), ("mediumint", 24), ("int", 32), ("bigint", 64)];
    let (_, bits) = bits.iter().find(|(name, _)| declared.starts_with(name))?;
    let signed = !declared.contains("unsigned");
    Some((1_i128 << (bits - i32::from(signed))) - 1)
}

fn texts<const N: usize>(row: Row) -> [String; N] {
    let texts: Vec<String> = row.into_iter().map(Option::unwrap_or_default).collect();
    texts.try_into().expect("as many values as were asked for")
}

fn identifier(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}
