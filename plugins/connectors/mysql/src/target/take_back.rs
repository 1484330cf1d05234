//! The way back from a cutover, and the end of what it moved aside.

use sensei_sdk::catalog::TableName;
use sensei_sdk::{Error, Kind, Result, Statement};

use super::execute::{about, exists};
use super::render::{ADD, ASIDE, FORGET_SCHEMA, KEEP, LIVE, OLD_SCHEMA, RENAME, SCHEMA, VIEW, VIEW_ASIDE};
use super::{append, ddl, ledger, staging, view};
use crate::connection::{Connection, identifier, literal};

/// Before the id of the statement that is taken back.
const UNDO: &str = "undo/";

/// Takes a cutover back, by one RENAME TABLE: all of it, or nothing. What is back already stays. Rows that were added to live
/// tables go out just before, in one transaction.
pub(super) fn take_back(connection: &mut Connection, migration: &str, statements: &[&Statement]) -> Result<()> {
    let (mut renames, mut leaving, mut emptied) = (Vec::new(), Vec::new(), Vec::new());
    let mut views = Vec::new();
    let added = |statement: &&Statement| statement.id.strip_prefix(UNDO).is_some_and(|id| id.starts_with(ADD));
    let added: Vec<(&Statement, &str)> = (statements.iter().copied().filter(added))
        .map(|statement| (statement, statement.id.strip_prefix(UNDO).unwrap_or_default()))
        .collect();
    append::take_out(connection, migration, &added)?;
    for statement in statements {
        let id = statement.id.strip_prefix(UNDO).unwrap_or(&statement.id);
        if let Some(schema) = id.strip_prefix(SCHEMA) {
            emptied.push(schema.to_owned());
            continue;
        }
        if let Some(schema) = id.strip_prefix(OLD_SCHEMA) {
            emptied.push(staging::old(migration, schema));
            continue;
        }
        let Some(name) = &statement.table else {
            return Err(Error::internal(format!("The statement {} names no table.", statement.id)));
        };
        let live = ddl::qualified(&name.schema, &name.name);
        if id.starts_with(VIEW) {
            views.push(statement.sql.clone());
        } else if id.starts_with(VIEW_ASIDE) {
            let kept = view::kept(migration, name);
            if exists(connection, &kept.schema, &kept.name)? {
                renames.push(format!("{} TO {live}", ddl::qualified(&kept.schema, &kept.name)));
            }
        } else if id.starts_with(LIVE) {
            let place = staging::schema(migration, &name.schema);
            // Not live yet, or not any more.
            if exists(connection, &place, &name.name)? || !exists(connection, &name.schema, &name.name)? {
                continue;
            }
            connection.execute(&format!("CREATE DATABASE IF NOT EXISTS {}", identifier(&place)))?;
            renames.push(format!("{live} TO {}", staging::table(migration, name)));
            leaving.push(name);
        } else if id.starts_with(ADD) {
            // Its rows are out.
        } else if id.starts_with(KEEP) {
            let (old, place) = (staging::old(migration, &name.schema), staging::schema(migration, &name.schema));
            if exists(connection, &old, &name.name)? {
                connection.execute(&format!("CREATE DATABASE IF NOT EXISTS {}", identifier(&place)))?;
                renames.push(format!("{} TO {}", ddl::qualified(&old, &name.name), staging::table(migration, name)));
            }
        } else if id.starts_with(ASIDE) {
            let old = staging::old(migration, &name.schema);
            if exists(connection, &old, &name.name)? {
                renames.push(format!("{} TO {live}", ddl::qualified(&old, &name.name)));
            }
        } else {
            return Err(Error::internal(format!("The statement {} is no part of a cutover.", statement.id)));
        }
    }
    nothing_refers(connection, &leaving)?;
    // Without tables that leave, all is back already, and so may be a view that had been replaced.
    if !leaving.is_empty() {
        for drop in &views {
            connection.execute(drop)?;
        }
    }
    if !renames.is_empty() {
        // References follow a renamed table only while they are heeded.
        connection.execute("SET SESSION foreign_key_checks = 1")?;
        let done = connection.execute(&format!("{RENAME}{}", renames.join(", ")));
        connection.execute("SET SESSION foreign_key_checks = 0")?;
        done?;
    }
    for schema in emptied {
        drop_if_empty(connection, &schema)?;
    }
    connection.execute("START TRANSACTION")?;
    for statement in statements {
        ledger::record(connection, migration, &statement.id)?;
    }
    connection.execute("COMMIT")?;
    Ok(())
}

/// Removes what was moved aside.
pub(super) fn forget(connection: &mut Connection, migration: &str, statement: &Statement) -> Result<()> {
    if let Some(schema) = statement.id.strip_prefix(FORGET_SCHEMA) {
        return drop_if_empty(connection, &staging::old(migration, schema));
    }
    let sql = format!(
        "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA LIKE {}",
        literal(&format!("{}%", staging::old(migration, "").replace('_', "\\_")))
    );
    let rows = connection.table(&sql)?.into_iter().map(|row| row.into_iter().map(Option::unwrap_or_default));
    let kept: Vec<TableName> =
        rows.filter_map(|mut row| Some(TableName { schema: row.next()?, name: row.next()? })).collect();
    nothing_refers(connection, &kept.iter().collect::<Vec<_>>())?;
    connection.execute(&statement.sql).map_err(|e| about(e, statement))?;
    Ok(())
}

/// Fails if a table that is not among these refers to one of them: it would be left with a reference to nothing.
fn nothing_refers(connection: &mut Connection, tables: &[&TableName]) -> Result<()> {
    if tables.is_empty() {
        return Ok(());
    }
    let names: Vec<String> =
        tables.iter().map(|name| format!("({}, {})", literal(&name.schema), literal(&name.name))).collect();
    let names = names.join(", ");
    let sql = format!(
        "SELECT GROUP_CONCAT(DISTINCT CONCAT(TABLE_SCHEMA, '.', TABLE_NAME) SEPARATOR ', ') FROM information_schema.KEY_COLUMN_USAGE \
         WHERE (REFERENCED_TABLE_SCHEMA, REFERENCED_TABLE_NAME) IN ({names}) AND (TABLE_SCHEMA, TABLE_NAME) NOT IN ({names})"
    );
    match connection.value(&sql)? {
        None => Ok(()),
        Some(others) => Err(Error::new(
            Kind::Conflict,
            format!(
                "Foreign keys of other tables refer to what is to go: {others}. Remove those foreign keys, then try again."
            ),
        )),
    }
}

fn drop_if_empty(connection: &mut Connection, schema: &str) -> Result<()> {
    let sql = format!("SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = {} LIMIT 1", literal(schema));
    if connection.value(&sql)?.is_none() {
        connection.execute(&format!("DROP DATABASE IF EXISTS {}", identifier(schema)))?;
    }
    Ok(())
}
