//! Executing statements only to learn whether SQLite takes them.

use std::rc::Rc;

use sensei_sdk::{Result, Statement};

use crate::database::Database;
use crate::ledger;
use crate::sql::{identifier, text};
use crate::staging::{left, staged};

/// Executes statements in one transaction and takes everything back.
pub(crate) fn rehearse(database: &Rc<Database>, migration: &str, statements: &[Statement]) -> Result<()> {
    database.execute("BEGIN IMMEDIATE")?;
    let done = make_room(database, migration).and_then(|()| ledger::run(database, migration, statements, None));
    database.take_back();
    // Not part of the transaction that was taken back.
    done.and(database.execute("PRAGMA writable_schema = RESET"))
}

/// Gives what an interrupted run has staged other names until the transaction ends: what is rehearsed is the migration
/// from its beginning, on empty tables.
fn make_room(database: &Rc<Database>, migration: &str) -> Result<()> {
    let beginning = staged(migration, "");
    let mut rows = database.prepare(&format!(
        "SELECT type, name FROM sqlite_schema WHERE type IN ('table', 'index') AND substr(name, 1, {}) = {}",
        beginning.chars().count(),
        text(&beginning)
    ))?;
    let mut found = Vec::new();
    while rows.step()? {
        found.extend(rows.text(0).zip(rows.text(1)));
    }
    drop(rows);
    for (what, name) in found {
        let aside = left(migration, &name[beginning.len()..]);
        if what == "table" {
            database.execute(&format!("ALTER TABLE {} RENAME TO {}", identifier(&name), identifier(&aside)))?;
        } else {
            ledger::rename(database, &name, &aside)?;
        }
    }
    Ok(())
}
