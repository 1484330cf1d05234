//! The ledger: what of a migration is durably done, in the target itself.

use sensei_sdk::catalog::TableName;
use sensei_sdk::{Error, Kind, Ledger, Receipt, Result};
use serde::Deserialize;

use crate::connection::Connection;
use crate::sql::{SCHEMA_MARK, hash, identifier, ledger_schema, literal, qualified};

/// The lock of the session that leads the migration.
fn lead_key(migration: &str) -> i64 {
    hash(&format!("sensei/lead/{migration}")).cast_signed()
}

/// The lock that every session that writes for the migration shares.
fn work_key(migration: &str) -> i64 {
    hash(&format!("sensei/work/{migration}")).cast_signed()
}

fn held(connection: &mut Connection, function: &str, key: i64) -> Result<bool> {
    Ok(connection.value(&format!("SELECT pg_catalog.{function}({key})"))?.as_deref() == Some("t"))
}

/// Takes the migration for this session: no other leads it, and none of an earlier run still writes.
pub(super) fn take(connection: &mut Connection, migration: &str) -> Result<()> {
    let busy = |who: &str| {
        Error::new(
            Kind::Conflict,
            format!("Migration {migration} is held by {who}. Wait until it ends, or end it on the server."),
        )
    };
    if !held(connection, "pg_try_advisory_lock", lead_key(migration))? {
        return Err(busy("another session"));
    }
    if !held(connection, "pg_try_advisory_lock", work_key(migration))? {
        held(connection, "pg_advisory_unlock", lead_key(migration))?;
        return Err(busy("a session of an earlier run that has not ended yet"));
    }
    held(connection, "pg_advisory_unlock", work_key(migration))?;
    Ok(())
}

/// Marks this session as one that writes for the migration, until it ends.
pub(super) fn join(connection: &mut Connection, migration: &str) -> Result<()> {
    if held(connection, "pg_try_advisory_lock_shared", work_key(migration))? {
        return Ok(());
    }
    Err(Error::new(Kind::Conflict, format!("Migration {migration} is being claimed by another run. Try again.")))
}

/// Makes the ledger if it is not there.
pub(super) fn ensure(connection: &mut Connection, migration: &str) -> Result<()> {
    let schema = identifier(&ledger_schema(migration));
    let comment = literal(&format!("{SCHEMA_MARK}ledger of migration {migration}"));
    connection.execute(&format!(
        "BEGIN; CREATE SCHEMA IF NOT EXISTS {schema}; COMMENT ON SCHEMA {schema} IS {comment}; \
         CREATE TABLE IF NOT EXISTS {schema}.chunks (table_schema text, table_name text, chunk bigint, rows bigint NOT NULL, digest text, \
         PRIMARY KEY (table_schema, table_name, chunk)); \
         CREATE TABLE IF NOT EXISTS {schema}.statements (id text PRIMARY KEY); \
         CREATE TABLE IF NOT EXISTS {schema}.journal (key text PRIMARY KEY, value text NOT NULL); COMMIT"
    ))
}

/// What the ledger says; none if there is none.
pub(super) fn read(connection: &mut Connection, migration: &str) -> Result<Option<Ledger>> {
    #[derive(Deserialize)]
    struct ChunkRow {
        table_schema: String,
        table_name: String,
        chunk: u32,
        rows: u64,
        digest: Option<String>,
    }
    let schema = ledger_schema(migration);
    let there = format!("SELECT pg_catalog.to_regclass({})", literal(&qualified(&schema, "journal")));
    if connection.value(&there)?.is_none() {
        return Ok(None);
    }
    let schema = identifier(&schema);
    let chunks: Vec<ChunkRow> = connection.records(&format!("SELECT * FROM {schema}.chunks ORDER BY 1, 2, 3"))?;
    let statements = connection.query(&format!("SELECT id FROM {schema}.statements ORDER BY 1"))?;
    let journal = connection.query(&format!("SELECT key, value FROM {schema}.journal ORDER BY 1"))?;
    Ok(Some(Ledger {
        chunks: chunks
            .into_iter()
            .map(|c| Receipt {
                table: TableName { schema: c.table_schema, name: c.table_name },
                chunk: c.chunk,
                rows: c.rows,
                digest: c.digest,
            })
            .collect(),
        statements: statements.into_iter().flatten().flatten().collect(),
        journal: journal
            .into_iter()
            .filter_map(|row| match <[Option<String>; 2]>::try_from(row) {
                Ok([Some(key), Some(value)]) => Some((key, value)),
                Ok(_) | Err(_) => None,
            })
            .collect(),
    }))
}

/// The ledger row of a chunk.
pub(super) fn receipt(migration: &str, table: &TableName, chunk: u32, rows: u64, digest: Option<&str>) -> String {
    format!(
        "INSERT INTO {}.chunks (table_schema, table_name, chunk, rows, digest) VALUES ({}, {}, {chunk}, {rows}, {})",
        identifier(&ledger_schema(migration)),
        literal(&table.schema),
        literal(&table.name),
        digest.map_or_else(|| "NULL".to_owned(), literal)
    )
}

/// The ledger row of a statement.
pub(super) fn done(migration: &str, id: &str) -> String {
    format!("INSERT INTO {}.statements (id) VALUES ({})", identifier(&ledger_schema(migration)), literal(id))
}

/// Writes a journal entry over what was there.
pub(super) fn note(migration: &str, key: &str, value: &str) -> String {
    format!(
        "INSERT INTO {}.journal (key, value) VALUES ({}, {}) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        identifier(&ledger_schema(migration)),
        literal(key),
        literal(value)
    )
}

/// Forgets a table's chunks.
pub(super) fn forget(migration: &str, table: &TableName) -> String {
    format!(
        "DELETE FROM {}.chunks WHERE table_schema = {} AND table_name = {}",
        identifier(&ledger_schema(migration)),
        literal(&table.schema),
        literal(&table.name)
    )
}
