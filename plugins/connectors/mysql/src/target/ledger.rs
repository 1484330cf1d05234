//! The ledger: which chunks and statements are durably done, and a small journal.

use sensei_sdk::catalog::TableName;
use sensei_sdk::{Error, Kind, Ledger, Receipt, Result};

use super::staging::{ledger, ledger_table, table};
use crate::connection::{Connection, identifier, literal};

/// Seconds to wait for a migration that another session has.
const CLAIM_SECONDS: u32 = 0;
/// Statements that begin so are resets that were begun: see [`reset`].
const RESET: &str = "reset/";

/// Tables of the ledger and their columns. Text is compared byte by byte.
const TABLES: &[(&str, &str)] = &[
    (
        "chunks",
        "table_schema VARCHAR(64) NOT NULL, table_name VARCHAR(64) NOT NULL, chunk INT UNSIGNED NOT NULL, \
         `rows` BIGINT UNSIGNED NOT NULL, digest VARCHAR(64) NULL, PRIMARY KEY (table_schema, table_name, chunk)",
    ),
    ("statements", "id VARCHAR(500) NOT NULL PRIMARY KEY"),
    ("journal", "`key` VARCHAR(500) NOT NULL PRIMARY KEY, value LONGTEXT NOT NULL"),
];

/// Makes the ledger if it is not there, and takes the migration for this session.
pub(crate) fn claim(connection: &mut Connection, migration: &str) -> Result<Ledger> {
    let lock = literal(&ledger(migration));
    if connection.value(&format!("SELECT GET_LOCK({lock}, {CLAIM_SECONDS})"))?.as_deref() != Some("1") {
        return Err(Error::new(
            Kind::Conflict,
            "Another session has this migration: a run that goes on, or one that was just stopped and that the server \
             has not noticed yet. Try again in a moment.",
        ));
    }
    let made = connection.execute(&format!(
        "CREATE DATABASE IF NOT EXISTS {} DEFAULT CHARACTER SET utf8mb4",
        identifier(&ledger(migration))
    ));
    made.map_err(|e| match e.kind {
        Kind::PermissionDenied => Error {
            message: format!(
                "{} Tables are loaded into databases of the migration's own: GRANT ALL ON `sensei\\_%`.* to the account.",
                e.message
            ),
            ..e
        },
        _ => e,
    })?;
    for (name, columns) in TABLES {
        connection.execute(&format!(
            "CREATE TABLE IF NOT EXISTS {} ({columns}) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
            ledger_table(migration, name)
        ))?;
    }
    finish_resets(connection, migration)?;
    read(connection, migration)
}

/// What is durably done; none without a complete ledger.
pub(crate) fn recall(connection: &mut Connection, migration: &str) -> Result<Option<Ledger>> {
    let names: Vec<String> = TABLES.iter().map(|t| literal(t.0)).collect();
    let there = connection.value(&format!(
        "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = {} AND TABLE_NAME IN ({})",
        literal(&ledger(migration)),
        names.join(", ")
    ))?;
    if there != Some(TABLES.len().to_string()) {
        return Ok(None);
    }
    read(connection, migration).map(Some)
}

fn read(connection: &mut Connection, migration: &str) -> Result<Ledger> {
    let mut rows = |columns: &str, name: &str| {
        let sql = format!("SELECT {columns} FROM {} ORDER BY 1", ledger_table(migration, name));
        connection.table(&sql)
    };
    let number =
        |text: &str| text.parse().map_err(|_| Error::internal(format!("The ledger holds {text:?} for a number.")));
    let chunks = rows("table_schema, table_name, chunk, `rows`, digest", "chunks")?
        .into_iter()
        .map(|mut r| {
            let digest = r.pop().flatten();
            let r: Vec<String> = r.into_iter().map(Option::unwrap_or_default).collect();
            Ok(Receipt {
                table: TableName { schema: r[0].clone(), name: r[1].clone() },
                chunk: number(&r[2])? as u32,
                rows: number(&r[3])?,
                digest,
            })
        })
        .collect::<Result<_>>()?;
    let mut texts = |columns: &str, name: &str| {
        let rows = rows(columns, name)?;
        Ok::<_, Error>(rows.into_iter().map(|r| r.into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>()))
    };
    let statements = texts("id", "statements")?.map(|mut r| r.remove(0)).collect();
    let journal = texts("`key`, value", "journal")?.map(|mut r| (r.remove(0), r.remove(0))).collect();
    Ok(Ledger { chunks, statements, journal })
}

/// Writes one entry of the journal.
pub(crate) fn note(connection: &mut Connection, migration: &str, key: &str, value: &str) -> Result<()> {
    connection.execute(&format!(
        "REPLACE INTO {} VALUES ({}, {})",
        ledger_table(migration, "journal"),
        literal(key),
        literal(value)
    ))?;
    Ok(())
}

/// Records that a statement is done.
pub(crate) fn record(connection: &mut Connection, migration: &str, id: &str) -> Result<()> {
    connection.execute(&format!("REPLACE INTO {} VALUES ({})", ledger_table(migration, "statements"), literal(id)))?;
    Ok(())
}

/// Whether a statement is done.
pub(crate) fn has(connection: &mut Connection, migration: &str, id: &str) -> Result<bool> {
    let sql = format!("SELECT 1 FROM {} WHERE id = {}", ledger_table(migration, "statements"), literal(id));
    Ok(connection.value(&sql)?.is_some())
}

/// The receipt of a chunk, for the transaction that holds its rows.
pub(crate) fn receipt_sql(migration: &str, table: &TableName, chunk: u32, rows: u64, digest: Option<&str>) -> String {
    format!(
        "INSERT INTO {} VALUES ({}, {}, {chunk}, {rows}, {})",
        ledger_table(migration, "chunks"),
        literal(&table.schema),
        literal(&table.name),
        digest.map_or_else(|| "NULL".to_owned(), literal)
    )
}

/// Empties a staged table and forgets its chunks. TRUNCATE is no part of a transaction: that it was begun is recorded
/// together with the forgetting, and whoever claims the migration next ends it.
pub(crate) fn reset(connection: &mut Connection, migration: &str, name: &TableName) -> Result<()> {
    let id = format!("{RESET}{}/{}", name.schema, name.name);
    connection.execute("START TRANSACTION")?;
    connection.execute(&format!(
        "DELETE FROM {} WHERE table_schema = {} AND table_name = {}",
        ledger_table(migration, "chunks"),
        literal(&name.schema),
        literal(&name.name)
    ))?;
    record(connection, migration, &id)?;
    connection.execute("COMMIT")?;
    finish_reset(connection, migration, name, &id)
}

fn finish_reset(connection: &mut Connection, migration: &str, name: &TableName, id: &str) -> Result<()> {
    connection.execute(&format!("TRUNCATE TABLE {}", table(migration, name)))?;
    let sql = format!("DELETE FROM {} WHERE id = {}", ledger_table(migration, "statements"), literal(id));
    connection.execute(&sql)?;
    Ok(())
}

fn finish_resets(connection: &mut Connection, migration: &str) -> Result<()> {
    let sql = format!("SELECT id FROM {} WHERE id LIKE '{RESET}%'", ledger_table(migration, "statements"));
    for id in connection.table(&sql)?.into_iter().filter_map(|r| r.into_iter().next().flatten()) {
        if let Some((schema, name)) = id.trim_start_matches(RESET).split_once('/') {
            let name = TableName { schema: schema.to_owned(), name: name.to_owned() };
            finish_reset(connection, migration, &name, &id)?;
        }
    }
    Ok(())
}
