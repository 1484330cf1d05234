//! The catalog of a file: `sqlite_schema`, the table pragmas, and the text of the `CREATE` statements.

mod defaults;
mod keys;

use std::collections::HashMap;
use std::rc::Rc;

use sensei_sdk::catalog::{
    Catalog, Check, Column, DataType, Enumeration, Generated, Generation, Identity, Key, NamedType, NamedTypeKind,
    Object, ObjectKind, Table, TableName,
};
use sensei_sdk::host::{self, Level};
use sensei_sdk::{Error, Kind, Result};

use crate::database::Database;
use crate::ddl::{self, TableText};
use crate::declared::{Declared, HINT, Meant};
use crate::facts::{self, Facts};
use crate::profile::{Profile, Subject};
use crate::sql::{self, identifier, text};
use crate::staging;

/// Name of the one schema of a file.
pub(crate) const SCHEMA: &str = "main";
/// Systems of one dialect understand each other's expressions.
pub(crate) const DIALECT: &str = "sqlite";

/// A table, and how its rows are told apart.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) table: Table,
    /// A name under which the rowid can be asked for; none without a rowid.
    pub(crate) rowid: Option<String>,
    /// The rowid is a column of the table: it stays through VACUUM.
    pub(crate) rowid_is_key: bool,
}

/// `PRAGMA table_xinfo`, one row.
struct Info {
    name: String,
    declared: String,
    not_null: bool,
    default: Option<String>,
    /// Place in the primary key, from 1; 0 outside.
    key: i64,
    /// 2: generated, virtual. 3: generated, stored.
    hidden: i64,
}

/// Names of the tables that could be moved, and what else there is.
pub(crate) fn names(database: &Rc<Database>) -> Result<(Vec<String>, Vec<Object>)> {
    let kinds = table_kinds(database)?;
    let (mut tables, mut objects) = (Vec::new(), Vec::new());
    let mut rows = database.prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY rowid")?;
    while rows.step()? {
        let (what, name, definition) =
            (rows.text(0).unwrap_or_default(), rows.text(1).unwrap_or_default(), rows.text(2));
        if name.starts_with("sqlite_") || staging::is_staged(&name) {
            continue;
        }
        let kind = match (what.as_str(), kinds.get(&name).map(String::as_str)) {
            ("table", Some("virtual")) => ObjectKind::Other,
            // What a virtual table keeps its content in.
            ("table", Some("shadow")) => continue,
            ("table", _) => {
                tables.push(name);
                continue;
            }
            ("view", _) => ObjectKind::View,
            ("trigger", _) => ObjectKind::Trigger,
            // Indexes belong to their tables.
            _ => continue,
        };
        objects.push(Object { kind, schema: SCHEMA.to_owned(), name, definition });
    }
    Ok((tables, objects))
}

/// Name -> `table`, `view`, `virtual` or `shadow`.
fn table_kinds(database: &Rc<Database>) -> Result<HashMap<String, String>> {
    let mut rows = database.prepare("SELECT name, type FROM pragma_table_list WHERE schema = 'main'")?;
    let mut kinds = HashMap::new();
    while rows.step()? {
        kinds.insert(rows.text(0).unwrap_or_default(), rows.text(1).unwrap_or_default());
    }
    Ok(kinds)
}

/// Whether these schemas are there.
pub(crate) fn know(schemas: &[String]) -> Result<()> {
    let Some(unknown) = schemas.iter().find(|schema| *schema != SCHEMA) else { return Ok(()) };
    let message = format!("An SQLite file has one schema, `{SCHEMA}`; there is no schema `{unknown}`.");
    Err(Error::new(Kind::NotFound, message))
}

