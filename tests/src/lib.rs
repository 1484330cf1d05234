//! What whole-system tests stand on.
//!
//! - A *server* is a real PostgreSQL or MariaDB that this process starts from installed binaries, on a free
//!   port of 127.0.0.1, in a temporary directory. It ends with the process, whichever way the process ends.
//! - A *database* is one database of such a server, or one SQLite file: the two ends of a migration.
//! - The *oracle* reads two databases through clients that share nothing with Sensei and says where they differ.
//! - The *product* is the `sensei` command line, run as a person would run it.
//! - The *API* is `sensei serve` with a client that shares nothing with it.
//! - The *proxy* stands between the product and a server and can slow, hold or cut what passes.
//!
//! ```no_run
//! use sensei_tests::{oracle, product, servers};
//!
//! let source = servers::mariadb().fresh_database();
//! source.sql("create table t (a int primary key); insert into t values (1)");
//! let target = servers::postgres().fresh_database();
//! product::migrate(&source.url, &target.url, &[]).succeeded();
//! oracle::compare(&source.into(), &target.into(), &oracle::Rules::across()).assert_equal();
//! ```

pub mod api;
pub mod fuzz;
pub mod oracle;
pub mod product;
pub mod proxy;
pub mod queries;
pub mod samples;
pub mod servers;
pub mod trial;
pub mod vocabulary;
