//! What a SQLite file says, through SQLite's own library.

use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use super::{Column, ForeignKey, Kind, Shape, Table, Value, action};

pub(super) fn open(file: &Path) -> Connection {
    // For writing, as any program opens it: a killed writer's journal is rolled back by whoever comes next.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(file, flags).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

pub(super) fn shape(file: &Path) -> Shape {
    if !file.exists() {
        return Shape::new();
    }
    let connection = open(file);
    let names = texts(
        &connection,
        "select name from sqlite_master where type = 'table' and name not like 'sqlite\\_%' escape '\\'",
    );
    names.into_iter().map(|name| (name[0].clone(), table(&connection, &name[0]))).collect()
}

fn table(connection: &Connection, name: &str) -> Table {
    let quoted = literal(name);
    let mut table = Table::default();
    let mut key: Vec<(u32, String)> = Vec::new();
    let sql = texts(connection, &format!("select sql from sqlite_master where type = 'table' and name = {quoted}"));
    let counted = sql[0][0].to_lowercase().contains("autoincrement");
    for row in
        texts(connection, &format!("select name, type, \"notnull\", pk from pragma_table_xinfo({quoted}) order by cid"))
    {
        let [name, declared, not_null, position] = row.try_into().expect("four values");
        if let position @ 1.. = position.parse().expect("a number") {
            key.push((position, name.clone()));
        }
        let automatic = counted && position == "1";
        let nullable = not_null == "0" && position == "0";
        table.columns.push(Column { name, declared, kind: Kind::Dynamic, nullable, automatic });
    }
    key.sort();
    table.primary_key = key.into_iter().map(|(_, name)| name).collect();
    for row in texts(connection, &format!("select name, \"unique\", origin, partial from pragma_index_list({quoted})"))
    {
        let columns = texts(
            connection,
            &format!(
                "select coalesce(name, '(expression)') from pragma_index_info({}) order by seqno",
                literal(&row[0])
            ),
        );
        let columns = columns.into_iter().flatten().collect();
        match (row[1].as_str(), row[2].as_str(), row[3].as_str()) {
            (_, "pk", _) => {}
            ("1", _, "0") => drop(table.uniques.insert(columns)),
            (_, _, _) => drop(table.indexes.insert(columns)),
        }
    }
    let mut keys: Vec<(String, ForeignKey)> = Vec::new();
    for row in texts(
        connection,
        &format!(
            "select id, \"table\", \"from\", \"to\", on_update, on_delete from pragma_foreign_key_list({quoted}) order by id, seq"
        ),
    ) {
        let [id, other, column, referenced, on_update, on_delete] = row.try_into().expect("six values");
        match keys.last_mut() {
            Some((last, key)) if *last == id => {
                key.columns.push(column);
                key.referenced.push(referenced);
            }
            Some(_) | None => {
                let (on_update, on_delete) = (action(&on_update), action(&on_delete));
                let (columns, referenced) = (vec![column], vec![referenced]);
                keys.push((id, ForeignKey { columns, table: other, referenced, on_update, on_delete }));
            }
        }
    }
    table.foreign_keys = keys.into_iter().map(|(_, key)| key).collect();
    table
}

pub(super) fn leftovers(file: &Path) -> Vec<String> {
    if !file.exists() {
        return Vec::new();
    }
    texts(&open(file), "select name from sqlite_master where name like 'sensei\\_%' escape '\\'")
        .into_iter()
        .flatten()
        .collect()
}

pub(super) fn rows(file: &Path, name: &str, table: &Table) -> Vec<Vec<Value>> {
    let connection = open(file);
    let columns: Vec<String> = table.columns.iter().map(|column| identifier(&column.name)).collect();
    let select = format!("select {} from {}", columns.join(", "), identifier(name));
    let mut statement = connection.prepare(&select).unwrap_or_else(|error| panic!("{select}: {error}"));
    let width = columns.len();
    let rows = statement.query_map((), |row| (0..width).map(|position| row.get_ref(position).map(value)).collect());
    rows.and_then(Iterator::collect).unwrap_or_else(|error| panic!("{select}: {error}"))
}

fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string().into_bytes()),
        ValueRef::Real(number) => Some(number.to_string().into_bytes()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(bytes.to_vec()),
    }
}

pub(super) fn stuck(file: &Path, table: &str, column: &str) -> Option<String> {
    let (name, of) = (identifier(column), identifier(table));
    let connection = open(file);
    let highest = &texts(&connection, &format!("select coalesce(max({name}), 0) from {of}"))[0][0];
    let counted = texts(&connection, &format!("select seq from sqlite_sequence where name = {}", literal(table)));
    let next = counted.first().map_or("0", |row| &row[0]);
    let number = |text: &str| text.parse::<i128>().expect("a number");
    (number(next) < number(highest)).then(|| format!("last {next}, highest {highest}"))
}

/// What the file says of its tables and indexes, however their statements are written: quotes, blanks and case are
/// no part of a schema, and a rowid's own column is never NULL whether it says so or not.
pub(super) fn definition(file: &Path) -> Vec<String> {
    let connection = open(file);
    let columns = "select 'column ' || t.name || '.' || c.name || ': ' || lower(c.type) || ', not null ' || (c.\"notnull\" or c.pk) ||
                          ', default ' || coalesce(c.dflt_value, 'none') || ', key ' || c.pk || ', hidden ' || c.hidden
                     from sqlite_master t, pragma_table_xinfo(t.name) c where t.type = 'table' and t.name not like 'sqlite%'";
    let tables = "select 'table ' || l.name || ': without rowid ' || l.wr || ', strict ' || l.strict
                    from pragma_table_list l where l.schema = 'main' and l.name not like 'sqlite%'";
    let indexes =
        "select 'index ' || name || ' of ' || tbl_name || ': ' || replace(replace(lower(sql), '\"', ''), ' ', '')
                     from sqlite_master where type = 'index' and sql is not null";
    let mut lines: Vec<String> =
        [columns, tables, indexes].iter().flat_map(|select| texts(&connection, select)).flatten().collect();
    for row in texts(
        &connection,
        "select name, lower(sql) from sqlite_master where type = 'table' and name not like 'sqlite%'",
    ) {
        for word in ["check", "collate nocase", "autoincrement", "stored", "virtual", "a * 2 + 1", "upper(b)", "a <> 5"]
        {
            lines.push(format!("table {} says {word} {} times", row[0], row[1].matches(word).count()));
        }
    }
    lines
}

/// Rows as text, NULL as nothing.
pub(super) fn texts(connection: &Connection, select: &str) -> Vec<Vec<String>> {
    let mut statement = connection.prepare(select).unwrap_or_else(|error| panic!("{select}: {error}"));
    let width = statement.column_count();
    let text = |bytes: Value| String::from_utf8(bytes.unwrap_or_default()).expect("UTF-8");
    let rows = statement.query_map((), |row| {
        (0..width).map(|position| row.get_ref(position).map(|found| text(value(found)))).collect()
    });
    rows.and_then(Iterator::collect).unwrap_or_else(|error| panic!("{select}: {error}"))
}

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
