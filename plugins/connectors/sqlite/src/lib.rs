//! Sensei connector for SQLite files: source and target.
//!
//! A **file** is one database with one schema, `main`. As a source, the types of its columns are those that every
//! value keeps ([`facts`]), for SQLite stores what it is given; as a target, each neutral type has a declared name that
//! reads back as the same type and whose affinity changes no value ([`rules`]). SQLite itself is the amalgamation, compiled
//! into the guest, over a file system of granted files ([`vfs`]).
//!
//! Limits of its own: one writer at a time (SQLite locks the whole file), a file in WAL mode is read and not written,
//! and a WITHOUT ROWID table is read as one chunk.

mod append;
mod catalog;
mod claim;
mod configuration;
mod database;
mod ddl;
mod declared;
mod decode;
mod error;
mod facts;
mod ffi;
mod interval;
mod ledger;
#[cfg(test)]
mod migration_tests;
mod number;
mod profile;
mod propose;
mod rehearse;
mod render;
mod repair;
mod rights;
mod rules;
mod source;
mod sql;
mod staging;
mod target;
mod temporal;
mod uuid;
mod verbatim;
mod view;
// Unit tests outside a guest use SQLite's own file system and only a part of this one.
#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
mod vfs;
mod words;

use sensei_sdk::{Connector, Description, Roles};

/// SQLite's names have no limit but that of a statement; this is far beyond what any person writes.
const IDENTIFIER_BYTES: u32 = 1024;

/// The connector.
#[derive(Debug)]
struct Sqlite;

impl Connector for Sqlite {
    type Source = source::FileSource;
    type Target = target::FileTarget;

    fn describe() -> Description {
        Description {
            name: "sqlite".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "SQLite 3 database files".to_owned(),
            roles: Roles::SOURCE | Roles::TARGET,
            schemes: vec!["sqlite".to_owned(), "sqlite3".to_owned()],
            configuration: configuration::SCHEMA.to_owned(),
            identifier_bytes: IDENTIFIER_BYTES,
            max_readers: None,
            max_writers: Some(1),
            transactional_schema: true,
            has_schemas: false,
            sql: Some(words::words()),
        }
    }
}

sensei_sdk::export!(Sqlite);
