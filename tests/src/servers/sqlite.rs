//! SQLite files.

use std::path::PathBuf;

use rusqlite::Connection;
use tempfile::TempDir;

/// A SQLite file in a directory of its own, removed with the value.
#[derive(Debug)]
pub struct SqliteFile {
    /// Where it is. It exists once something was written.
    pub path: PathBuf,
    /// How a migration names it.
    pub url: String,
    _directory: TempDir,
}

impl SqliteFile {
    /// A name for a file that does not exist yet.
    ///
    /// # Panics
    /// When no temporary directory can be had.
    pub fn fresh() -> Self {
        let directory = tempfile::Builder::new().prefix("sensei-sqlite-").tempdir().expect("a temporary directory");
        let path = directory.path().join("test.db");
        Self { url: format!("sqlite:{}", path.display()), path, _directory: directory }
    }

    /// Runs statements.
    ///
    /// # Panics
    /// With SQLite's message when one fails.
    pub fn sql(&self, text: &str) {
        let connection = Connection::open(&self.path).expect("a file");
        connection.execute_batch(text).unwrap_or_else(|error| panic!("{error}"));
    }

    /// The single value of a SELECT, as text.
    ///
    /// # Panics
    /// When it gives none.
    pub fn value(&self, select: &str) -> String {
        let connection = Connection::open(&self.path).expect("a file");
        let select = format!("select cast(({select}) as text)");
        connection.query_row(&select, (), |row| row.get(0)).unwrap_or_else(|error| panic!("{select}: {error}"))
    }
}
