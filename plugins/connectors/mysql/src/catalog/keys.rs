//! Keys, indexes, foreign keys and checks.

use sensei_sdk::Result;
use sensei_sdk::catalog::{Action, Check, ForeignKey, Index, IndexPart, Key};

use super::{JsonColumns, Tables, among, expression, json_check, number, some, table_key, text};
use crate::connection::Connection;

/// `REFERENTIAL_CONSTRAINTS`' words for what happens to rows that refer.
const ACTIONS: &[(&str, Action)] = &[
    ("NO ACTION", Action::NoAction),
    ("RESTRICT", Action::Restrict),
    ("CASCADE", Action::Cascade),
    ("SET NULL", Action::SetNull),
    ("SET DEFAULT", Action::SetDefault),
];

fn action(word: &str) -> Action {
    ACTIONS.iter().find(|a| a.0 == word).map_or(Action::NoAction, |a| a.1)
}

/// Primary keys, unique keys and other indexes.
pub(super) fn add_indexes(connection: &mut Connection, schemas: &[String], tables: &mut Tables) -> Result<()> {
    // Indexes on expressions came with MySQL 8.0.13; MariaDB has none.
    let expression =
        if !connection.server.maria && connection.server.number >= (8, 0, 13) { "EXPRESSION" } else { "NULL" };
    let rows = connection.table(&format!(
        "SELECT TABLE_SCHEMA, TABLE_NAME, INDEX_NAME, NON_UNIQUE, COLUMN_NAME, COLLATION, SUB_PART, INDEX_TYPE, \
         INDEX_COMMENT, {expression} FROM information_schema.STATISTICS WHERE {} \
         ORDER BY TABLE_SCHEMA, TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX",
        among("TABLE_SCHEMA", schemas)
    ))?;
    for rows in rows.chunk_by(|a, b| a[..3] == b[..3]) {
        let first = &rows[0];
        let Some(table) = tables.get_mut(&table_key(first)) else { continue };
        let index = Index {
            name: text(first, 2).to_owned(),
            unique: text(first, 3) == "0",
            method: text(first, 7).to_ascii_lowercase(),
            parts: rows
                .iter()
                .map(|r| IndexPart {
                    column: some(r, 4),
                    expression: some(r, 9).map(|e| expression::original(&e)),
                    // A spatial index names a length of its own making.
                    prefix_length: (text(r, 7) != "SPATIAL").then(|| number(r, 6) as u32).filter(|n| *n > 0),
                    descending: text(r, 5) == "D",
                    nulls_first: None,
                    operator_class: None,
                })
                .collect(),
            predicate: None,
            included: Vec::new(),
            comment: some(first, 8),
        };
        let plain = index.parts.iter().all(|p| p.column.is_some() && p.prefix_length.is_none() && !p.descending);
        let columns = || index.parts.iter().filter_map(|p| p.column.clone()).collect();
        if index.name == "PRIMARY" {
            table.primary_key = Some(Key { name: None, columns: columns() });
        } else if index.unique && plain {
            table.unique_keys.push(Key { name: Some(index.name.clone()), columns: columns() });
        } else {
            table.indexes.push(index);
        }
    }
    Ok(())
}

/// Foreign keys.
pub(super) fn add_foreign_keys(connection: &mut Connection, schemas: &[String], tables: &mut Tables) -> Result<()> {
    // Two plain queries: a join of these two is slow where the server builds them by opening every table.
    let rules = connection.table(&format!(
        "SELECT CONSTRAINT_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, UPDATE_RULE, DELETE_RULE \
         FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE {}",
        among("CONSTRAINT_SCHEMA", schemas)
    ))?;
    let rows = connection.table(&format!(
        "SELECT TABLE_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, COLUMN_NAME, REFERENCED_TABLE_SCHEMA, REFERENCED_TABLE_NAME, \
         REFERENCED_COLUMN_NAME FROM information_schema.KEY_COLUMN_USAGE \
         WHERE REFERENCED_TABLE_NAME IS NOT NULL AND {} \
         ORDER BY TABLE_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, ORDINAL_POSITION",
        among("TABLE_SCHEMA", schemas)
    ))?;
    for rows in rows.chunk_by(|a, b| a[..3] == b[..3]) {
        let first = &rows[0];
        let Some(table) = tables.get_mut(&table_key(first)) else { continue };
        let rule = rules.iter().find(|r| r[..3] == first[..3]);
        let word = |at| rule.map_or("", |r| text(r, at));
        table.foreign_keys.push(ForeignKey {
            name: some(first, 2),
            columns: rows.iter().map(|r| text(r, 3).to_owned()).collect(),
            referenced_schema: text(first, 4).to_owned(),
            referenced_table: text(first, 5).to_owned(),
            referenced_columns: rows.iter().map(|r| text(r, 6).to_owned()).collect(),
            on_update: action(word(3)),
            on_delete: action(word(4)),
            deferrable: false,
            initially_deferred: false,
        });
    }
    Ok(())
}

/// Checks, but for those that only make a JSON column.
pub(super) fn add_checks(
    connection: &mut Connection,
    schemas: &[String],
    json: &JsonColumns,
    tables: &mut Tables,
) -> Result<()> {
    let server = &connection.server;
    let sql = if server.maria && server.number >= (10, 2, 22) {
        // The check of a column carries the column's name.
        "SELECT CONSTRAINT_SCHEMA, TABLE_NAME, IF(LEVEL = 'Column', NULL, CONSTRAINT_NAME), CHECK_CLAUSE \
         FROM information_schema.CHECK_CONSTRAINTS WHERE "
    } else if !server.maria && server.number >= (8, 0, 16) {
        "SELECT c.CONSTRAINT_SCHEMA, t.TABLE_NAME, c.CONSTRAINT_NAME, c.CHECK_CLAUSE \
         FROM information_schema.CHECK_CONSTRAINTS c JOIN information_schema.TABLE_CONSTRAINTS t \
         USING (CONSTRAINT_SCHEMA, CONSTRAINT_NAME) WHERE t.CONSTRAINT_TYPE = 'CHECK' AND "
    } else {
        return Ok(());
    };
    let maria = server.maria;
    for row in connection.table(&format!("{sql}{} ORDER BY 1, 2, 3, 4", among("CONSTRAINT_SCHEMA", schemas)))? {
        let Some(table) = tables.get_mut(&table_key(&row)) else { continue };
        let clause = text(&row, 3);
        let only_json = json_check(clause)
            .is_some_and(|c| json.contains(&(text(&row, 0).to_owned(), text(&row, 1).to_owned(), c.to_owned())));
        if !only_json {
            let expression = if maria { clause.to_owned() } else { expression::original(clause) };
            table.checks.push(Check { name: some(&row, 2), expression });
        }
    }
    Ok(())
}
