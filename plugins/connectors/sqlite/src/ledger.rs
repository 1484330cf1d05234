//! What is durably done: the ledger's tables, and the execution of statements beside their ledger rows.

use std::rc::Rc;

use sensei_sdk::host::{self, Level};
use sensei_sdk::{Error, Kind, Ledger, Receipt, Result, Stage, Statement};

use crate::database::Database;
use crate::ddl;
use crate::render::{action, rename_index};
use crate::sql::{identifier, text};
use crate::staging::{LedgerNames, aside, staged};

/// Makes the ledger where there is none.
pub(crate) fn make(database: &Rc<Database>, names: &LedgerNames) -> Result<()> {
    database.transaction(|| {
        database.execute(&format!(
            "CREATE TABLE IF NOT EXISTS {}(table_schema TEXT NOT NULL, table_name TEXT NOT NULL, chunk INTEGER NOT NULL, rows INTEGER NOT NULL, digest TEXT, PRIMARY KEY (table_schema, table_name, chunk)) WITHOUT ROWID;
             CREATE TABLE IF NOT EXISTS {}(id TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID;
             CREATE TABLE IF NOT EXISTS {}(key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
            names.chunks, names.statements, names.journal
        ))
    })
}

/// True if there is a ledger.
pub(crate) fn exists(database: &Rc<Database>, names: &LedgerNames) -> Result<bool> {
    is_there(database, "table", &names.probe)
}

pub(crate) fn is_there(database: &Rc<Database>, what: &str, name: &str) -> Result<bool> {
    let query = format!("SELECT 1 FROM sqlite_schema WHERE type = '{what}' AND name = {} COLLATE NOCASE", text(name));
    Ok(database.integer(&query)?.is_some())
}

/// Everything the ledger holds, as of one moment.
pub(crate) fn read(database: &Rc<Database>, names: &LedgerNames) -> Result<Ledger> {
    let mut ledger = Ledger { chunks: Vec::new(), statements: Vec::new(), journal: Vec::new() };
    database.execute("BEGIN")?;
    let done = (|| {
        let mut rows =
            database.prepare(&format!("SELECT table_schema, table_name, chunk, rows, digest FROM {}", names.chunks))?;
        while rows.step()? {
            let table = sensei_sdk::catalog::TableName {
                schema: rows.text(0).unwrap_or_default(),
                name: rows.text(1).unwrap_or_default(),
            };
            ledger.chunks.push(Receipt {
                table,
                chunk: rows.integer(2) as u32,
                rows: rows.integer(3) as u64,
                digest: rows.text(4),
            });
        }
        let mut rows = database.prepare(&format!("SELECT id FROM {}", names.statements))?;
        while rows.step()? {
            ledger.statements.extend(rows.text(0));
        }
        let mut rows = database.prepare(&format!("SELECT key, value FROM {}", names.journal))?;
        while rows.step()? {
            ledger.journal.extend(rows.text(0).zip(rows.text(1)));
        }
        Ok(())
    })();
    database.roll_back();
    done.map(|()| ledger)
}

/// Executes statements in one transaction with their ledger rows; what the ledger has is skipped.
pub(crate) fn execute(database: &Rc<Database>, migration: &str, statements: &[Statement]) -> Result<()> {
    let names = LedgerNames::of(migration);
    let done = database.transaction(|| {
        let ledger = exists(database, &names)?.then_some(&names);
        run(database, migration, statements, ledger)
    });
    if done.is_err() {
        // Not part of the transaction that was taken back.
        drop(database.execute("PRAGMA writable_schema = RESET"));
    }
    done
}

/// Whether the ledger is to know of statements of this stage: some go with it, or come after it.
fn is_recorded(stage: Stage) -> bool {
    match stage {
        Stage::Prepare | Stage::CompleteTable | Stage::CompleteAll | Stage::Cutover | Stage::TakeBack => true,
        Stage::Discard | Stage::Forget => false,
    }
}

/// Executes statements within the transaction that is open. With a ledger, what it has is skipped and the rest recorded.
pub(crate) fn run(
    database: &Rc<Database>,
    migration: &str,
    statements: &[Statement],
    ledger: Option<&LedgerNames>,
) -> Result<()> {
    let mut renamed = false;
    for statement in statements {
        let record = ledger.filter(|_| is_recorded(statement.stage)).map(|names| &names.statements);
        let id = text(&statement.id);
        if let Some(done) = record
            && database.integer(&format!("SELECT 1 FROM {done} WHERE id = {id}"))?.is_some()
        {
            continue;
        }
        one(database, migration, statement, &mut renamed).map_err(|e| at(e, statement))?;
        if let Some(done) = record {
            database.execute(&format!("INSERT INTO {done} VALUES ({id})"))?;
        }
    }
    if renamed {
        // A changed schema text must hold together before it is believed for good.
        database.execute("PRAGMA writable_schema = RESET; SELECT count(*) FROM sqlite_schema")?;
    }
    Ok(())
}

/// Says which statement an error is about.
fn at(mut error: Error, statement: &Statement) -> Error {
    if error.table.is_none() {
        error.table = statement.table.as_ref().map(|t| t.name.clone());
    }
    error.message = format!("While making the {}: {}", statement.label, error.message);
    error
}

fn one(database: &Rc<Database>, migration: &str, statement: &Statement, renamed: &mut bool) -> Result<()> {
    if statement.id.starts_with(action::FOREIGN) {
        return no_orphans(database, statement);
    }
    if statement.id.starts_with(action::CLASH) {
        return no_clash(database, statement);
    }
    if let Some(table) = statement.id.strip_prefix(action::ASIDE) {
        let kept = |name: &str| aside(migration, name);
        return move_table(database, &statement.sql, table, kept, renamed);
    }
    if let Some(undone) = statement.id.strip_prefix(action::UNDO) {
        return undo(database, migration, undone, &statement.sql, renamed);
    }
    if let Some(index) = statement.id.strip_prefix(action::INDEX_LIVE) {
        *renamed = true;
        let staged = staged(migration, index);
        return rename(database, &staged, &free_name(database, index)?);
    }
    database.execute(&statement.sql)
}

/// Takes the effect of the statement of this id back. The indexes of a table that goes back go with it.
fn undo(database: &Rc<Database>, migration: &str, id: &str, sql: &str, renamed: &mut bool) -> Result<()> {
    if let Some(table) = id.strip_prefix(action::LIVE) {
        return move_table(database, sql, table, |name| staged(migration, name), renamed);
    }
    if let Some(table) = id.strip_prefix(action::ASIDE) {
        let before = aside(migration, "");
        let own = |name: &str| name.strip_prefix(&before).unwrap_or(name).to_owned();
        return move_table(database, sql, &aside(migration, table), own, renamed);
    }
    if id.starts_with(action::INDEX_LIVE) { Ok(()) } else { database.execute(sql) }
}

/// Renames a table, if it is there, by `sql`, and each of its indexes that has a name of its own.
fn move_table(
    database: &Rc<Database>,
    sql: &str,
    table: &str,
    index_name: impl Fn(&str) -> String,
    renamed: &mut bool,
) -> Result<()> {
    if !is_there(database, "table", table)? {
        return Ok(());
    }
    let mut indexes = database.prepare(&format!(
        "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = {} COLLATE NOCASE",
        text(table)
    ))?;
    let mut names = Vec::new();
    while indexes.step()? {
        names.extend(indexes.text(0));
    }
    drop(indexes);
    database.execute(sql)?;
    *renamed |= !names.is_empty();
    names.iter().try_for_each(|name| rename(database, name, &index_name(name)))
}

/// A name that nothing in the file has: another table's index may have the wanted one.
fn free_name(database: &Rc<Database>, wanted: &str) -> Result<String> {
    let mut name = wanted.to_owned();
    let mut number = 1;
    while database
        .integer(&format!("SELECT 1 FROM sqlite_schema WHERE name = {} COLLATE NOCASE", text(&name)))?
        .is_some()
    {
        number += 1;
        name = format!("{wanted}_{number}");
    }
    if name != wanted {
        let message = format!("Another table has an index `{wanted}`; the new one is called `{name}`.");
        host::log(Level::Warning, &message);
    }
    Ok(name)
}

/// Renames an index by its entry in the schema: the text is kept, but for the name in it.
pub(crate) fn rename(database: &Rc<Database>, from: &str, to: &str) -> Result<()> {
    let query = format!("SELECT sql FROM sqlite_schema WHERE type = 'index' AND name = {} COLLATE NOCASE", text(from));
    let mut rows = database.prepare(&query)?;
    let definition = if rows.step()? { rows.text(0) } else { None };
    drop(rows);
    let definition = definition.ok_or_else(|| Error::internal(format!("There is no index `{from}` to rename.")))?;
    let name = ddl::index(&definition)
        .ok_or_else(|| Error::internal(format!("The text of the index `{from}` could not be read.")))?
        .name;
    let definition = format!("{}{}{}", &definition[..name.start], identifier(to), &definition[name.end..]);
    database.execute(&rename_index(from, to, &definition))
}

/// The query looks for one row that refers to nothing.
fn no_orphans(database: &Rc<Database>, statement: &Statement) -> Result<()> {
    let found = none_found(database, statement, |value| {
        format!(
            "A foreign key is violated: {} does not hold, for example for the value {value}. Correct the source's rows.",
            statement.label
        )
    });
    let table = statement.id.trim_start_matches(action::FOREIGN).rsplit_once(':').map(|(table, _)| table.to_owned());
    found.map_err(|e| Error { table: e.table.clone().or(table), ..e })
}

/// The query looks for one row that is in staging and live.
fn no_clash(database: &Rc<Database>, statement: &Statement) -> Result<()> {
    none_found(database, statement, |value| {
        format!(
            "The target has a row already with the same {}: {value}. Leave it out of the source's rows, or of the target's.",
            statement.label
        )
    })
}

/// Fails if the query finds a row, with what `told` says of its first value.
fn none_found(database: &Rc<Database>, statement: &Statement, told: impl FnOnce(&str) -> String) -> Result<()> {
    let mut rows = database.prepare(&statement.sql)?;
    if !rows.step()? {
        return Ok(());
    }
    let value = rows.text(0).unwrap_or_default();
    Err(Error::new(Kind::ConstraintViolation, told(&value)).row(value))
}

/// Writes one journal entry.
pub(crate) fn note(database: &Rc<Database>, names: &LedgerNames, key: &str, value: &str) -> Result<()> {
    let mut insert = database.prepare(&format!("INSERT OR REPLACE INTO {} VALUES (?1, ?2)", names.journal))?;
    insert.bind_text(0, key)?;
    insert.bind_text(1, value)?;
    insert.run()
}
