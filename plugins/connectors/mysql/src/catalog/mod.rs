//! What a server holds, from `information_schema`: one query for each kind of thing, whatever the number of tables.

mod default;
mod expression;
mod keys;
pub(crate) mod native;

use std::collections::{BTreeMap, HashSet};

use sensei_sdk::catalog::{
    Catalog, Column, DataType, Generated, Generation, Identity, Object, ObjectKind, Partitioning, Table, TableName,
};
use sensei_sdk::{Error, Kind, Result};

use crate::configuration::ZeroDates;
use crate::connection::{Connection, identifier, literal};

/// The one dialect of both systems.
pub(crate) const DIALECT: &str = "mysql";

/// Databases that belong to the server.
const SYSTEM: &[&str] = &["information_schema", "mysql", "performance_schema", "sys", "ndbinfo"];

/// What databases of migrations begin with.
pub(crate) const STAGING: &str = "sensei_";

/// A row of text values.
type Row = Vec<Option<String>>;

/// The columns of [`columns_sql`], in order.
mod at {
    pub(super) const SCHEMA: usize = 0;
    pub(super) const TABLE: usize = 1;
    pub(super) const COLUMN: usize = 2;
    pub(super) const TYPE: usize = 3;
    pub(super) const NULLABLE: usize = 4;
    pub(super) const DEFAULT: usize = 5;
    pub(super) const EXTRA: usize = 6;
    pub(super) const CHARSET: usize = 7;
    pub(super) const COLLATION: usize = 8;
    pub(super) const COMMENT: usize = 9;
    pub(super) const GENERATION: usize = 10;
    pub(super) const SRID: usize = 11;
}

/// Text of a value; NULL is empty.
fn text(row: &Row, at: usize) -> &str {
    row.get(at).and_then(Option::as_deref).unwrap_or_default()
}

/// Text of a value; empty is none.
fn some(row: &Row, at: usize) -> Option<String> {
    row.get(at).cloned().flatten().filter(|t| !t.is_empty())
}

fn number(row: &Row, at: usize) -> u64 {
    text(row, at).parse().unwrap_or(0)
}

fn name(row: &Row) -> TableName {
    TableName { schema: text(row, at::SCHEMA).to_owned(), name: text(row, at::TABLE).to_owned() }
}

/// Key of the maps that gather what belongs to a table.
type Tables = BTreeMap<(String, String), Table>;

fn table_key(row: &Row) -> (String, String) {
    (text(row, 0).to_owned(), text(row, 1).to_owned())
}

/// `column IN ('a', 'b')`.
fn among(column: &str, names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|n| literal(n)).collect();
    format!("{column} IN ({})", names.join(", "))
}

/// Everything of these schemas; none asked for means the connection's own.
pub(crate) fn read(connection: &mut Connection, schemas: Vec<String>, zero_dates: ZeroDates) -> Result<Catalog> {
    if !connection.server.maria {
        // MySQL 8 shows AUTO_INCREMENT and row counts from a cache that may be a day old.
        connection.execute("SET SESSION information_schema_stats_expiry = 0")?;
    }
    let default_schema = connection.value("SELECT DATABASE()")?.unwrap_or_default();
    let known = schemas_of(connection)?;
    let asked = if schemas.is_empty() { vec![default_schema.clone()] } else { schemas };
    for schema in &asked {
        if schema.is_empty() {
            return Err(Error::new(
                Kind::InvalidConfig,
                "The connection names no database, and no schema was asked for: set database, or name schemas.",
            ));
        }
        // The server lists only what the account may see.
        if !known.contains(schema) {
            return Err(unknown_schema(schema));
        }
    }

    let mut tables = Tables::new();
    let mut objects = Vec::new();
    tables_of(connection, &asked, &mut tables, &mut objects)?;
    let json = json_checks(connection, &among("CONSTRAINT_SCHEMA", &asked))?;
    let sql = columns_sql(connection, &among("c.TABLE_SCHEMA", &asked));
    for row in connection.table(&sql)? {
        if let Some(table) = tables.get_mut(&table_key(&row)) {
            table.columns.push(column(connection.server.maria, &row, &json, zero_dates));
        }
    }
    for (key, next) in auto_increments(connection, &asked)? {
        let identity = tables.get_mut(&key).and_then(|t| t.columns.iter_mut().find_map(|c| c.identity.as_mut()));
        if let Some(identity) = identity {
            identity.next = Some(next);
        }
    }
    keys::add_indexes(connection, &asked, &mut tables)?;
    keys::add_foreign_keys(connection, &asked, &mut tables)?;
    keys::add_checks(connection, &asked, &json, &mut tables)?;
    add_objects(connection, &asked, &mut objects)?;

    Ok(Catalog {
        server: connection.server.title(),
        dialect: DIALECT.to_owned(),
        default_schema,
        schemas: known.into_iter().filter(|s| !s.starts_with(STAGING)).collect(),
        tables: tables.into_values().filter(|t| !t.columns.is_empty()).collect(),
        named_types: Vec::new(),
        objects,
    })
}

