//! A guest that connects to where its configuration does not lead.
//!
//! `host` and `port` are the endpoint it was granted; where it goes instead says `aim`. Its catalog is empty once it got
//! through, and the host's refusal when it did not.

use sensei_sdk::catalog::{Catalog, TableName};
use sensei_sdk::net::Stream;
use sensei_sdk::{
    Chunk, Connector, Description, Kind, NoReader, NoTarget, ReadRequest, Result, Roles, Snapshot, Source,
};
use serde::Deserialize;

const CONFIGURATION: &str = r#"{
    "type": "object",
    "additionalProperties": false,
    "required": ["host", "port"],
    "properties": {
        "host": {"type": "string", "x-sensei-url": "host", "x-sensei-grant": "host"},
        "port": {"type": "integer", "x-sensei-url": "port", "x-sensei-grant": "port"},
        "aim": {"type": "string", "default": "127.0.0.1"},
        "aim_port": {"type": "integer", "minimum": 0, "maximum": 65535, "default": 80},
        "connections": {"type": "integer", "minimum": 1, "default": 1}
    }
}"#;

/// The connector.
#[derive(Debug)]
pub struct Dialer;

impl Connector for Dialer {
    type Source = Session;
    type Target = NoTarget;

    fn describe() -> Description {
        Description {
            name: "dialer".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            summary: "Hostile: dials.".into(),
            roles: Roles::SOURCE,
            schemes: vec!["dialer".into()],
            configuration: CONFIGURATION.into(),
            identifier_bytes: 63,
            max_readers: None,
            max_writers: None,
            transactional_schema: false,
            has_schemas: true,
            sql: None,
        }
    }
}

/// A session that dials when it is asked for its catalog.
#[derive(Debug, Deserialize)]
pub struct Session {
    aim: String,
    aim_port: u16,
    /// How many connections it opens and keeps.
    connections: u32,
}

impl Session {
    fn unsupported<T>() -> Result<T> {
        Err(sensei_sdk::Error::new(Kind::Unsupported, "A hostile guest has no rows."))
    }
}

impl Source for Session {
    type Reader = NoReader;

    fn open(configuration: &str) -> Result<Self> {
        sensei_sdk::configuration(configuration)
    }

    fn catalog(&mut self, _: Vec<String>) -> Result<Catalog> {
        let mut kept = Vec::new();
        for _ in 0..self.connections {
            let mut stream = Stream::connect(&self.aim, self.aim_port)?;
            stream.send(b"hello\n")?;
            stream.flush_out()?;
            kept.push(stream);
        }
        Ok(Catalog {
            server: format!("{} connections", kept.len()),
            dialect: "dialer".into(),
            default_schema: "main".into(),
            schemas: Vec::new(),
            tables: Vec::new(),
            named_types: Vec::new(),
            objects: Vec::new(),
        })
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

sensei_sdk::export!(Dialer);
