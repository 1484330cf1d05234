//! A guest that imports files though its configuration names none: it must not even start.

use sensei_sdk::catalog::{Catalog, TableName};
use sensei_sdk::file::{File, Mode};
use sensei_sdk::{
    Chunk, Connector, Description, Kind, NoReader, NoTarget, ReadRequest, Result, Roles, Snapshot, Source,
};

/// The connector.
#[derive(Debug)]
pub struct Grabber;

impl Connector for Grabber {
    type Source = Session;
    type Target = NoTarget;

    fn describe() -> Description {
        Description {
            name: "grabber".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            summary: "Hostile: wants files.".into(),
            roles: Roles::SOURCE,
            schemes: vec!["grabber".into()],
            configuration: r#"{"type": "object", "additionalProperties": false, "properties": {}}"#.into(),
            identifier_bytes: 63,
            max_readers: None,
            max_writers: None,
            transactional_schema: false,
            has_schemas: true,
            sql: None,
        }
    }
}

/// A session; opening it would open a file.
#[derive(Debug)]
pub struct Session;

impl Session {
    fn unsupported<T>() -> Result<T> {
        Err(sensei_sdk::Error::new(Kind::Unsupported, "A hostile guest has no rows."))
    }
}

impl Source for Session {
    type Reader = NoReader;

    fn open(_: &str) -> Result<Self> {
        File::open("/etc/hostname", Mode::Read).map(|_| Self)
    }
    fn catalog(&mut self, _: Vec<String>) -> Result<Catalog> {
        Self::unsupported()
    }
    fn missing_rights(&mut self, _: Vec<String>) -> Result<Vec<String>> {
        Self::unsupported()
    }
    fn row_schema(&mut self, _: TableName, _: Vec<String>) -> Result<Vec<u8>> {
        Self::unsupported()
    }
    fn freeze(&mut self) -> Result<Snapshot> {
        Self::unsupported()
    }
    fn join(&mut self, _: &str) -> Result<()> {
        Self::unsupported()
    }
    fn thaw(&mut self) -> Result<()> {
        Self::unsupported()
    }
    fn split(&mut self, _: TableName, _: u64) -> Result<Vec<Chunk>> {
        Self::unsupported()
    }
    fn count(&mut self, _: TableName) -> Result<u64> {
        Self::unsupported()
    }
    fn read(&mut self, _: ReadRequest) -> Result<NoReader> {
        Self::unsupported()
    }
}

sensei_sdk::export!(Grabber);
