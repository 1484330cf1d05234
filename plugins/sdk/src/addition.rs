//! Rows that are added to tables which the target has already.

use crate::Job;
use crate::catalog::{ForeignKey, Key, Table, TableName};

impl Job {
    /// Whether the rows of this table are added to a live one.
    #[must_use]
    pub fn adds_to(&self, table: &TableName) -> bool {
        self.additions.iter().any(|addition| addition.table == *table)
    }

    /// The staged tables whose rows are added, in the order of the additions.
    pub fn added(&self) -> impl Iterator<Item = &Table> {
        self.additions.iter().filter_map(|addition| self.tables.iter().find(|table| table.name == addition.table))
    }

    /// References of rows that are added, each with its table: those whose columns all get values.
    pub fn added_references(&self) -> impl Iterator<Item = (&Table, &ForeignKey)> {
        self.additions.iter().flat_map(|addition| {
            let staged = self.tables.iter().find(|table| table.name == addition.table);
            staged.into_iter().flat_map(|table| {
                let is_held = |name: &String| table.columns.iter().any(|column| column.name == *name);
                let is_filled = move |key: &&ForeignKey| key.columns.iter().all(is_held);
                addition.foreign_keys.iter().filter(is_filled).map(move |key| (table, key))
            })
        })
    }

    /// The tables that the cutover puts into their place.
    pub fn made(&self) -> impl DoubleEndedIterator<Item = &Table> {
        self.tables.iter().filter(|table| !self.adds_to(&table.name))
    }
}

/// What tells the rows of a table apart: its primary key, or a unique one without NULL.
#[must_use]
pub fn row_key(table: &Table) -> Option<&Key> {
    let never_null = |key: &&Key| {
        key.columns.iter().all(|name| table.columns.iter().any(|column| column.name == *name && !column.nullable))
    };
    table.primary_key.as_ref().or_else(|| table.unique_keys.iter().find(never_null))
}