pub(crate) fn unknown_schema(schema: &str) -> Error {
    Error::new(
        Kind::NotFound,
        format!("There is no database {schema}, or the account has no right on it. Check the name and the grants."),
    )
}

/// Databases that are not the server's own, as far as the account sees them.
pub(crate) fn schemas_of(connection: &mut Connection) -> Result<Vec<String>> {
    let rows = connection.table("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA ORDER BY SCHEMA_NAME")?;
    let names = rows.into_iter().filter_map(|r| r.into_iter().next().flatten());
    Ok(names.filter(|n| !SYSTEM.contains(&n.to_ascii_lowercase().as_str())).collect())
}

/// How a table is divided, as the server itself writes it.
fn partitioning_of(connection: &mut Connection, table: &TableName) -> Result<Option<Partitioning>> {
    let place = format!("{}.{}", identifier(&table.schema), identifier(&table.name));
    let rows = connection.table(&format!("SHOW CREATE TABLE {place}"))?;
    let written = rows.into_iter().next().and_then(|row| row.into_iter().nth(1).flatten()).unwrap_or_default();
    Ok(partitioning(&written).map(|by| Partitioning { by: by.to_owned(), parts: Vec::new() }))
}

/// What stands last in CREATE TABLE; MySQL writes it into a comment that its own versions read. Rows that a system-versioned
/// table keeps apart are its history, which does not move.
fn partitioning(written: &str) -> Option<&str> {
    const BEGIN: &str = "PARTITION BY ";
    let begins = written.match_indices(BEGIN).map(|(at, _)| at);
    let is_clause = |at: &usize| {
        let line = written[..*at].rsplit('\n').next().unwrap_or_default().trim();
        line.is_empty() || line.starts_with("/*!")
    };
    let by = written[begins.filter(is_clause).last()?..].trim_end();
    let by = by.strip_suffix("*/").unwrap_or(by).trim_end();
    (!by.starts_with("PARTITION BY SYSTEM_TIME")).then_some(by)
}

/// Bare tables, and what stands among them without being one.
fn tables_of(
    connection: &mut Connection,
    schemas: &[String],
    tables: &mut Tables,
    objects: &mut Vec<Object>,
) -> Result<()> {
    let rows = connection.table(&format!(
        "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE, TABLE_ROWS, DATA_LENGTH, TABLE_COMMENT, CREATE_OPTIONS \
         FROM information_schema.TABLES WHERE {}",
        among("TABLE_SCHEMA", schemas)
    ))?;
    for row in rows {
        let name = name(&row);
        let divided = text(&row, 6).contains("partitioned");
        let partitioning = if divided { partitioning_of(connection, &name)? } else { None };
        let object =
            |kind, definition| Object { kind, schema: name.schema.clone(), name: name.name.clone(), definition };
        match text(&row, 2) {
            "BASE TABLE" | "SYSTEM VERSIONED" => {
                if text(&row, 2) == "SYSTEM VERSIONED" {
                    let what = "The history of a system-versioned table: its present rows move.";
                    objects.push(object(ObjectKind::Other, Some(what.to_owned())));
                }
                let table = Table {
                    name: name.clone(),
                    columns: Vec::new(),
                    primary_key: None,
                    unique_keys: Vec::new(),
                    foreign_keys: Vec::new(),
                    checks: Vec::new(),
                    indexes: Vec::new(),
                    comment: some(&row, 5),
                    partitioning,
                    rows: number(&row, 3),
                    bytes: number(&row, 4),
                };
                tables.insert((name.schema, name.name), table);
            }
            "SEQUENCE" => objects.push(object(ObjectKind::Sequence, None)),
            // Views come from their own table, with their text.
            _ => {}
        }
    }
    Ok(())
}

