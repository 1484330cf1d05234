//! One database of any system.

use super::{MariaDbDatabase, PostgresDatabase, SqliteFile, mariadb, postgres};

/// Where a migration goes.
#[derive(Debug)]
pub enum Target {
    /// A database of [`postgres`].
    Postgres(PostgresDatabase),
    /// A database of [`mariadb`].
    MariaDb(MariaDbDatabase),
    /// A file.
    Sqlite(SqliteFile),
}

impl Target {
    /// An empty one of each system.
    #[must_use]
    pub fn one_of_each() -> [Self; 3] {
        [
            Self::Postgres(postgres().fresh_database()),
            Self::MariaDb(mariadb().fresh_database()),
            Self::Sqlite(SqliteFile::fresh()),
        ]
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> &str {
        match self {
            Self::Postgres(database) => &database.url,
            Self::MariaDb(database) => &database.url,
            Self::Sqlite(file) => &file.url,
        }
    }

    /// Executes statements by the system's own client.
    pub fn sql(&self, text: &str) {
        match self {
            Self::Postgres(database) => database.sql(text),
            Self::MariaDb(database) => database.sql(text),
            Self::Sqlite(file) => file.sql(text),
        }
    }

    /// The one value of a query.
    #[must_use]
    pub fn value(&self, select: &str) -> String {
        match self {
            Self::Postgres(database) => database.value(select),
            Self::MariaDb(database) => database.value(select),
            Self::Sqlite(file) => file.value(select),
        }
    }
}
