//! A guest that opens files that its configuration does not name.
//!
//! `file` is what it was granted; what it goes for instead says `aim`, and in which way `attack`. Its catalog is empty
//! once it got through, and the host's refusal when it did not.

use sensei_sdk::catalog::{Catalog, TableName};
use sensei_sdk::file::{self, File, Mode};
use sensei_sdk::{
    Chunk, Connector, Description, Kind, NoReader, NoTarget, ReadRequest, Result, Roles, Snapshot, Source,
};
use serde::Deserialize;

const CONFIGURATION: &str = r#"{
    "type": "object",
    "additionalProperties": false,
    "required": ["file", "aim"],
    "properties": {
        "file": {"type": "string", "x-sensei-url": "path", "x-sensei-grant": "file"},
        "aim": {"type": "string"},
        "attack": {"enum": ["read", "write", "create", "exists", "remove", "hoard"], "default": "read"}
    }
}"#;

/// The connector.
#[derive(Debug)]
pub struct Peeker;

impl Connector for Peeker {
    type Source = Session;
    type Target = NoTarget;

    fn describe() -> Description {
        Description {
            name: "peeker".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            summary: "Hostile: peeks.".into(),
            roles: Roles::SOURCE,
            schemes: vec!["peeker".into()],
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

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Attack {
    Read,
    Write,
    Create,
    Exists,
    Remove,
    Hoard,
}

/// A session that goes for a file when it is asked for its catalog.
#[derive(Debug, Deserialize)]
pub struct Session {
    aim: String,
    attack: Attack,
}

impl Session {
    /// What it learnt.
    fn attack(&self) -> Result<String> {
        let aim = &self.aim;
        match self.attack {
            Attack::Read => {
                let bytes = File::open(aim, Mode::Read)?.read_at(0, u32::MAX)?;
                Ok(format!("{} bytes", bytes.len()))
            }
            Attack::Write => {
                File::open(aim, Mode::Write)?.write_at(0, b"owned")?;
                Ok("written".into())
            }
            Attack::Create => {
                File::open(aim, Mode::Create)?.sync()?;
                Ok("created".into())
            }
            Attack::Exists => Ok(format!("exists: {}", file::exists(aim)?)),
            Attack::Remove => file::remove(aim).map(|()| "removed".into()),
            Attack::Hoard => {
                let mut kept = Vec::new();
                loop {
                    kept.push(File::open(aim, Mode::Read)?);
                }
            }
        }
    }

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
        Ok(Catalog {
            server: self.attack()?,
            dialect: "peeker".into(),
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

sensei_sdk::export!(Peeker);
