//! Making live rows equal to staged ones.

use sensei_sdk::{Error, Repair, Repaired, Result};

use crate::connection::Connection;
use crate::sql::{AS_IT_IS, identifier, qualified, staging_schema};

/// Repairs tables in one transaction, those that others refer to first; what is deleted goes in the other order.
pub(super) fn repair(
    connection: &mut Connection,
    migration: &str,
    extras: &str,
    tables: &[Repair],
) -> Result<Vec<Repaired>> {
    connection.execute(&format!("BEGIN; SET LOCAL {AS_IT_IS} = 'on'; SET CONSTRAINTS ALL DEFERRED"))?;
    let done = all(connection, migration, extras, tables).and_then(|done| connection.execute("COMMIT").map(|()| done));
    if done.is_err() {
        // The connection may be what failed: then the server rolls back by itself.
        let _ = connection.rollback();
    }
    done
}

fn all(connection: &mut Connection, migration: &str, extras: &str, tables: &[Repair]) -> Result<Vec<Repaired>> {
    let mut done = vec![Repaired { updated: 0, inserted: 0, deleted: 0 }; tables.len()];
    for (table, done) in tables.iter().zip(&mut done).rev() {
        done.deleted = run(connection, table, &delete(table, extras))?;
    }
    for (table, done) in tables.iter().zip(&mut done) {
        if let Some(update) = update(table, migration) {
            done.updated = run(connection, table, &update)?;
        }
        done.inserted = run(connection, table, &insert(table, migration))?;
    }
    Ok(done)
}

/// Executes one statement that changes rows; how many.
fn run(connection: &mut Connection, table: &Repair, sql: &str) -> Result<u64> {
    let counted = connection
        .value(&format!("WITH changed AS ({sql} RETURNING 1) SELECT pg_catalog.count(*) FROM changed"))
        .map_err(
            |e| if e.table.is_none() { e.table(format!("{}.{}", table.table.schema, table.table.name)) } else { e },
        )?;
    counted.and_then(|n| n.parse().ok()).ok_or_else(|| Error::internal("The server counted no number."))
}

fn live(table: &Repair) -> String {
    qualified(&table.table.schema, &table.table.name)
}

fn staged(table: &Repair, migration: &str) -> String {
    qualified(&staging_schema(migration, &table.table.schema), &table.table.name)
}

/// Whether a row of `l` and one of `r` have the same key.
fn same_key(table: &Repair) -> String {
    let of = |side: &str| table.key.iter().map(|c| format!("{side}.{}", identifier(c))).collect::<Vec<_>>();
    if table.exact {
        // Types without equality, too, have a text; and NULLs have their place in that of a row.
        return format!("ROW({})::text = ROW({})::text", of("l").join(", "), of("r").join(", "));
    }
    let pairs: Vec<String> = of("l").into_iter().zip(of("r")).map(|(l, r)| format!("{l} = {r}")).collect();
    pairs.join(" AND ")
}

fn delete(table: &Repair, extras: &str) -> String {
    format!("DELETE FROM {} l USING {} r WHERE {}", live(table), staged(table, extras), same_key(table))
}

/// None where nothing but the key could be changed.
fn update(table: &Repair, migration: &str) -> Option<String> {
    let set: Vec<String> = (table.columns.iter().filter(|column| !table.key.contains(column)))
        .map(|column| format!("{0} = r.{0}", identifier(column)))
        .collect();
    let changes = !table.exact && !set.is_empty();
    changes.then(|| {
        format!(
            "UPDATE {} l SET {} FROM {} r WHERE {}",
            live(table),
            set.join(", "),
            staged(table, migration),
            same_key(table)
        )
    })
}

fn insert(table: &Repair, migration: &str) -> String {
    let columns: Vec<String> = table.columns.iter().map(|column| identifier(column)).collect();
    let columns = columns.join(", ");
    let missing = if table.exact {
        String::new()
    } else {
        format!(" WHERE NOT EXISTS (SELECT FROM {} l WHERE {})", live(table), same_key(table))
    };
    format!(
        "INSERT INTO {} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM {} r{missing}",
        live(table),
        staged(table, migration)
    )
}