/// The whole catalog. With `profile_rows`, values are looked at: a source; without, declared types alone: a target.
pub(crate) fn read(
    database: &Rc<Database>,
    schemas: &[String],
    profile_rows: Option<u64>,
) -> Result<(Catalog, Vec<Shape>)> {
    know(schemas)?;
    let (names, objects) = names(database)?;
    let shapes = names.iter().map(|name| shape(database, name, profile_rows)).collect::<Result<Vec<_>>>()?;
    let version = database.prepare("SELECT sqlite_version()").and_then(|mut s| s.step().map(|_| s.text(0)))?;
    let catalog = Catalog {
        server: format!("SQLite {}", version.unwrap_or_default()),
        dialect: DIALECT.to_owned(),
        default_schema: SCHEMA.to_owned(),
        schemas: vec![SCHEMA.to_owned()],
        tables: shapes.iter().map(|shape| shape.table.clone()).collect(),
        named_types: if profile_rows.is_some() { texts(database, &names)? } else { Vec::new() },
        objects,
    };
    Ok((catalog, shapes))
}

/// A staged table under its live name, its indexes too. Foreign keys name live tables from the beginning.
pub(crate) fn staged(database: &Rc<Database>, migration: &str, live: TableName) -> Result<Table> {
    let name = staging::staged(migration, &live.name);
    let mut table = shape(database, &name, None)?.table;
    // As they stand in the table's text: none of them is taken for an enumeration.
    table.checks = checks(ddl::table(&definition(database, &name)?).checks);
    let prefix = staging::staged(migration, "");
    for index in &mut table.indexes {
        if let Some(live) = index.name.strip_prefix(&prefix) {
            index.name = live.to_owned();
        }
    }
    Ok(Table { name: live, ..table })
}

fn checks(written: Vec<ddl::CheckText>) -> Vec<Check> {
    written.into_iter().map(|check| Check { name: check.name, expression: check.expression }).collect()
}

/// The texts that make the tables and their indexes. The contract has one place for text in a dialect's own words
/// that is about a thing as a whole, a named type, and nobody but a target of this connector's own reads it: what a
/// `Table` cannot say (STRICT, WITHOUT ROWID, ON CONFLICT, comments) is in it.
fn texts(database: &Rc<Database>, names: &[String]) -> Result<Vec<NamedType>> {
    let query = "SELECT sql FROM sqlite_schema WHERE tbl_name = ?1 AND type IN ('table', 'index') AND sql IS NOT NULL ORDER BY type DESC, rowid";
    let mut rows = database.prepare(query)?;
    let mut all = Vec::with_capacity(names.len());
    for name in names {
        rows.reset();
        rows.bind_text(0, name)?;
        let mut statements = Vec::new();
        while rows.step()? {
            statements.extend(rows.text(0));
        }
        all.push(NamedType {
            schema: SCHEMA.to_owned(),
            name: name.clone(),
            kind: NamedTypeKind::Other,
            definition: statements.join(";\n"),
        });
    }
    Ok(all)
}

