//! Adding staged rows to tables that are live already, and taking them out again.

use sensei_sdk::catalog::{Action, ForeignKey, Table, TableName};
use sensei_sdk::{Error, Job, Kind, Result, Stage, Statement, row_key};

use super::execute::{about, exists, no_orphans};
use super::render::{ADD, ADDED, CLASH, KEEP, List, RENAME, plain};
use super::{ddl, ledger, staging};
use crate::connection::{Connection, identifier, literal};

/// What takes the rows of a table without a key out: nothing.
const NO_KEY: &str = "DO 0 /* no key tells the rows that were added from the others: they stay */";

/// Adds nothing: fails before the load where the cutover would, for want of a right or of a column.
pub(super) fn probe(list: &mut List, job: &Job, table: &Table) {
    let name = plain(&table.name);
    let sql = format!("{} WHERE FALSE", insert(job, table));
    let label = format!("rows can be added to {name}");
    list.add(Stage::Prepare, format!("probe/{name}"), sql, None, Some(&table.name), label);
}

/// Fails once all is loaded where the cutover would, because a row is there already.
pub(super) fn no_clash(list: &mut List, job: &Job, table: &Table) {
    let (place, live) = (staging::table(&job.migration, &table.name), live(&table.name));
    for (at, key) in table.primary_key.iter().chain(&table.unique_keys).enumerate() {
        let shown: Vec<String> = key.columns.iter().map(|c| format!("r.{}", identifier(c))).collect();
        let sql = format!("SELECT {} FROM {place} r JOIN {live} l ON {} LIMIT 1", shown.join(", "), same(&key.columns));
        let label = format!("no row of {} is there already ({})", plain(&table.name), key.columns.join(", "));
        let id = format!("{CLASH}{}/{at}", plain(&table.name));
        list.add(Stage::CompleteAll, id, sql, None, Some(&table.name), label);
    }
}

/// Rows first, and that all they refer to is there; then what they were copied from goes aside.
pub(super) fn add_rows(list: &mut List, job: &Job) {
    for table in job.added() {
        let name = plain(&table.name);
        let place = staging::table(&job.migration, &table.name);
        let back = row_key(table).map_or_else(
            || NO_KEY.to_owned(),
            |key| format!("DELETE l FROM {} AS l JOIN {place} AS r ON {}", live(&table.name), same(&key.columns)),
        );
        let label = format!("rows are added to {name}");
        list.add(Stage::Cutover, format!("{ADD}{name}"), insert(job, table), Some(back), Some(&table.name), label);
    }
    for (at, (table, key)) in job.added_references().enumerate() {
        let name = plain(&table.name);
        let parent = ddl::qualified(&key.referenced_schema, &key.referenced_table);
        let label = format!("every row that is added to {name} finds what it refers to ({})", key.columns.join(", "));
        let sql = ddl::orphans(key, &staging::table(&job.migration, &table.name), &parent);
        list.add(Stage::Cutover, format!("{ADDED}{name}/{at}"), sql, None, Some(&table.name), label);
    }
    for table in job.added() {
        let name = plain(&table.name);
        let place = staging::table(&job.migration, &table.name);
        let old = ddl::qualified(&staging::old(&job.migration, &table.name.schema), &table.name.name);
        let staging = identifier(&staging::schema(&job.migration, &table.name.schema));
        list.add(
            Stage::Cutover,
            format!("{KEEP}{name}"),
            format!("{RENAME}{place} TO {old}"),
            Some(format!("CREATE DATABASE IF NOT EXISTS {staging}; {RENAME}{old} TO {place}")),
            Some(&table.name),
            format!("copies of what was added to {name} are kept"),
        );
    }
}

/// Adds the rows of all tables in one transaction, with what the ledger says of it.
pub(super) fn add(connection: &mut Connection, migration: &str, statements: &[&Statement]) -> Result<()> {
    if statements.is_empty() {
        return Ok(());
    }
    in_one(connection, |connection| {
        for statement in statements {
            if statement.id.starts_with(ADDED) {
                no_orphans(connection, statement)?;
            } else {
                connection.execute(&statement.sql).map_err(|e| about(e, statement))?;
            }
            ledger::record(connection, migration, &statement.id)?;
        }
        Ok(())
    })
    .map_err(|e| Error { message: format!("{} Nothing was added.", e.message), ..e })
}