/// Selects columns as [`at`] has them, in the tables' order.
fn columns_sql(connection: &Connection, condition: &str) -> String {
    // Only MySQL 8 keeps a column's spatial reference there; older servers leave generation expressions out too.
    let srid = if !connection.server.maria && connection.server.number >= (8, 0, 3) { "c.SRS_ID" } else { "NULL" };
    format!(
        "SELECT c.TABLE_SCHEMA, c.TABLE_NAME, c.COLUMN_NAME, c.COLUMN_TYPE, c.IS_NULLABLE, c.COLUMN_DEFAULT, c.EXTRA, \
         c.CHARACTER_SET_NAME, c.COLLATION_NAME, c.COLUMN_COMMENT, c.GENERATION_EXPRESSION, {srid} \
         FROM information_schema.COLUMNS c WHERE {condition} \
         ORDER BY c.TABLE_SCHEMA, c.TABLE_NAME, c.ORDINAL_POSITION"
    )
}

/// Columns that MariaDB calls longtext and that a check makes JSON: schema, table, column.
type JsonColumns = HashSet<(String, String, String)>;

/// The column of `json_valid(`c`)`.
fn json_check(clause: &str) -> Option<&str> {
    clause.strip_prefix("json_valid(`")?.strip_suffix("`)").filter(|c| !c.contains('`'))
}

fn json_checks(connection: &mut Connection, condition: &str) -> Result<JsonColumns> {
    // CHECK_CONSTRAINTS came with 10.2.22; MySQL has a type of its own.
    if !connection.server.maria || connection.server.number < (10, 2, 22) {
        return Ok(JsonColumns::new());
    }
    let rows = connection.table(&format!(
        "SELECT CONSTRAINT_SCHEMA, TABLE_NAME, CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS \
         WHERE {condition} AND CHECK_CLAUSE LIKE 'json\\_valid(%'"
    ))?;
    let column = |row: &Row| {
        let name = json_check(text(row, 2))?;
        Some((text(row, 0).to_owned(), text(row, 1).to_owned(), name.to_owned()))
    };
    Ok(rows.iter().filter_map(column).collect())
}

/// One column.
fn column(maria: bool, row: &Row, json: &JsonColumns, zero_dates: ZeroDates) -> Column {
    let native_type = text(row, at::TYPE).to_owned();
    let mut data_type = native::data_type(&native_type);
    let key = (text(row, at::SCHEMA).to_owned(), text(row, at::TABLE).to_owned(), text(row, at::COLUMN).to_owned());
    if matches!(data_type, DataType::Text(_)) && json.contains(&key) {
        data_type = DataType::Json;
    }
    if let DataType::Geometry(srid) = &mut data_type {
        *srid = text(row, at::SRID).parse().ok();
    }
    let extra = text(row, at::EXTRA).to_ascii_lowercase();
    let generated = some(row, at::GENERATION).map(|expression| Generated {
        expression: if maria { expression } else { expression::original(&expression) },
        stored: extra.contains("stored") || extra.contains("persistent"),
    });
    let default = match &row[at::DEFAULT] {
        Some(text) if generated.is_none() => default::default_value(maria, &data_type, text, &extra),
        Some(_) | None => None,
    };
    let dated = matches!(data_type, DataType::Date | DataType::Timestamp(_));
    let flag = native_type.eq_ignore_ascii_case("tinyint(1)");
    Column {
        name: key.2,
        native_type,
        // A zero date that is read as NULL needs a column that takes it.
        nullable: text(row, at::NULLABLE) == "YES" || dated && zero_dates == ZeroDates::Null,
        default,
        identity: extra.contains("auto_increment").then_some(Identity {
            generation: Generation::ByDefault,
            next: None,
            increment: 1,
        }),
        generated,
        touched_on_update: extra.contains("on update current_timestamp"),
        declared: None,
        flag,
        character_set: some(row, at::CHARSET),
        collation: some(row, at::COLLATION),
        comment: some(row, at::COMMENT),
        data_type,
    }
}

/// Columns of one table, for a session that was never asked for the catalog.
pub(crate) fn columns(connection: &mut Connection, table: &TableName, zero_dates: ZeroDates) -> Result<Vec<Column>> {
    let (schema, name) = (literal(&table.schema), literal(&table.name));
    let json = json_checks(connection, &format!("CONSTRAINT_SCHEMA = {schema} AND TABLE_NAME = {name}"))?;
    let sql = columns_sql(connection, &format!("c.TABLE_SCHEMA = {schema} AND c.TABLE_NAME = {name}"));
    let rows = connection.table(&sql)?;
    if rows.is_empty() {
        return Err(Error::new(Kind::NotFound, "There is no such table, or the account may not read it.")
            .table(format!("{}.{}", table.schema, table.name)));
    }
    Ok(rows.iter().map(|row| column(connection.server.maria, row, &json, zero_dates)).collect())
}

