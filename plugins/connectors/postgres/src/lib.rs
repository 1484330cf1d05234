//! PostgreSQL as a source and as a target.
//!
//! Three nouns: a [`connection`] speaks the protocol, one statement at a time; the [`catalog`] says in neutral words
//! what a database holds; a **value** crosses between PostgreSQL's binary form and Arrow without a float or a text in
//! between. The source reads chunks by binary COPY, the target writes them by binary COPY, each chunk in one
//! transaction with its row in the ledger.

mod catalog;
mod configuration;
mod connection;
mod error;
mod rights;
mod settings;
mod source;
mod sql;
mod target;
mod value;
mod words;

use sensei_sdk::{Connector, Description, Roles};

pub use source::{CopyReader, PostgresSource};
pub use target::{CopyWriter, PostgresTarget};

/// The connector.
#[derive(Debug)]
pub struct Postgres;

impl Connector for Postgres {
    type Source = PostgresSource;
    type Target = PostgresTarget;

    fn describe() -> Description {
        Description {
            name: "postgres".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "PostgreSQL 10 and later, and what speaks its protocol and keeps its catalog.".to_owned(),
            roles: Roles::SOURCE | Roles::TARGET,
            schemes: vec!["postgresql".to_owned(), "postgres".to_owned()],
            configuration: configuration::SCHEMA.to_owned(),
            identifier_bytes: sql::IDENTIFIER_BYTES as u32,
            max_readers: None,
            max_writers: None,
            transactional_schema: true,
            has_schemas: true,
            sql: Some(words::words()),
        }
    }
}

sensei_sdk::export!(Postgres);