/// Takes the rows out again, in one transaction; what the ledger says is out stays out. `statements` are those that added them.
pub(super) fn take_out(connection: &mut Connection, migration: &str, statements: &[(&Statement, &str)]) -> Result<()> {
    let mut deletes = Vec::new();
    for (statement, added) in statements {
        let Some(name) = &statement.table else { continue };
        if ledger::has(connection, migration, &statement.id)? {
            continue;
        }
        let staged = staging::table(migration, name);
        let old = staging::old(migration, &name.schema);
        // Rows whose copy is kept are in. Where it is not yet, the ledger knows.
        let kept = exists(connection, &old, &name.name)?;
        if !kept && !ledger::has(connection, migration, added)? {
            continue;
        }
        if statement.sql == NO_KEY {
            let message = format!(
                "The rows that were added to {} have no key of their own: nothing tells them from the others. Nothing was taken back.",
                plain(name)
            );
            return Err(Error::new(Kind::Conflict, message).table(plain(name)));
        }
        let copy = ddl::qualified(&old, &name.name);
        let sql = if kept { statement.sql.replace(&staged, &copy) } else { statement.sql.clone() };
        deletes.push((*statement, name, sql));
    }
    if deletes.is_empty() {
        return Ok(());
    }
    in_one(connection, |connection| {
        for (statement, _, sql) in &deletes {
            connection.execute(sql).map_err(|e| about(e, statement))?;
        }
        for (_, name, _) in &deletes {
            still_whole(connection, name)?;
        }
        deletes.iter().try_for_each(|(statement, ..)| ledger::record(connection, migration, &statement.id))
    })
}

/// Fails if a row of any table refers to one that is gone: the session itself heeds no references.
fn still_whole(connection: &mut Connection, parent: &TableName) -> Result<()> {
    let sql = format!(
        "SELECT TABLE_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, COLUMN_NAME, REFERENCED_COLUMN_NAME FROM information_schema.KEY_COLUMN_USAGE \
         WHERE REFERENCED_TABLE_SCHEMA = {} AND REFERENCED_TABLE_NAME = {} ORDER BY 1, 2, 3, ORDINAL_POSITION",
        literal(&parent.schema),
        literal(&parent.name)
    );
    let mut keys: Vec<(TableName, ForeignKey)> = Vec::new();
    for row in connection.table(&sql)? {
        let mut row = row.into_iter().map(Option::unwrap_or_default);
        let mut next = || row.next().unwrap_or_default();
        let (child, constraint) = (TableName { schema: next(), name: next() }, next());
        let (column, referenced) = (next(), next());
        match keys.last_mut() {
            Some((table, key)) if *table == child && key.name.as_ref() == Some(&constraint) => {
                key.columns.push(column);
                key.referenced_columns.push(referenced);
            }
            Some(_) | None => keys.push((
                child,
                ForeignKey {
                    name: Some(constraint),
                    columns: vec![column],
                    referenced_schema: parent.schema.clone(),
                    referenced_table: parent.name.clone(),
                    referenced_columns: vec![referenced],
                    on_update: Action::NoAction,
                    on_delete: Action::NoAction,
                    deferrable: false,
                    initially_deferred: false,
                },
            )),
        }
    }
    for (child, key) in keys {
        if let Some(row) = connection.table(&ddl::orphans(&key, &live(&child), &live(parent)))?.into_iter().next() {
            let values: Vec<String> = row.into_iter().map(Option::unwrap_or_default).collect();
            let message = format!(
                "Rows of {} refer to rows that were added to {} and are to go, for example by ({}). Remove them, then try again. Nothing was taken back.",
                plain(&child),
                plain(parent),
                values.join(", ")
            );
            return Err(Error::new(Kind::Conflict, message).table(plain(&child)));
        }
    }
    Ok(())
}

/// All of the work in one transaction, or nothing of it.
pub(super) fn in_one<T>(connection: &mut Connection, work: impl FnOnce(&mut Connection) -> Result<T>) -> Result<T> {
    connection.execute("START TRANSACTION")?;
    match work(connection) {
        Ok(done) => connection.execute("COMMIT").map(|_| done),
        Err(e) => {
            // The connection may be what failed: then the server rolls back by itself.
            let _ = connection.execute("ROLLBACK");
            Err(e)
        }
    }
}

fn insert(job: &Job, table: &Table) -> String {
    let names: Vec<String> = table.columns.iter().map(|c| identifier(&c.name)).collect();
    let names = names.join(", ");
    format!(
        "INSERT INTO {} ({names}) SELECT {names} FROM {}",
        live(&table.name),
        staging::table(&job.migration, &table.name)
    )
}

fn live(name: &TableName) -> String {
    ddl::qualified(&name.schema, &name.name)
}

/// Whether `l` and `r` are rows of the same key.
fn same(key: &[String]) -> String {
    let pairs: Vec<String> = key.iter().map(|c| identifier(c)).map(|c| format!("l.{c} = r.{c}")).collect();
    pairs.join(" AND ")
}
