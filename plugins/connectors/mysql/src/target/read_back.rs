//! Staged tables as the server describes them, under their live names.

use std::collections::HashMap;

use sensei_sdk::Result;
use sensei_sdk::catalog::{Table, TableName};
use sensei_sdk::staged::in_order;

use super::staging;
use crate::catalog;
use crate::configuration::ZeroDates;
use crate::connection::Connection;

/// What text has unless its type brings its own.
const CHARACTER_SET: &str = "utf8mb4";

/// These tables of a migration, in their order.
pub(super) fn tables(connection: &mut Connection, migration: &str, names: &[TableName]) -> Result<Vec<Table>> {
    let live: HashMap<String, String> =
        names.iter().map(|name| (staging::schema(migration, &name.schema), name.schema.clone())).collect();
    let mut staged: Vec<String> = live.keys().cloned().collect();
    staged.sort();
    let found = catalog::read(connection, staged, ZeroDates::Keep)?.tables;
    in_order(names, found.into_iter().map(|table| to_live(table, &live)).collect())
}

fn to_live(mut table: Table, live: &HashMap<String, String>) -> Table {
    let schemas = table.foreign_keys.iter_mut().map(|key| &mut key.referenced_schema);
    for schema in schemas.chain(std::iter::once(&mut table.name.schema)) {
        if let Some(live) = live.get(schema) {
            schema.clone_from(live);
        }
    }
    for column in &mut table.columns {
        // As a proposal writes it.
        if let (Some(set), Some(collation)) = (&column.character_set, &column.collation)
            && set != CHARACTER_SET
        {
            column.native_type = format!("{} character set {set} collate {collation}", column.native_type);
        }
    }
    table
}
