//! The source's own text of a table, used where it makes the very table that is wanted.
//!
//! Between files a table should stay as it was written, STRICT and WITHOUT ROWID included. But a plan may have renamed a
//! column or left out a key, so the text counts only if a table made by it and one made from the plan's description
//! are found to be the same, by reading both back.

use sensei_sdk::catalog::{Column, NamedTypeKind, Table};
use sensei_sdk::{Job, Result};

use crate::catalog::{self, DIALECT};
use crate::database::{Access, Database};
use crate::ddl;
use crate::declared::Declared;
use crate::render::{create_index, create_table};
use crate::sql::{identifier, text, unquoted};

/// A table's text and those of its indexes.
#[derive(Debug)]
pub(crate) struct Verbatim {
    table: String,
    /// By name.
    indexes: Vec<(String, String)>,
}

impl Verbatim {
    /// The text of a job's table, if there is one that makes this table.
    pub(crate) fn of(job: &Job, table: &Table) -> Option<Self> {
        if job.dialect != DIALECT {
            return None;
        }
        let name = &table.name.name;
        let given = job.named_types.iter().find(|t| t.kind == NamedTypeKind::Other && &t.name == name)?;
        let statements = ddl::statements(&given.definition);
        let (first, rest) = statements.split_first()?;
        let indexes = rest
            .iter()
            .map(|sql| ddl::index(sql).map(|index| (unquoted(&sql[index.name]), (*sql).to_owned())))
            .collect::<Option<Vec<_>>>()?;
        let verbatim = Self { table: (*first).to_owned(), indexes };
        let live = identifier(name);
        let described = std::iter::once(create_table(table, &live, true))
            .chain(table.indexes.iter().map(|index| create_index(index, &identifier(&index.name), &live)));
        let described = read_back(job, name, described).ok()?;
        let written = read_back(job, name, statements.iter().map(|s| (*s).to_owned())).ok()?;
        (described == written).then_some(verbatim)
    }

    /// The table's text under another name.
    pub(crate) fn create_table(&self, name: &str) -> String {
        match ddl::table_name(&self.table) {
            Some(at) => format!("{}{name}{}", &self.table[..at.start], &self.table[at.end..]),
            None => self.table.clone(),
        }
    }

    /// An index's text under another name, on another table.
    pub(crate) fn create_index(&self, index: &str, name: &str, table: &str) -> Option<String> {
        let sql = &self.indexes.iter().find(|(known, _)| known == index)?.1;
        let found = ddl::index(sql)?;
        let between = &sql[found.name.end..found.table.start];
        Some(format!("{}{name}{between}{table}{}", &sql[..found.name.start], &sql[found.table.end..]))
    }

    /// Puts the texts back after a rename wrote the names in quotes.
    pub(crate) fn restore(&self, table: &str) -> String {
        let one = |kind: &str, name: &str, sql: &str| {
            format!(
                "UPDATE sqlite_schema SET sql = {} WHERE type = '{kind}' AND name = {} AND tbl_name = {}",
                text(sql),
                text(name),
                text(table)
            )
        };
        let all: Vec<_> = std::iter::once(one("table", table, &self.table))
            .chain(self.indexes.iter().map(|(name, sql)| one("index", name, sql)))
            .collect();
        format!("PRAGMA writable_schema = ON; {}; PRAGMA writable_schema = RESET", all.join("; "))
    }
}

/// The table that statements make, without what does not count: the order of keys, hints, and what a key's columns say
/// about NULL (which may come from looking at the rows).
fn read_back(job: &Job, name: &str, statements: impl Iterator<Item = String>) -> Result<(Table, Vec<String>)> {
    let database = Database::open(":memory:", Access::Create, 0)?;
    statements.into_iter().try_for_each(|sql| database.execute(&sql))?;
    let mut table = catalog::shape(&database, name, None)?.table;
    let key: Vec<_> = table.primary_key.iter().flat_map(|k| k.columns.clone()).collect();
    for column in &mut table.columns {
        let Column { name, native_type, nullable, .. } = column;
        let declared = Declared::parse(native_type);
        *native_type = format!("{} {:?}", declared.words, declared.arguments);
        *nullable = *nullable && !key.contains(name);
    }
    // A key that names no columns means the parent's primary key, which is not there to be asked.
    let mut rest: Vec<String> = Vec::new();
    for mut foreign in std::mem::take(&mut table.foreign_keys) {
        if foreign.referenced_columns.is_empty() {
            let parent = job.tables.iter().find(|t| t.name.name == foreign.referenced_table);
            let key = parent.and_then(|t| t.primary_key.as_ref());
            foreign.referenced_columns = key.map(|k| k.columns.clone()).unwrap_or_default();
        }
        rest.push(format!("{foreign:?}"));
    }
    rest.extend(std::mem::take(&mut table.unique_keys).iter().map(|k| format!("{k:?}")));
    rest.extend(std::mem::take(&mut table.checks).iter().map(|k| format!("{k:?}")));
    rest.extend(std::mem::take(&mut table.indexes).iter().map(|k| format!("{k:?}")));
    rest.sort();
    Ok((table, rest))
}
