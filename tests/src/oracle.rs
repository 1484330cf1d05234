//! Compares two databases outside the engine, value by value.
//!
//! A *system* is one end: a schema of PostgreSQL, a database of MariaDB, a SQLite file. Its *shape* is what it
//! says about its tables: columns, keys, indexes. A value's *canonical* text is the same for two values that
//! are equal, whichever systems they come from; the declared types of both columns say how to read them.
//!
//! Rows are read by psql, the mariadb client and SQLite's own library; no code is shared with the connectors.

mod canonical;
mod compare;
mod decimal;
mod identical;
mod json;
mod kind;
mod mariadb;
mod postgres;
mod sqlite;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::servers::{MariaDbDatabase, PostgresDatabase, SqliteFile};

pub use compare::{Differences, Rules, compare};
pub use identical::identical;
pub use kind::Kind;

/// One end of a comparison.
#[derive(Clone, Debug)]
pub enum System {
    /// A schema of a PostgreSQL database.
    Postgres(PostgresDatabase, String),
    /// A MariaDB database.
    MariaDb(MariaDbDatabase),
    /// A SQLite file.
    Sqlite(PathBuf),
}

impl From<PostgresDatabase> for System {
    fn from(database: PostgresDatabase) -> Self {
        Self::Postgres(database, "public".to_owned())
    }
}

impl From<&PostgresDatabase> for System {
    fn from(database: &PostgresDatabase) -> Self {
        database.clone().into()
    }
}

impl From<MariaDbDatabase> for System {
    fn from(database: MariaDbDatabase) -> Self {
        Self::MariaDb(database)
    }
}

impl From<&MariaDbDatabase> for System {
    fn from(database: &MariaDbDatabase) -> Self {
        database.clone().into()
    }
}

impl From<&Path> for System {
    fn from(file: &Path) -> Self {
        Self::Sqlite(file.to_owned())
    }
}

impl From<&SqliteFile> for System {
    fn from(file: &SqliteFile) -> Self {
        Self::Sqlite(file.path.clone())
    }
}

/// A value as its client gives it: text or bytes; `None` is NULL.
pub(crate) type Value = Option<Vec<u8>>;

/// Tables by name.
pub type Shape = BTreeMap<String, Table>;

/// What a system says of a table.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// In their order.
    pub columns: Vec<Column>,
    /// Columns of the primary key; empty without one.
    pub primary_key: Vec<String>,
    /// Columns of each unique constraint or plain unique index.
    pub uniques: BTreeSet<Vec<String>>,
    /// Columns of each other index; an expression stands as `(expression)`.
    pub indexes: BTreeSet<Vec<String>>,
    /// Foreign keys.
    pub foreign_keys: BTreeSet<ForeignKey>,
}

/// What a system says of a column.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type in the system's words.
    pub declared: String,
    /// How to read it.
    pub kind: Kind,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// Numbers itself: identity, serial, auto-increment.
    pub automatic: bool,
}

/// A foreign key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ForeignKey {
    /// Columns of this table.
    pub columns: Vec<String>,
    /// The other table.
    pub table: String,
    /// Its columns.
    pub referenced: Vec<String>,
    /// `CASCADE`, `SET NULL`, `SET DEFAULT`, or `NO ACTION` (which stands for RESTRICT too: MariaDB does not
    /// tell them apart).
    pub on_update: String,
    /// As `on_update`.
    pub on_delete: String,
}

impl System {
    /// All tables, but not those a migration keeps for itself.
    ///
    /// # Panics
    /// When the system does not answer.
    pub fn shape(&self) -> Shape {
        let mut shape = match self {
            Self::Postgres(database, schema) => postgres::shape(database, schema),
            Self::MariaDb(database) => mariadb::shape(database),
            Self::Sqlite(file) => sqlite::shape(file),
        };
        shape.retain(|table, _| !table.starts_with("sensei_"));
        shape
    }

    /// Everything in it that a migration made for itself: staging schemas, databases, prefixed tables.
    pub fn leftovers(&self) -> Vec<String> {
        match self {
            Self::Postgres(database, _) => postgres::leftovers(database),
            Self::MariaDb(database) => mariadb::leftovers(database),
            Self::Sqlite(file) => sqlite::leftovers(file),
        }
    }

    /// All rows of a table, columns in the table's order.
    fn rows(&self, name: &str, table: &Table) -> Vec<Vec<Value>> {
        match self {
            Self::Postgres(database, schema) => postgres::rows(database, schema, name, table),
            Self::MariaDb(database) => mariadb::rows(database, name, table),
            Self::Sqlite(file) => sqlite::rows(file, name, table),
        }
    }

    /// Where a new row would get a value for `column` that is not above all that are there, the reason.
    fn stuck(&self, table: &str, column: &str) -> Option<String> {
        match self {
            Self::Postgres(database, schema) => postgres::stuck(database, schema, table, column),
            Self::MariaDb(database) => mariadb::stuck(database, table, column),
            Self::Sqlite(file) => sqlite::stuck(file, table, column),
        }
    }
}

impl Table {
    fn column(&self, name: &str) -> Option<(usize, &Column)> {
        self.columns.iter().enumerate().find(|(_, column)| column.name == name)
    }
}

/// `NO ACTION` and `RESTRICT` are one.
fn action(text: &str) -> String {
    match text {
        "RESTRICT" | "r" | "a" => "NO ACTION".to_owned(),
        "c" => "CASCADE".to_owned(),
        "n" => "SET NULL".to_owned(),
        "d" => "SET DEFAULT".to_owned(),
        other => other.to_owned(),
    }
}
