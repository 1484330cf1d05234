//! Executing statements only to learn whether the server takes them.

use sensei_sdk::{Result, Statement};

use crate::connection::Connection;
use crate::sql::{SCHEMA_MARK, identifier, ledger_schema, literal, shorten};

/// How long a statement may wait for a lock that others hold. A cutover that replaces tables locks the live ones; while
/// it waits for a long query on one of them, everybody else waits behind it, and a rehearsal is not worth that.
const LOCK_WAIT: &str = "3s";

/// Executes statements in one transaction and takes everything back.
pub(super) fn rehearse(connection: &mut Connection, migration: &str, statements: &[Statement]) -> Result<()> {
    connection.rollback()?;
    connection.execute(&format!("BEGIN; SET LOCAL lock_timeout = '{LOCK_WAIT}'"))?;
    let done = make_room(connection, migration)
        .and_then(|()| statements.iter().try_for_each(|statement| super::one(connection, statement)));
    // Where the connection is what failed, the server rolls back by itself and the first error is the one to tell.
    let undone = connection.rollback();
    done.and(undone)
}

/// Gives the schemas of an interrupted run other names until the transaction ends. What is rehearsed is the migration
/// from its beginning: its statements would meet tables that are there, wait for the locks of those who load them, and
/// move sequences, which no rollback moves back.
fn make_room(connection: &mut Connection, migration: &str) -> Result<()> {
    let ledger = ledger_schema(migration);
    let left = connection.query(&format!(
        "SELECT n.nspname FROM pg_catalog.pg_namespace n \
         WHERE (n.nspname = {} OR pg_catalog.strpos(n.nspname::text, {}) = 1) \
         AND pg_catalog.strpos(pg_catalog.obj_description(n.oid, 'pg_namespace'), {}) = 1",
        literal(&ledger),
        literal(&format!("{ledger}_")),
        literal(SCHEMA_MARK)
    ))?;
    for name in left.into_iter().flatten().flatten() {
        let aside = shorten(&format!("sensei_aside_{name}"));
        connection.execute(&format!("ALTER SCHEMA {} RENAME TO {}", identifier(&name), identifier(&aside)))?;
    }
    Ok(())
}
