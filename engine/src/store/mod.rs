//! What a server remembers: migrations, plans, decisions, events, connections, keys, webhooks and what is to be sent.
//!
//! The only place that names sqlx. State lives in SQLite (WAL; one server) or PostgreSQL (several servers); both
//! understand every statement here. A change of a migration's state is one transaction: the record by
//! compare-and-set, its events, its notifications ([`Store::save`]).

mod connections;
mod decisions;
mod events;
mod file;
mod idempotency;
mod keys;
mod leases;
mod metrics;
mod migrations;
mod outbox;
mod plans;
mod webhooks;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions, AnyRow};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Any, AnyPool, ConnectOptions, Executor, Row, Transaction};

pub use connections::StoredConnection;
pub use decisions::{MappingDecision, StoredDecision};
pub use events::{EventKind, EventQuery, NewEvent, StoredEvent};
pub use idempotency::{Answer, Claim, Hold};
pub use keys::{ApiKey, Scope};
pub use metrics::Sample;
pub use migrations::{ListQuery, Listed, Order, Sort};
pub use outbox::{Due, NewMail, Route};
pub use webhooks::{Delivery, Webhook};

use crate::error::{Code, Error, Result};

/// Where state lives when nobody says: a file in the working directory.
pub const DEFAULT_URL: &str = "sqlite:sensei.db";
/// Connections to the store at the same time. 8: statements take about a millisecond, and a shared PostgreSQL has other guests.
const CONNECTIONS: u32 = 8;
/// How long a request waits for one of them, or for another process that writes the same file.
const PATIENCE: Duration = Duration::from_secs(10);

/// The store of one server. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pool: AnyPool,
    /// How a transaction that will write begins.
    begin: &'static str,
    /// Several servers may share it.
    shared: bool,
}

impl Store {
    /// Opens the store that `url` names (`sqlite:path`, `postgres://...`) and brings its schema up to date.
    ///
    /// # Errors
    /// `store` says what is wrong with the URL, or with what it leads to; `system` when its file cannot be made.
    pub async fn open(url: &str) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let (url, file) = match url.split_once(':') {
            Some(("sqlite", path)) if path.contains('?') => (Cow::Borrowed(url), true),
            // The file is made if it is not there.
            Some(("sqlite", _)) => (Cow::Owned(format!("{url}?mode=rwc")), true),
            Some(("postgres" | "postgresql", _)) => (Cow::Borrowed(url), false),
            Some(_) | None => {
                return Err(Error::new(
                    Code::Store,
                    "The URL of the state names no store Sensei knows. Write `sqlite:file.db` or `postgres://user:password@host/database`.",
                ));
            }
        };
        let options: AnyConnectOptions = url.parse().map_err(|e| failed("read the URL of the state", &e))?;
        let options = options.disable_statement_logging();
        if file && Self::folder_of(&url).is_some() && url.contains("mode=rwc") {
            // As sqlx reads the URL: what is made must be what is opened.
            let read = SqliteConnectOptions::try_from(&options).map_err(|e| failed("read the URL of the state", &e))?;
            file::make(read.get_filename())?;
        }
        let mut pool = AnyPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(PATIENCE);
        if file {
            pool = pool.after_connect(|connection, _| {
                Box::pin(async move {
                    // A change of state is durable when its transaction is: FULL, not NORMAL.
                    let pragmas = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 10000;";
                    connection.execute(pragmas).await.map(|_| ())
                })
            });
        }
        let pool = pool.connect_with(options).await.map_err(|e| failed("open the state", &e))?;
        let store = Self { pool, begin: if file { "BEGIN IMMEDIATE" } else { "BEGIN" }, shared: !file };
        store.migrate().await?;
        Ok(store)
    }

    /// The folder that the state of this URL lies in; none for one that is no file of this machine.
    #[must_use]
    pub fn folder_of(url: &str) -> Option<PathBuf> {
        let (scheme, path) = url.split_once(':')?;
        let path = path.split('?').next().filter(|path| scheme == "sqlite" && !path.starts_with(':'))?;
        let folder = Path::new(path.strip_prefix("//").unwrap_or(path)).parent()?;
        Some(if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.to_owned() })
    }

    /// Whether other servers may be at work on the same state.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.shared
    }

    /// Whether the store answers.
    ///
    /// # Errors
    /// `store` if not.
    pub async fn ping(&self) -> Result<()> {
        sqlx::query("SELECT 1").fetch_one(&self.pool).await.map_err(|e| failed("reach the state", &e))?;
        Ok(())
    }

    async fn migrate(&self) -> Result<()> {
        let steps =
            [(1, "state", include_str!("schema/0001_state.sql")), (2, "holds", include_str!("schema/0002_holds.sql"))];
        let steps = steps.map(|(version, description, sql)| {
            let sql = sqlx::SqlSafeStr::into_sql_str(sql);
            Migration::new(version, description.into(), MigrationType::Simple, sql, false)
        });
        let migrator = Migrator { migrations: steps.to_vec().into(), ..Migrator::DEFAULT };
        migrator.run(&self.pool).await.map_err(|e| {
            Error::new(
                Code::Store,
                format!(
                    "Sensei could not bring the state up to date: {e}. Another version of Sensei may have made it."
                ),
            )
        })
    }

    /// A transaction that writes.
    async fn transaction(&self) -> Result<Transaction<'static, Any>> {
        self.pool.begin_with(self.begin).await.map_err(|e| failed("begin a change of state", &e))
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("shared", &self.shared).finish_non_exhaustive()
    }
}

async fn commit(transaction: Transaction<'static, Any>) -> Result<()> {
    transaction.commit().await.map_err(|e| failed("commit a change of state", &e))
}

/// The store refused something. Its URL, which may hold a password, is in no message of sqlx's.
fn failed(doing: &str, e: &sqlx::Error) -> Error {
    Error::new(Code::Store, format!("Sensei could not {doing}: {e}."))
}

fn json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|e| Error::new(Code::Store, format!("Something cannot be written as JSON: {e}.")))
}

fn from_json<T: DeserializeOwned>(what: &str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|e| {
        Error::new(
            Code::Store,
            format!("The {what} in the state cannot be read: {e}. Another version of Sensei may have written it."),
        )
    })
}

fn get<'r, T>(row: &'r AnyRow, column: &'static str) -> Result<T>
where
    T: sqlx::Decode<'r, Any> + sqlx::Type<Any>,
{
    row.try_get(column).map_err(|e| failed("read a row of the state", &e))
}

fn instant(row: &AnyRow, column: &'static str) -> Result<Timestamp> {
    get::<i64>(row, column).map(at)
}

fn instant_if(row: &AnyRow, column: &'static str) -> Result<Option<Timestamp>> {
    Ok(get::<Option<i64>>(row, column)?.map(at))
}

/// Microseconds as the store writes them; what no clock shows becomes the beginning of time.
fn at(microseconds: i64) -> Timestamp {
    Timestamp::from_microsecond(microseconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// `length` characters of `[a-z0-9]` after the prefix: `mig_8fk2...`. 36^16 is more than 80 bits.
///
/// # Errors
/// `system` if the machine has no randomness.
pub fn fresh_id(prefix: &str) -> Result<String> {
    const LENGTH: usize = 16;
    const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut bytes = [0_u8; LENGTH];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes)
        .map_err(|_| Error::new(Code::System, "This machine gives no random numbers."))?;
    Ok(format!("{prefix}_{}", bytes.map(|b| char::from(ALPHABET[usize::from(b) % 36])).iter().collect::<String>()))
}