/// One table.
///
/// # Errors
/// `not-found` if there is no such table.
pub(crate) fn shape(database: &Rc<Database>, name: &str, profile_rows: Option<u64>) -> Result<Shape> {
    let definition = definition(database, name)?;
    let written = ddl::table(&definition);
    let infos = columns(database, name)?;
    let mut shape = Shape { table: empty(name), rowid: rowid_name(database, name, &infos)?, rowid_is_key: false };
    let keys = keys::read(database, name, &written)?;
    let key: Vec<String> = {
        let mut parts: Vec<_> = infos.iter().filter(|i| i.key > 0).collect();
        parts.sort_by_key(|info| info.key);
        parts.iter().map(|info| info.name.clone()).collect()
    };
    // A single INTEGER key that needs no index of its own is the rowid.
    let alias = (key.len() == 1 && shape.rowid.is_some() && !keys.primary_has_index).then(|| key[0].clone());
    shape.rowid_is_key = alias.is_some();

    let declared: Vec<_> = infos.iter().map(|info| declared(info, &written)).collect();
    let profile = match profile_rows {
        Some(limit) => {
            let subject: Vec<_> = infos.iter().zip(&declared).map(|(i, d)| (i.name.clone(), d.meant())).collect();
            Some(Subject { table: name, columns: &subject, rowid: shape.rowid.as_deref() }.profile(database, limit)?)
        }
        None => None,
    };
    let nothing = Facts::default();
    let mut checks = written.checks.clone();
    let mut columns = Vec::with_capacity(infos.len());
    for (at, (info, declared)) in infos.iter().zip(&declared).enumerate() {
        let facts = profile.as_ref().map_or(&nothing, |p| &p.facts[at]);
        let decided = facts::decide(declared, facts);
        if decided.broken {
            warn(name, &info.name, &info.declared, &decided.data_type);
        }
        let narrower = decided.declared(declared);
        let mut data_type = decided.data_type;
        if declared.meant() == Some(Meant::Enumeration)
            && let Some((check, values)) = enumeration(&checks, &info.name)
        {
            checks.remove(check);
            data_type = DataType::Enumeration(Enumeration { schema: None, name: None, values });
        }
        let in_text = written.columns.iter().find(|c| c.name.eq_ignore_ascii_case(&info.name));
        let is_alias = alias.as_ref() == Some(&info.name);
        // A key column without NOT NULL may hold NULL in SQLite, by an old mistake; it is believed when it holds some.
        let key_without_null =
            info.key > 0 && (is_alias || shape.rowid.is_none() || (profile.is_some() && facts.nulls == 0));
        let hint = decided.hint.or_else(|| declared.hint.clone().filter(|h| h.starts_with("as ") || profile.is_none()));
        columns.push(Column {
            name: info.name.clone(),
            native_type: match hint {
                Some(hint) => format!("{} /* {HINT} {hint} */", info.declared),
                None => info.declared.clone(),
            },
            nullable: !info.not_null && !key_without_null,
            default: info.default.as_deref().and_then(|d| defaults::read(d, &data_type)),
            identity: if is_alias { Some(identity(database, name, written.autoincrement)?) } else { None },
            generated: generated(info, in_text.and_then(|c| c.generated.clone())),
            data_type,
            touched_on_update: false,
            declared: narrower,
            flag: false,
            character_set: None,
            collation: in_text.and_then(|c| c.collation.clone()).filter(|c| !c.eq_ignore_ascii_case("BINARY")),
            comment: None,
        });
    }
    let estimate = profile.as_ref().map_or_else(
        || estimate(database, name, shape.rowid.as_deref()),
        |Profile { rows, bytes, .. }| Ok((*rows, *bytes)),
    )?;
    (shape.table.rows, shape.table.bytes) = estimate;
    shape.table.columns = columns;
    shape.table.primary_key = (!key.is_empty()).then(|| Key { name: written.primary_name.clone(), columns: key });
    shape.table.unique_keys = keys.uniques;
    shape.table.indexes = keys.indexes;
    shape.table.foreign_keys = keys.foreign;
    shape.table.checks = self::checks(checks);
    Ok(shape)
}

fn empty(name: &str) -> Table {
    Table {
        name: TableName { schema: SCHEMA.to_owned(), name: name.to_owned() },
        columns: Vec::new(),
        primary_key: None,
        unique_keys: Vec::new(),
        foreign_keys: Vec::new(),
        checks: Vec::new(),
        indexes: Vec::new(),
        partitioning: None,
        comment: None,
        rows: 0,
        bytes: 0,
    }
}

/// The text of a table.
fn definition(database: &Rc<Database>, table: &str) -> Result<String> {
    let query = format!("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = {}", text(table));
    let mut rows = database.prepare(&query)?;
    if rows.step()? {
        return Ok(rows.text(0).unwrap_or_default());
    }
    let message = format!("There is no table `{table}` in the file; perhaps it was dropped or renamed.");
    Err(Error::new(Kind::NotFound, message).table(table))
}

fn columns(database: &Rc<Database>, table: &str) -> Result<Vec<Info>> {
    let query =
        format!("SELECT name, type, \"notnull\", dflt_value, pk, hidden FROM pragma_table_xinfo({})", text(table));
    let mut rows = database.prepare(&query)?;
    let mut infos = Vec::new();
    while rows.step()? {
        infos.push(Info {
            name: rows.text(0).unwrap_or_default(),
            declared: rows.text(1).unwrap_or_default(),
            not_null: rows.integer(2) != 0,
            default: rows.text(3),
            key: rows.integer(4),
            hidden: rows.integer(5),
        });
    }
    Ok(infos)
}

