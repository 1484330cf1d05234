//! One moment for all sessions.
//!
//! The freezing session takes the global read lock; while nobody writes, each session begins a transaction with a
//! consistent snapshot; then the lock goes. The token is the name of a user lock that the freezing session holds as long
//! as the read lock: a session that joins later can tell, and says so.

use sensei_sdk::host::{self, Level};
use sensei_sdk::{Kind, Result, Snapshot};

use crate::connection::{Connection, hex, literal};
use crate::error::number;

/// Seconds to wait for statements that hold tables open when the read lock is asked for. Longer, and the server's other
/// clients would all queue up behind us.
const LOCK_WAIT_SECONDS: u32 = 30;

/// Servers' errors of a right that is lacking: FLUSH needs RELOAD.
const NO_RIGHT: &[u16] = &[1044, 1045, 1142, 1227];

/// Token of sessions that each have a snapshot of their own.
const SEPARATE: &str = "separate";

/// Begins a snapshot of this session's own, or of the frozen moment.
fn begin(connection: &mut Connection) -> Result<()> {
    connection.execute("ROLLBACK")?;
    connection.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")?;
    connection.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")?;
    Ok(())
}

/// Freezes the server for as long as it takes all sessions to join. `schemas` are those that will be read.
pub(crate) fn freeze(connection: &mut Connection, schemas: &[String]) -> Result<Snapshot> {
    let mut token = String::from("sensei_snapshot_");
    hex(&mut token, &host::random_bytes(8));
    connection.execute(&format!("SET SESSION lock_wait_timeout = {LOCK_WAIT_SECONDS}"))?;
    let note = match connection.execute("FLUSH TABLES WITH READ LOCK") {
        Ok(_) => outside_transactions(connection, schemas)?,
        Err(e) if number(&e).is_some_and(|n| NO_RIGHT.contains(&n)) => {
            begin(connection)?;
            return Ok(separate(
                "The account lacks the right RELOAD, so each reader sees the moment at which it began. Grant it \
                 (GRANT RELOAD ON *.* TO the account), or keep writers away while the rows are read.",
            ));
        }
        Err(e) if e.kind == Kind::Timeout => {
            begin(connection)?;
            return Ok(separate(
                "A long statement kept the tables from being locked for a moment, so each reader sees the moment at \
                 which it began. Start again when it is over, or keep writers away while the rows are read.",
            ));
        }
        Err(e) => return Err(e),
    };
    connection.execute(&format!("DO GET_LOCK({}, 0)", literal(&token)))?;
    begin(connection)?;
    Ok(Snapshot { token, consistent: note.is_none(), note })
}

fn separate(note: &str) -> Snapshot {
    Snapshot { token: SEPARATE.to_owned(), consistent: false, note: Some(note.to_owned()) }
}

/// Tables whose engine has no transactions are read as they are at that time.
fn outside_transactions(connection: &mut Connection, schemas: &[String]) -> Result<Option<String>> {
    let among = match schemas {
        [] => "TABLE_SCHEMA = DATABASE()".to_owned(),
        _ => {
            let names: Vec<String> = schemas.iter().map(|s| literal(s)).collect();
            format!("TABLE_SCHEMA IN ({})", names.join(", "))
        }
    };
    let rows = connection.table(&format!(
        "SELECT CONCAT(TABLE_SCHEMA, '.', TABLE_NAME, ' (', ENGINE, ')') FROM information_schema.TABLES t \
         LEFT JOIN information_schema.ENGINES e USING (ENGINE) \
         WHERE TABLE_TYPE = 'BASE TABLE' AND COALESCE(e.TRANSACTIONS, 'NO') <> 'YES' AND {among} ORDER BY 1"
    ))?;
    let names: Vec<String> = rows.into_iter().filter_map(|r| r.into_iter().next().flatten()).collect();
    Ok((!names.is_empty()).then(|| {
        format!(
            "These tables are of an engine without transactions and are read as they are when their turn comes: {}. \
             Convert them to InnoDB, or keep writers away while the rows are read.",
            names.join(", ")
        )
    }))
}

/// Puts this session into the snapshot.
pub(crate) fn join(connection: &mut Connection, token: &str) -> Result<()> {
    begin(connection)?;
    if token == SEPARATE {
        return Ok(());
    }
    // Asked after the snapshot began: still locked means it is the frozen moment.
    let holder = connection.value(&format!("SELECT IS_USED_LOCK({})", literal(token)))?;
    if holder.is_none() {
        host::log(
            Level::Warning,
            "A reader joined after the tables were unlocked: it reads from a snapshot of its own, taken now. Rows that \
             were changed since the migration began show their new state there.",
        );
    }
    Ok(())
}

/// Lets writers go on.
pub(crate) fn thaw(connection: &mut Connection) -> Result<()> {
    // First the sign, then the lock: nobody takes a late snapshot for the frozen one.
    connection.execute("DO RELEASE_ALL_LOCKS()")?;
    connection.execute("UNLOCK TABLES")?;
    Ok(())
}
