//! Keys and indexes of a table: `index_list`, `index_xinfo`, `foreign_key_list`.

use std::rc::Rc;

use sensei_sdk::Result;
use sensei_sdk::catalog::{Action, ForeignKey, Index, IndexPart, Key};

use super::SCHEMA;
use crate::database::Database;
use crate::ddl::{self, TableText};
use crate::sql::{self, text};

/// What hangs on a table's columns.
pub(super) struct Keys {
    /// The primary key has an index of its own (or is the table): it is not the rowid.
    pub(super) primary_has_index: bool,
    pub(super) uniques: Vec<Key>,
    pub(super) indexes: Vec<Index>,
    pub(super) foreign: Vec<ForeignKey>,
}

/// Words of `foreign_key_list`.
const ACTIONS: &[(&str, Action)] = &[
    ("NO ACTION", Action::NoAction),
    ("RESTRICT", Action::Restrict),
    ("CASCADE", Action::Cascade),
    ("SET NULL", Action::SetNull),
    ("SET DEFAULT", Action::SetDefault),
];

pub(super) fn read(database: &Rc<Database>, table: &str, written: &TableText) -> Result<Keys> {
    let mut keys = Keys {
        primary_has_index: false,
        uniques: Vec::new(),
        indexes: Vec::new(),
        foreign: foreign(database, table, written)?,
    };
    let query = format!(
        "SELECT l.name, l.\"unique\", l.origin, s.sql FROM pragma_index_list({}) l LEFT JOIN sqlite_schema s ON s.type = 'index' AND s.name = l.name ORDER BY l.seq DESC",
        text(table)
    );
    let mut rows = database.prepare(&query)?;
    while rows.step()? {
        let (name, unique) = (rows.text(0).unwrap_or_default(), rows.integer(1) != 0);
        let parts = parts(database, &name, rows.text(3).as_deref(), written)?;
        match rows.text(2).as_deref() {
            Some("pk") => keys.primary_has_index = true,
            Some("u") => {
                let columns: Vec<_> = parts.0.into_iter().filter_map(|part| part.column).collect();
                let named = written.uniques.iter().find(|(_, of)| same(of, &columns)).map(|(name, _)| name.clone());
                keys.uniques.push(Key { name: named, columns });
            }
            _ => keys.indexes.push(Index {
                name,
                unique,
                method: "btree".to_owned(),
                parts: parts.0,
                predicate: parts.1,
                included: Vec::new(),
                comment: None,
            }),
        }
    }
    Ok(keys)
}

fn same(one: &[String], other: &[String]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(a, b)| a.eq_ignore_ascii_case(b))
}

/// The parts and the condition of an index.
fn parts(
    database: &Rc<Database>,
    index: &str,
    definition: Option<&str>,
    written: &TableText,
) -> Result<(Vec<IndexPart>, Option<String>)> {
    let in_text = definition.and_then(ddl::index);
    let query =
        format!("SELECT cid, name, \"desc\", coll FROM pragma_index_xinfo({}) WHERE key ORDER BY seqno", text(index));
    let mut rows = database.prepare(&query)?;
    let mut parts = Vec::new();
    while rows.step()? {
        let column = rows.text(1);
        let expression =
            (rows.integer(0) == -2).then(|| in_text.as_ref().and_then(|t| t.parts.get(parts.len()).cloned())).flatten();
        let own =
            written.columns.iter().find(|c| Some(&c.name) == column.as_ref()).and_then(|c| c.collation.as_deref());
        let collation = rows.text(3).filter(|c| !c.eq_ignore_ascii_case(own.unwrap_or("BINARY")));
        parts.push(IndexPart {
            column,
            expression,
            prefix_length: None,
            descending: rows.integer(2) != 0,
            nulls_first: None,
            operator_class: collation,
        });
    }
    Ok((parts, in_text.and_then(|t| t.predicate)))
}

fn foreign(database: &Rc<Database>, table: &str, written: &TableText) -> Result<Vec<ForeignKey>> {
    let query = format!(
        "SELECT id, \"table\", \"from\", \"to\", on_update, on_delete FROM pragma_foreign_key_list({}) ORDER BY id DESC, seq",
        text(table)
    );
    let mut rows = database.prepare(&query)?;
    let mut all: Vec<ForeignKey> = Vec::new();
    let mut last = None;
    while rows.step()? {
        let (id, parent) = (rows.integer(0), rows.text(1).unwrap_or_default());
        if last != Some(id) {
            last = Some(id);
            // Ids count from the last one in the text, which this order turns round.
            let text = written.foreign.get(all.len()).cloned().unwrap_or_default();
            let action = |at: usize| {
                let word = rows.text(at).unwrap_or_default();
                ACTIONS.iter().find(|(text, _)| *text == word).map_or(Action::NoAction, |(_, action)| *action)
            };
            all.push(ForeignKey {
                name: text.name,
                columns: Vec::new(),
                referenced_schema: SCHEMA.to_owned(),
                referenced_table: real_name(database, &parent)?,
                referenced_columns: Vec::new(),
                on_update: action(4),
                on_delete: action(5),
                deferrable: text.deferrable,
                initially_deferred: text.initially_deferred,
            });
        }
        if let Some(key) = all.last_mut() {
            key.columns.push(rows.text(2).unwrap_or_default());
            key.referenced_columns.extend(rows.text(3));
        }
    }
    for key in &mut all {
        if key.referenced_columns.is_empty() {
            key.referenced_columns = primary_key(database, &key.referenced_table)?;
        }
    }
    Ok(all)
}

/// A table's name as it is written where it was made: a reference may spell it in other letters.
fn real_name(database: &Rc<Database>, name: &str) -> Result<String> {
    let query = format!("SELECT name FROM sqlite_schema WHERE type = 'table' AND name = {} COLLATE NOCASE", text(name));
    let mut rows = database.prepare(&query)?;
    Ok(if rows.step()? { rows.text(0).unwrap_or_default() } else { name.to_owned() })
}

/// What a foreign key without columns refers to.
fn primary_key(database: &Rc<Database>, table: &str) -> Result<Vec<String>> {
    let query = format!("SELECT name FROM pragma_table_info({}) WHERE pk > 0 ORDER BY pk", sql::text(table));
    let mut rows = database.prepare(&query)?;
    let mut columns = Vec::new();
    while rows.step()? {
        columns.push(rows.text(0).unwrap_or_default());
    }
    Ok(columns)
}
