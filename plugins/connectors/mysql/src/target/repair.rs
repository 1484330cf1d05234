//! Making live rows equal to staged ones.

use sensei_sdk::{Repair, Repaired, Result};

use super::append::in_one;
use super::{ddl, staging};
use crate::connection::{Connection, identifier};

/// Repairs tables in one transaction. The session heeds no foreign keys: what is whole afterwards is what the source has.
pub(super) fn repair(
    connection: &mut Connection,
    migration: &str,
    extras: &str,
    tables: &[Repair],
) -> Result<Vec<Repaired>> {
    in_one(connection, |connection| tables.iter().map(|table| one(connection, migration, extras, table)).collect())
}

fn one(connection: &mut Connection, migration: &str, extras: &str, table: &Repair) -> Result<Repaired> {
    let live = ddl::qualified(&table.table.schema, &table.table.name);
    let [right, extra] = [migration, extras].map(|migration| staging::table(migration, &table.table));
    let same = same_key(table);
    let set: Vec<String> = (table.columns.iter().filter(|column| !table.key.contains(column)))
        .map(|column| format!("l.{0} = r.{0}", identifier(column)))
        .collect();
    let columns: Vec<String> = table.columns.iter().map(|column| identifier(column)).collect();
    let columns = columns.join(", ");
    let mut run = |sql: String| {
        let done = connection.execute(&sql);
        done.map(|done| done.affected).map_err(|e| {
            if e.table.is_none() { e.table(format!("{}.{}", table.table.schema, table.table.name)) } else { e }
        })
    };
    let deleted = run(format!("DELETE l FROM {live} AS l JOIN {extra} AS r ON {same}"))?;
    let updated = if table.exact || set.is_empty() {
        0
    } else {
        run(format!("UPDATE {live} AS l JOIN {right} AS r ON {same} SET {}", set.join(", ")))?
    };
    let missing =
        if table.exact { String::new() } else { format!(" WHERE NOT EXISTS (SELECT 1 FROM {live} AS l WHERE {same})") };
    let inserted = run(format!("INSERT INTO {live} ({columns}) SELECT {columns} FROM {right} AS r{missing}"))?;
    Ok(Repaired { updated, inserted, deleted })
}

/// Whether a row of `l` and one of `r` have the same key.
fn same_key(table: &Repair) -> String {
    let same = |column: &String| {
        let column = identifier(column);
        if table.exact {
            // A collation may call different texts equal.
            format!("CAST(l.{column} AS BINARY) <=> CAST(r.{column} AS BINARY)")
        } else {
            format!("l.{column} = r.{column}")
        }
    };
    table.key.iter().map(same).collect::<Vec<_>>().join(" AND ")
}
