//! MySQL 8 and MariaDB, source and target, as a Sensei plugin.
//!
//! The nouns: a [`connection`] speaks the protocol over the host's stream; the [`catalog`] turns
//! `information_schema` into neutral tables; the [`source`] divides tables by key ranges and decodes rows of the binary
//! protocol straight into Arrow; the [`target`] proposes, renders, keeps the ledger and loads chunks.
//!
//! A schema is what these servers call a database. Both systems are one dialect, `mysql`.

mod catalog;
mod configuration;
mod connection;
mod error;
mod grants;
mod rights;
mod source;
mod target;
mod words;

use sensei_sdk::{Description, Roles};

/// Longest identifier, in characters; what the contract counts are bytes, and most names are ASCII.
const IDENTIFIER: u32 = 64;

/// The connector.
#[derive(Debug)]
struct MySql;

impl sensei_sdk::Connector for MySql {
    type Source = source::Source;
    type Target = target::Target;

    fn describe() -> Description {
        Description {
            name: "mysql".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "MySQL 8 and MariaDB".to_owned(),
            roles: Roles::SOURCE | Roles::TARGET,
            schemes: vec!["mysql".to_owned(), "mariadb".to_owned()],
            configuration: configuration::SCHEMA.to_owned(),
            identifier_bytes: IDENTIFIER,
            max_readers: None,
            max_writers: None,
            transactional_schema: false,
            has_schemas: true,
            sql: Some(words::words()),
        }
    }
}

sensei_sdk::export!(MySql);