/// The first of SQLite's three names for the rowid that no column has taken; none in a WITHOUT ROWID table.
fn rowid_name(database: &Rc<Database>, table: &str, infos: &[Info]) -> Result<Option<String>> {
    let query = format!("SELECT wr FROM pragma_table_list WHERE schema = 'main' AND name = {}", text(table));
    if database.integer(&query)? == Some(1) {
        return Ok(None);
    }
    let free = |name: &&str| !infos.iter().any(|info| info.name.eq_ignore_ascii_case(name));
    Ok(["rowid", "_rowid_", "oid"].into_iter().find(free).map(str::to_owned))
}

/// The pragma's words, with the hint that only the text has.
fn declared(info: &Info, written: &TableText) -> Declared {
    let mut declared = Declared::parse(&info.declared);
    if let Some(column) = written.columns.iter().find(|c| c.name.eq_ignore_ascii_case(&info.name)) {
        declared.hint = Declared::parse(&column.declared).hint;
    }
    declared
}

fn generated(info: &Info, expression: Option<String>) -> Option<Generated> {
    match info.hidden {
        2 | 3 => Some(Generated { expression: expression.unwrap_or_default(), stored: info.hidden == 3 }),
        _ => None,
    }
}

fn identity(database: &Rc<Database>, table: &str, autoincrement: bool) -> Result<Identity> {
    let next = if autoincrement {
        // Until the first row there is no entry, and the first number is 1.
        let query = format!("SELECT seq FROM sqlite_sequence WHERE name = {}", text(table));
        Some(database.integer(&query)?.unwrap_or(0).saturating_add(1))
    } else {
        None
    };
    Ok(Identity { generation: Generation::ByDefault, next, increment: 1 })
}

/// Rows without looking at them: `ANALYZE`'s estimate, or else the distance between the first rowid and the last.
fn estimate(database: &Rc<Database>, table: &str, rowid: Option<&str>) -> Result<(u64, u64)> {
    if database.integer("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'")?.is_some() {
        let query = format!("SELECT CAST(stat AS INTEGER) FROM sqlite_stat1 WHERE tbl = {} LIMIT 1", text(table));
        if let Some(rows) = database.integer(&query)? {
            return Ok((rows.max(0) as u64, 0));
        }
    }
    let Some(rowid) = rowid else { return Ok((0, 0)) };
    let edge = |f: &str| database.integer(&format!("SELECT {f}({rowid}) FROM {}", identifier(table)));
    let (Some(first), Some(last)) = (edge("min")?, edge("max")?) else { return Ok((0, 0)) };
    Ok((last.abs_diff(first).saturating_add(1), 0))
}

/// The check `"column" IN ('a', 'b')` that a target of this connector's own writes for an enumeration.
fn enumeration(checks: &[ddl::CheckText], column: &str) -> Option<(usize, Vec<String>)> {
    let begin = format!("{} IN (", identifier(column));
    checks.iter().enumerate().find_map(|(at, check)| {
        let list = check.expression.strip_prefix(&begin)?.strip_suffix(')')?;
        let values = sql::tokens(list).into_iter().map(|t| (t.kind, &list[t.span]));
        values
            .filter(|(_, text)| *text != ",")
            .map(|(kind, text)| (kind == sql::Kind::Text).then(|| sql::unquoted(text)))
            .collect::<Option<Vec<_>>>()
            .map(|values| (at, values))
    })
}

fn warn(table: &str, column: &str, declared: &str, data_type: &DataType) {
    let declared = if declared.is_empty() { "nothing" } else { declared };
    let message = format!(
        "Column {table}.{column} is declared {declared}, and some of its values are not that; it moves as {data_type:?}."
    );
    host::log(Level::Warning, &message);
}