/// The next value of each table that counts.
fn auto_increments(connection: &mut Connection, schemas: &[String]) -> Result<Vec<((String, String), i64)>> {
    let rows = connection.table(&format!(
        "SELECT TABLE_SCHEMA, TABLE_NAME, AUTO_INCREMENT FROM information_schema.TABLES \
         WHERE AUTO_INCREMENT IS NOT NULL AND {}",
        among("TABLE_SCHEMA", schemas)
    ))?;
    // Beyond the contract's signed 64 bits the target's highest value decides.
    Ok(rows.iter().filter_map(|r| Some((table_key(r), text(r, 2).parse().ok()?))).collect())
}

/// A view's query, and what it demands of rows that are written through it.
const VIEW_TEXT: &str =
    "CONCAT(VIEW_DEFINITION, IF(CHECK_OPTION = 'NONE', '', CONCAT(' with ', LOWER(CHECK_OPTION), ' check option')))";

/// What there is beside tables. Views that a migration replaced and keeps are its own affair.
fn add_objects(connection: &mut Connection, schemas: &[String], objects: &mut Vec<Object>) -> Result<()> {
    let kinds = [
        (ObjectKind::View, "VIEWS", "TABLE_SCHEMA", "TABLE_NAME", VIEW_TEXT),
        (ObjectKind::Routine, "ROUTINES", "ROUTINE_SCHEMA", "ROUTINE_NAME", "ROUTINE_DEFINITION"),
        (ObjectKind::Trigger, "TRIGGERS", "TRIGGER_SCHEMA", "TRIGGER_NAME", "ACTION_STATEMENT"),
        (ObjectKind::Event, "EVENTS", "EVENT_SCHEMA", "EVENT_NAME", "EVENT_DEFINITION"),
    ];
    for (kind, table, schema, name, definition) in kinds {
        let rows = connection.table(&format!(
            "SELECT {schema}, {name}, {definition} FROM information_schema.{table} WHERE {} ORDER BY {schema}, {name}",
            among(schema, schemas)
        ))?;
        let kept = |r: &Vec<Option<String>>| kind == ObjectKind::View && text(r, 1).starts_with(STAGING);
        objects.extend(rows.into_iter().filter(|r| !kept(r)).map(|r| Object {
            kind,
            schema: text(&r, 0).to_owned(),
            name: text(&r, 1).to_owned(),
            definition: some(&r, 2),
        }));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_that_only_makes_json() {
        assert_eq!(json_check("json_valid(`doc`)"), Some("doc"));
        assert_eq!(json_check("json_valid(`doc`) and `a` > 1"), None);
    }
    #[test]
    fn how_a_table_is_divided_stands_last() {
        let table = "CREATE TABLE `t` (\n  `day` date COMMENT 'PARTITION BY hand'\n) ENGINE=InnoDB COMMENT='\\n PARTITION BY x'";
        let cases = [
            ("", None),
            ("\n PARTITION BY HASH (`id`)\nPARTITIONS 3", Some("PARTITION BY HASH (`id`)\nPARTITIONS 3")),
            (
                "\n/*!50100 PARTITION BY RANGE (`id`)\n(PARTITION p0 VALUES LESS THAN (10) ENGINE = InnoDB) */",
                Some("PARTITION BY RANGE (`id`)\n(PARTITION p0 VALUES LESS THAN (10) ENGINE = InnoDB)"),
            ),
            (
                "\n/*!50500 PARTITION BY LIST  COLUMNS(kind)\n(PARTITION a VALUES IN ('*/') ENGINE = InnoDB) */",
                Some("PARTITION BY LIST  COLUMNS(kind)\n(PARTITION a VALUES IN ('*/') ENGINE = InnoDB)"),
            ),
            ("\n PARTITION BY SYSTEM_TIME \n(PARTITION `p` HISTORY, PARTITION `c` CURRENT)", None),
        ];
        for (clause, by) in cases {
            assert_eq!(partitioning(&format!("{table}{clause}")), by, "{clause}");
        }
    }
}
