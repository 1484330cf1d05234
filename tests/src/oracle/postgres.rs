//! What PostgreSQL says, through psql.

use super::{Column, ForeignKey, Kind, Shape, Table, Value, action, kind};
use crate::servers::{PostgresDatabase, Row};

/// Between the names of one list. No identifier of a test holds it.
const BETWEEN: char = '\u{1f}';

pub(super) fn shape(database: &PostgresDatabase, schema: &str) -> Shape {
    let mut shape = Shape::new();
    let schema = literal(schema);
    for row in database.query(&format!(
        "select c.relname, a.attname, format_type(a.atttypid, a.atttypmod), t.typtype,
                format_type(coalesce(nullif(t.typbasetype, 0), a.atttypid), a.atttypmod), a.attnotnull,
                a.attidentity <> '' or coalesce(pg_get_expr(d.adbin, d.adrelid) like 'nextval(%', false)
           from pg_class c join pg_attribute a on a.attrelid = c.oid join pg_type t on t.oid = a.atttypid
           left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
          where c.relnamespace = {schema}::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
            and a.attnum > 0 and not a.attisdropped
          order by c.relname, a.attnum"
    )) {
        let [table, name, declared, category, base, not_null, automatic] = texts(row);
        let kind = if category == "e" { Kind::Text } else { kind::of(&base, kind::POSTGRES) };
        let column = Column { name, declared, kind, nullable: not_null == "f", automatic: automatic == "t" };
        shape.entry(table).or_default().columns.push(column);
    }
    let names = |keys: &str, relation: &str| {
        format!(
            "array_to_string(array(select a.attname from unnest({keys}) with ordinality k(n, i)
             join pg_attribute a on a.attrelid = {relation} and a.attnum = k.n order by i), E'\\x1f')"
        )
    };
    for row in database.query(&format!(
        "select c.relname, n.contype, {}, coalesce(f.relname, ''), {}, n.confupdtype, n.confdeltype
           from pg_constraint n join pg_class c on c.oid = n.conrelid left join pg_class f on f.oid = n.confrelid
          where c.relnamespace = {schema}::regnamespace and n.contype in ('p', 'u', 'f') and not c.relispartition",
        names("n.conkey", "n.conrelid"),
        names("n.confkey", "n.confrelid"),
    )) {
        let [table, what, columns, other, referenced, on_update, on_delete] = texts(row);
        let table = shape.get_mut(&table).expect("a table with columns");
        match what.as_str() {
            "p" => table.primary_key = list(&columns),
            "u" => drop(table.uniques.insert(list(&columns))),
            _ => drop(table.foreign_keys.insert(ForeignKey {
                columns: list(&columns),
                table: other,
                referenced: list(&referenced),
                on_update: action(&on_update),
                on_delete: action(&on_delete),
            })),
        }
    }
    for row in database.query(&format!(
        "select c.relname, i.indisunique and i.indpred is null,
                array_to_string(array(select coalesce(a.attname, '(' || pg_get_indexdef(i.indexrelid, k.p::int, true) || ')')
                  from unnest(i.indkey[0:i.indnkeyatts - 1]) with ordinality k(n, p)
                  left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.n and k.n > 0 order by p), E'\\x1f')
           from pg_index i join pg_class c on c.oid = i.indrelid
          where c.relnamespace = {schema}::regnamespace and not c.relispartition
            and not exists (select 1 from pg_constraint n where n.conindid = i.indexrelid and n.contype in ('p', 'u', 'x'))"
    )) {
        let [table, unique, columns] = texts(row);
        let table = shape.get_mut(&table).expect("a table with columns");
        let indexes = if unique == "t" { &mut table.uniques } else { &mut table.indexes };
        indexes.insert(list(&columns));
    }
    shape
}

pub(super) fn leftovers(database: &PostgresDatabase) -> Vec<String> {
    let found = database.query(
        "select nspname from pg_namespace where nspname like 'sensei\\_%' union all
         select relname from pg_class where relname like 'sensei\\_%' and relkind in ('r', 'p', 'S')",
    );
    found.into_iter().flatten().flatten().collect()
}

pub(super) fn rows(database: &PostgresDatabase, schema: &str, name: &str, table: &Table) -> Vec<Vec<Value>> {
    // The client's form of XML is without what stands before its first element.
    let value = |column: &super::Column| match (column.declared.as_str(), identifier(&column.name)) {
        ("xml", name) => format!("xmlserialize(content {name} as text)"),
        (_, name) => name,
    };
    let columns: Vec<String> = table.columns.iter().map(value).collect();
    let select = format!("select {} from {}.{}", columns.join(", "), identifier(schema), identifier(name));
    let mut rows = database.raw_rows(&select);
    for (position, column) in table.columns.iter().enumerate() {
        if column.kind == Kind::Bytes {
            for value in rows.iter_mut().filter_map(|row| row[position].as_mut()) {
                *value = bytes(value);
            }
        }
    }
    rows
}

/// Looks at where the sequence stands and leaves it there. One at its end gives no number, and so none that collides.
pub(super) fn stuck(database: &PostgresDatabase, schema: &str, table: &str, column: &str) -> Option<String> {
    let of = format!("{}.{}", identifier(schema), identifier(table));
    let sequence = format!("select pg_get_serial_sequence({}, {})", literal(&of), literal(column));
    let Some(sequence) = database.query(&sequence).into_iter().flatten().flatten().next() else {
        return Some("has no sequence".to_owned());
    };
    let numbers = database.query(&format!(
        "select case when is_called then last_value::numeric + (select seqincrement from pg_sequence where seqrelid = {}::regclass)
                     else last_value end, (select max({}) from {of}) from {sequence}",
        literal(&sequence),
        identifier(column)
    ));
    let number = |position: usize| numbers[0][position].as_deref().map(|text| text.parse::<i128>().expect("a number"));
    let (next, highest) = (number(0).expect("a position"), number(1)?);
    (next <= highest).then(|| format!("next {next}, highest {highest}"))
}

/// `\x0aff`.
fn bytes(text: &[u8]) -> Vec<u8> {
    let text = text.strip_prefix(b"\\x").expect("bytea_output is hex");
    let digit = |byte: u8| char::from(byte).to_digit(16).expect("a hexadecimal digit") as u8;
    text.chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

fn texts<const N: usize>(row: Row) -> [String; N] {
    let texts: Vec<String> = row.into_iter().map(Option::unwrap_or_default).collect();
    texts.try_into().expect("as many values as were asked for")
}

fn list(text: &str) -> Vec<String> {
    text.split(BETWEEN).map(str::to_owned).collect()
}

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
