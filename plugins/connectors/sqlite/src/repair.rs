//! Making live rows equal to staged ones.

use std::rc::Rc;

use sensei_sdk::{Repair, Repaired, Result};

use crate::database::Database;
use crate::sql::{identifier, identifiers};
use crate::staging::staged;

/// Repairs tables in one transaction. The session heeds no foreign keys: what is whole afterwards is what the source has.
pub(crate) fn repair(
    database: &Rc<Database>,
    migration: &str,
    extras: &str,
    tables: &[Repair],
) -> Result<Vec<Repaired>> {
    database.transaction(|| tables.iter().map(|table| one(database, migration, extras, table)).collect())
}

fn one(database: &Rc<Database>, migration: &str, extras: &str, table: &Repair) -> Result<Repaired> {
    let name = &table.table.name;
    let live = identifier(name);
    let [right, extra] = [migration, extras].map(|migration| identifier(&staged(migration, name)));
    let same = same_key(table);
    let run = |sql: String| -> Result<u64> {
        database.execute(&sql).map_err(|e| if e.table.is_none() { e.table(name) } else { e })?;
        Ok(database.integer("SELECT changes()")?.unwrap_or(0) as u64)
    };
    let gone = if table.exact {
        format!("EXISTS (SELECT 1 FROM {extra} AS r WHERE {same})")
    } else {
        let key = identifiers(&table.key);
        format!("({key}) IN (SELECT {key} FROM {extra})")
    };
    let deleted = run(format!("DELETE FROM {live} AS l WHERE {gone}"))?;
    let set: Vec<String> = (table.columns.iter().filter(|column| !table.key.contains(column)))
        .map(|column| format!("{0} = r.{0}", identifier(column)))
        .collect();
    let updated = if table.exact || set.is_empty() {
        0
    } else {
        run(format!("UPDATE {live} AS l SET {} FROM {right} AS r WHERE {same}", set.join(", ")))?
    };
    let columns = identifiers(&table.columns);
    let missing =
        if table.exact { String::new() } else { format!(" WHERE NOT EXISTS (SELECT 1 FROM {live} AS l WHERE {same})") };
    let inserted = run(format!("INSERT INTO {live}({columns}) SELECT {columns} FROM {right} AS r{missing}"))?;
    Ok(Repaired { updated, inserted, deleted })
}

/// Whether a row of `l` and one of `r` have the same key.
fn same_key(table: &Repair) -> String {
    let same = |column: &String| {
        let column = identifier(column);
        if table.exact {
            // A collation may call different texts equal.
            format!("l.{column} IS r.{column} COLLATE BINARY")
        } else {
            format!("l.{column} = r.{column}")
        }
    };
    table.key.iter().map(same).collect::<Vec<_>>().join(" AND ")
}
