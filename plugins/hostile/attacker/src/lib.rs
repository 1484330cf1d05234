//! A guest that attacks the host with what every guest has: time, memory, stack, log, and its own answers.
//!
//! `attacker:spin` and so on; the host's test names each of them. What attacks time and the like does so in `catalog`,
//! [`lies`] are told by `row_schema` and readers.

mod lies;

use sensei_sdk::catalog::{Catalog, TableName};
use sensei_sdk::host::{self, Level};
use sensei_sdk::{
    Batch, Chunk, Connector, Description, Error, Kind, NoTarget, ReadRequest, Reader, Result, Roles, Snapshot, Source,
};
use serde::Deserialize;

const CONFIGURATION: &str = r#"{
    "type": "object",
    "additionalProperties": false,
    "required": ["attack"],
    "properties": {"attack": {"type": "string", "x-sensei-url": "path"}}
}"#;

/// The connector.
#[derive(Debug)]
pub struct Attacker;

impl Connector for Attacker {
    type Source = Session;
    type Target = NoTarget;

    fn describe() -> Description {
        Description {
            name: "attacker".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            summary: "Hostile: attacks.".into(),
            roles: Roles::SOURCE,
            schemes: vec!["attacker".into()],
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

/// A session that attacks when it is asked for its catalog or for rows.
#[derive(Debug, Deserialize)]
pub struct Session {
    attack: String,
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.attack == "spin-goodbye" {
            spin(|_| {});
        }
    }
}

/// Never ends, and the compiler cannot know.
fn spin(mut each: impl FnMut(u64)) -> ! {
    let mut turn = 0_u64;
    loop {
        each(std::hint::black_box(turn));
        turn = turn.wrapping_add(1);
    }
}

/// Goes deeper without end and keeps everything in registers: it is the host's stack that grows.
#[inline(never)]
fn recurse(depth: u64) -> u64 {
    // What comes back is turned, so that no compiler makes a loop of it.
    if depth == u64::MAX { 0 } else { recurse(depth + 1).rotate_left(7) ^ depth }
}

/// As [`recurse`], with frames in the guest's own memory, whose stack ends first.
#[inline(never)]
fn recurse_wide(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 64]);
    if frame[0] == u64::MAX { 0 } else { recurse_wide(depth + 1) + frame[1] }
}

/// Takes memory until there is none.
fn allocate() -> ! {
    let mut kept: Vec<Vec<u8>> = Vec::new();
    spin(|_| {
        let mut more = Vec::with_capacity(1 << 20);
        more.push(std::hint::black_box(1));
        kept.push(more);
    })
}

/// Names that all are the same megabyte of memory: the host would copy each of them.
fn amplify() -> Vec<String> {
    const NAMES: usize = 100_000;
    let text = "x".repeat(1 << 20).leak();
    // SAFETY: it is none. Each of them believes to own the text; freeing one would break this guest, and only this guest.
    (0..NAMES).map(|_| unsafe { String::from_raw_parts(text.as_mut_ptr(), text.len(), text.len()) }).collect()
}

impl Session {
    fn attack(&self) -> Result<Catalog> {
        let mut catalog = Catalog {
            server: String::new(),
            dialect: "attacker".into(),
            default_schema: "main".into(),
            schemas: Vec::new(),
            tables: Vec::new(),
            named_types: Vec::new(),
            objects: Vec::new(),
        };
        match self.attack.as_str() {
            "none" => {}
            "refuse" => return Err(Error::new(Kind::Unauthorized, "The guest says no.")),
            "spin" => spin(|_| {}),
            // Calls that come back at once must not count as work.
            "spin-clock" => spin(|_| assert_ne!(host::now_nanos(), 0)),
            "spin-random" => spin(|_| drop(std::hint::black_box(host::random_bytes(16)))),
            "spin-log" => spin(|turn| host::log(Level::Info, &format!("turn {turn}"))),
            "allocate" => allocate(),
            "recurse" => catalog.server = recurse(std::hint::black_box(0)).to_string(),
            "recurse-wide" => catalog.server = recurse_wide(0).to_string(),
            "trap" => panic!("as asked"),
            "divide" => {
                let zero = std::hint::black_box(0_i64);
                catalog.server = std::hint::black_box(7_i64).wrapping_div(zero).to_string();
            }
            "flood" => (0..100_000).for_each(|line| host::log(Level::Info, &format!("line {line}"))),
            "long-line" => host::log(Level::Warning, &"é".repeat(1 << 20)),
            "hoard-random" => catalog.server = host::random_bytes(1 << 30).len().to_string(),
            "amplify" => catalog.schemas = amplify(),
            other => return Err(Error::new(Kind::InvalidConfig, format!("There is no attack `{other}`."))),
        }
        Ok(catalog)
    }
}

impl Source for Session {
    type Reader = Liar;

    fn open(configuration: &str) -> Result<Self> {
        sensei_sdk::configuration(configuration)
    }
    fn catalog(&mut self, _: Vec<String>) -> Result<Catalog> {
        self.attack()
    }
    fn missing_rights(&mut self, _: Vec<String>) -> Result<Vec<String>> {
        Ok(Vec::new())
    }
    fn row_schema(&mut self, _: TableName, _: Vec<String>) -> Result<Vec<u8>> {
        lies::schema(&self.attack)
    }
    fn freeze(&mut self) -> Result<Snapshot> {
        Ok(Snapshot { token: String::new(), consistent: false, note: None })
    }
    fn join(&mut self, _: &str) -> Result<()> {
        Ok(())
    }
    fn thaw(&mut self) -> Result<()> {
        Ok(())
    }
    fn split(&mut self, _: TableName, _: u64) -> Result<Vec<Chunk>> {
        Ok(Vec::new())
    }
    fn count(&mut self, _: TableName) -> Result<u64> {
        Ok(0)
    }
    fn read(&mut self, _: ReadRequest) -> Result<Liar> {
        Ok(Liar { attack: self.attack.clone() })
    }
}

/// A reader whose rows are not what it says.
#[derive(Debug)]
pub struct Liar {
    attack: String,
}

impl Reader for Liar {
    fn schema(&mut self) -> Result<Vec<u8>> {
        lies::schema(&self.attack)
    }

    fn next(&mut self) -> Result<Option<Batch>> {
        if self.attack == "trap-in-read" {
            panic!("as asked");
        }
        lies::batch(&self.attack).map(Some)
    }
}

sensei_sdk::export!(Attacker);
