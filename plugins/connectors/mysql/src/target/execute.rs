//! Executing rendered statements, so that doing it again is no error.

use sensei_sdk::{Error, Kind, Result, Stage, Statement};

use super::render::{
    ADD, ADDED, ASIDE, CLASH, KEEP, LIVE, OLD_SCHEMA, ORPHANS, REFERENCE, REFERS, RENAME, VIEW, VIEW_ASIDE,
};
use super::{append, ledger, staging, take_back, view};
use crate::connection::{Connection, literal};
use crate::error::already_so;

/// Executes in order. The cutover's renames become one statement, and so do those that take it back: all of them happen, or
/// none. Rows that are added to live tables come just before, in one transaction.
pub(crate) fn execute(connection: &mut Connection, migration: &str, statements: &[Statement]) -> Result<()> {
    let (mut cutover, mut back) = (Vec::new(), Vec::new());
    for statement in statements {
        match statement.stage {
            Stage::Cutover => cutover.push(statement),
            Stage::TakeBack => back.push(statement),
            Stage::Forget => take_back::forget(connection, migration, statement)?,
            Stage::Prepare | Stage::CompleteTable | Stage::CompleteAll | Stage::Discard => {
                one(connection, migration, statement)?;
            }
        }
    }
    if !cutover.is_empty() {
        cut_over(connection, migration, &cutover)?;
    }
    if back.is_empty() { Ok(()) } else { take_back::take_back(connection, migration, &back) }
}

/// Adds what it was about.
pub(super) fn about(error: Error, statement: &Statement) -> Error {
    let table = statement.table.as_ref().map(|t| format!("{}.{}", t.schema, t.name));
    let message = format!("{} (While making: {}.)", error.message, statement.label);
    Error { table: error.table.or(table), message, ..error }
}

fn one(connection: &mut Connection, migration: &str, statement: &Statement) -> Result<()> {
    let recorded = statement.stage != Stage::Discard;
    if recorded && ledger::has(connection, migration, &statement.id)? {
        return Ok(());
    }
    if statement.id.starts_with(ORPHANS) || statement.id.starts_with(REFERS) {
        no_orphans(connection, statement)?;
    } else if statement.id.starts_with(CLASH) {
        no_clash(connection, statement)?;
    } else {
        match connection.execute(&statement.sql) {
            Ok(_) => {}
            Err(e) if already_so(&e) => {}
            Err(e) => return Err(about(e, statement)),
        }
    }
    if recorded { ledger::record(connection, migration, &statement.id) } else { Ok(()) }
}

/// Fails if a row that is to be added is there already.
fn no_clash(connection: &mut Connection, statement: &Statement) -> Result<()> {
    none_found(connection, statement, |row| {
        format!(
            "The target has a row with the key ({row}) already. Leave it out of the source's rows, or of the target's."
        )
    })
}

/// Fails if a row refers to nothing.
pub(super) fn no_orphans(connection: &mut Connection, statement: &Statement) -> Result<()> {
    none_found(connection, statement, |row| {
        format!(
            "A row refers to ({row}), which is not there: the source has orphans. Correct them there, or leave the foreign \
             key out."
        )
    })
}

/// Fails if the query finds a row, with what `told` says of its values.
fn none_found(connection: &mut Connection, statement: &Statement, told: impl FnOnce(&str) -> String) -> Result<()> {
    let row = connection.table(&statement.sql).map_err(|e| about(e, statement))?.into_iter().next();
    let Some(row) = row else { return Ok(()) };
    let row = row.into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>().join(", ");
    Err(about(Error::new(Kind::ConstraintViolation, told(&row)), statement).row(row))
}

/// Whether a table is there.
pub(super) fn exists(connection: &mut Connection, schema: &str, table: &str) -> Result<bool> {
    let sql = format!(
        "SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {}",
        literal(schema),
        literal(table)
    );
    Ok(connection.value(&sql)?.is_some())
}

fn cut_over(connection: &mut Connection, migration: &str, statements: &[&Statement]) -> Result<()> {
    let mut renames = Vec::new();
    let mut asides = Vec::new();
    let mut places = Vec::new();
    let (mut adds, mut keeps, mut afterwards) = (Vec::new(), Vec::new(), Vec::new());
    let (mut views, mut views_aside) = (Vec::new(), Vec::new());
    for statement in statements {
        if ledger::has(connection, migration, &statement.id)? {
            continue;
        }
        if statement.id.starts_with(OLD_SCHEMA) {
            places.push(*statement);
            continue;
        }
        if statement.id.starts_with(ADD) || statement.id.starts_with(ADDED) {
            adds.push(*statement);
            continue;
        }
        if statement.id.starts_with(REFERS) || statement.id.starts_with(REFERENCE) {
            afterwards.push(*statement);
            continue;
        }
        if statement.id.starts_with(VIEW) {
            views.push(*statement);
            continue;
        }
        let Some(rename) = statement.sql.strip_prefix(RENAME) else {
            connection.execute(&statement.sql).map_err(|e| about(e, statement))?;
            continue;
        };
        let Some(name) = &statement.table else {
            return Err(Error::internal(format!("The statement {} names no table.", statement.id)));
        };
        if statement.id.starts_with(VIEW_ASIDE) {
            let kept = view::kept(migration, name);
            if exists(connection, &name.schema, &name.name)? && !exists(connection, &kept.schema, &kept.name)? {
                asides.push(rename);
                views_aside.push(name);
            }
            continue;
        }
        let staged = exists(connection, &staging::schema(migration, &name.schema), &name.name)?;
        let live = exists(connection, &name.schema, &name.name)?;
        if statement.id.starts_with(ASIDE) {
            // Nothing to move aside; or the staged table is live already, and what is live is the new one.
            if staged && live {
                asides.push(rename);
            }
        } else if statement.id.starts_with(LIVE) {
            // A server that stopped right after it did this has not recorded it.
            if staged || !live {
                renames.push(rename);
            }
        } else if statement.id.starts_with(KEEP) {
            if staged {
                keeps.push(rename);
            }
        } else {
            return Err(Error::internal(format!("The statement {} is no part of a cutover.", statement.id)));
        }
    }
    if !renames.is_empty() {
        view::none_in_the_way(connection, &views, &views_aside)?;
    }
    append::add(connection, migration, &adds)?;
    asides.extend(keeps);
    if !asides.is_empty() {
        for place in places {
            connection.execute(&place.sql).map_err(|e| about(e, place))?;
        }
    }
    asides.extend(renames);
    if !asides.is_empty() {
        // References follow a renamed table only while they are heeded.
        connection.execute("SET SESSION foreign_key_checks = 1")?;
        let done = connection.execute(&format!("{RENAME}{}", asides.join(", ")));
        connection.execute("SET SESSION foreign_key_checks = 0")?;
        done.map_err(|e| match e.kind {
            Kind::Conflict => Error {
                message: format!("{} Nothing was changed: the target's own tables are as they were.", e.message),
                ..e
            },
            _ => e,
        })?;
    }
    for statement in afterwards.into_iter().chain(views) {
        one(connection, migration, statement)?;
    }
    connection.execute("START TRANSACTION")?;
    for statement in statements {
        ledger::record(connection, migration, &statement.id)?;
    }
    connection.execute("COMMIT")?;
    Ok(())
}
