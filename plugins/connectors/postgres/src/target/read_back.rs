//! Staged tables as the server describes them, under their live names.

use std::collections::HashMap;

use sensei_sdk::Result;
use sensei_sdk::catalog::{DataType, Table, TableName};
use sensei_sdk::staged::in_order;

use crate::catalog;
use crate::connection::Connection;
use crate::sql::staging_schema;

/// These tables of a migration, in their order.
pub(super) fn tables(connection: &mut Connection, migration: &str, names: &[TableName]) -> Result<Vec<Table>> {
    let live: HashMap<String, String> =
        names.iter().map(|name| (staging_schema(migration, &name.schema), name.schema.clone())).collect();
    let mut staging: Vec<String> = live.keys().cloned().collect();
    staging.sort();
    let found = catalog::staged_tables(connection, &staging)?;
    in_order(names, found.into_iter().map(|table| to_live(table, &live)).collect())
}

fn to_live(mut table: Table, live: &HashMap<String, String>) -> Table {
    let renamed = |schema: &mut String| {
        if let Some(live) = live.get(schema) {
            schema.clone_from(live);
        }
    };
    renamed(&mut table.name.schema);
    for part in table.partitioning.iter_mut().flat_map(|partitioning| &mut partitioning.parts) {
        renamed(&mut part.name.schema);
        renamed(&mut part.parent.schema);
    }
    table.foreign_keys.iter_mut().for_each(|key| renamed(&mut key.referenced_schema));
    for column in &mut table.columns {
        if let DataType::Enumeration(made) = &mut column.data_type {
            made.schema.iter_mut().for_each(renamed);
        }
    }
    table
}
