//! Servers that tests start themselves.
//!
//! [`postgres`] and [`mariadb`] give one server of a kind for the whole test process; a test that stops or kills
//! a server starts its own with [`Postgres::start`] or [`MariaDb::start`].

mod certificates;
mod mariadb;
mod postgres;
mod process;
mod sqlite;
mod target;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

pub use certificates::Certificates;
pub use mariadb::{MariaDb, MariaDbDatabase};
pub use postgres::{Postgres, PostgresDatabase};
pub use sqlite::SqliteFile;
pub use target::Target;

/// Name of the role that owns what tests make. It is no superuser.
pub const USER: &str = "sensei";
/// Its password. Characters that a URL must escape are in it on purpose; no output may ever contain it.
pub const PASSWORD: &str = "scr4m/p@ss:w%rd";
/// [`PASSWORD`] as it stands in a URL.
pub const PASSWORD_IN_URL: &str = "scr4m%2Fp%40ss%3Aw%25rd";

/// A row as text, as a client prints it; `None` is NULL.
pub type Row = Vec<Option<String>>;

/// The PostgreSQL of this test process.
pub fn postgres() -> &'static Postgres {
    static SERVER: OnceLock<Postgres> = OnceLock::new();
    SERVER.get_or_init(Postgres::start)
}

/// The MariaDB of this test process.
pub fn mariadb() -> &'static MariaDb {
    static SERVER: OnceLock<MariaDb> = OnceLock::new();
    SERVER.get_or_init(MariaDb::start)
}

/// A name that no other test of this process uses.
fn fresh_name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("t{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}
