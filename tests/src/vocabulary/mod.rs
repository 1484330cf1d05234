//! Every type of every system, with the values at its edges.
//!
//! A *native type* is what a column may be declared as, in the system's words; its values are SQL of that system. The first
//! value of each is a plain one, which every target takes; NULL goes without saying.

mod mariadb;
mod postgres;
mod sqlite;

use crate::oracle::System;
use crate::servers::{self, SqliteFile};

/// One declared type.
#[derive(Debug)]
pub struct Native {
    /// As in `CREATE TABLE`.
    pub declared: &'static str,
    /// Expressions; the first is a plain value.
    pub values: &'static [&'static str],
    /// Values of another kind than the type promises, where the system lets them in: each stands beside the plain value alone.
    pub odd: &'static [&'static str],
    /// What makes the type, where the system does not have it of itself.
    pub needs: &'static str,
    /// Any other value; SQL again.
    pub draw: Option<fn(&mut fastrand::Rng) -> String>,
    /// May be a column of a key, in any system.
    pub key: bool,
}

const fn native(declared: &'static str, values: &'static [&'static str]) -> Native {
    Native { declared, values, odd: &[], needs: "", draw: None, key: false }
}

impl Native {
    const fn key(self) -> Self {
        Self { key: true, ..self }
    }

    const fn odd(self, odd: &'static [&'static str]) -> Self {
        Self { odd, ..self }
    }

    const fn needs(self, needs: &'static str) -> Self {
        Self { needs, ..self }
    }

    const fn draw(self, draw: fn(&mut fastrand::Rng) -> String) -> Self {
        Self { draw: Some(draw), ..self }
    }
}

/// A kind of system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// PostgreSQL.
    Postgres,
    /// MariaDB.
    MariaDb,
    /// SQLite.
    Sqlite,
}

/// All of them.
pub const ENGINES: [Engine; 3] = [Engine::Postgres, Engine::MariaDb, Engine::Sqlite];

impl Engine {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::MariaDb => "MariaDB",
            Self::Sqlite => "SQLite",
        }
    }

    /// Its types.
    pub const fn types(self) -> &'static [Native] {
        match self {
            Self::Postgres => postgres::TYPES,
            Self::MariaDb => mariadb::TYPES,
            Self::Sqlite => sqlite::TYPES,
        }
    }

    /// What its scripts begin with.
    pub const fn preamble(self) -> &'static str {
        match self {
            Self::Postgres => postgres::PREAMBLE,
            Self::MariaDb => mariadb::PREAMBLE,
            Self::Sqlite => "",
        }
    }

    /// An identifier as its scripts write it.
    pub fn quoted(self, name: &str) -> String {
        match self {
            Self::Postgres | Self::Sqlite => format!("\"{}\"", name.replace('"', "\"\"")),
            Self::MariaDb => format!("`{}`", name.replace('`', "``")),
        }
    }

    /// An empty database.
    pub fn fresh(self) -> Database {
        match self {
            Self::Postgres => Database::from(servers::postgres().fresh_database()),
            Self::MariaDb => Database::from(servers::mariadb().fresh_database()),
            Self::Sqlite => Database::from(SqliteFile::fresh()),
        }
    }
}

/// One end of a migration, of whichever kind, gone with the value.
#[derive(Debug)]
pub struct Database {
    /// How a migration names it.
    pub url: String,
    /// How the oracle reads it.
    pub system: System,
    _file: Option<SqliteFile>,
}

impl Database {
    /// Runs a script.
    ///
    /// # Panics
    /// With the system's message when a statement fails.
    pub fn sql(&self, text: &str) {
        match (&self.system, &self._file) {
            (System::Postgres(database, _), _) => database.sql(text),
            (System::MariaDb(database), _) => database.sql(text),
            (System::Sqlite(_), file) => file.as_ref().expect("a file").sql(text),
        }
    }

    /// Drops it: hundreds of databases at once are slow to work with.
    pub fn remove(self) {
        match &self.system {
            System::Postgres(database, _) => {
                servers::postgres().sql("postgres", &format!("drop database {} with (force)", database.name));
            }
            System::MariaDb(database) => {
                servers::mariadb().sql("mysql", &format!("drop database {}", database.name));
            }
            System::Sqlite(_) => {}
        }
    }
}

impl From<servers::PostgresDatabase> for Database {
    fn from(database: servers::PostgresDatabase) -> Self {
        Self { url: database.url.clone(), system: (&database).into(), _file: None }
    }
}

impl From<servers::MariaDbDatabase> for Database {
    fn from(database: servers::MariaDbDatabase) -> Self {
        Self { url: database.url.clone(), system: (&database).into(), _file: None }
    }
}

impl From<SqliteFile> for Database {
    fn from(file: SqliteFile) -> Self {
        Self { url: file.url.clone(), system: (&file).into(), _file: Some(file) }
    }
}

/// A whole number of at most so many bits, as often near the ends as in between.
fn whole(random: &mut fastrand::Rng, bits: u32, signed: bool) -> String {
    let value = random.u64(..) >> random.u32(64 - bits..64);
    if signed && bits == 64 {
        return (value as i64).to_string();
    }
    let limit = 1_i128 << (bits - 1);
    let value = i128::from(value);
    let value = if signed && value >= limit { value - 2 * limit } else { value };
    value.to_string()
}

/// Characters that are somebody's delimiter, quote, escape or end, and some of each length.
const CHARACTERS: [char; 24] = [
    'a',
    'B',
    '0',
    ' ',
    '\'',
    '"',
    '\\',
    '`',
    ',',
    ';',
    '\t',
    '\n',
    '\r',
    '%',
    '_',
    '{',
    '}',
    'ß',
    'İ',
    'é',
    '漢',
    '\u{301}',
    '😀',
    '\u{10FFFF}',
];

/// Text of at most so many characters, which is no text that ends in blanks: some types have none.
fn characters(random: &mut fastrand::Rng, most: usize) -> String {
    let length = random.usize(0..=most);
    let text: String = (0..length).map(|_| *random.choice(&CHARACTERS).expect("characters")).collect();
    text.trim_end_matches(' ').to_owned()
}

/// Digits of a decimal, as `precision` and `scale` allow.
fn digits(random: &mut fastrand::Rng, precision: usize, scale: usize) -> String {
    let mut part = |most: usize| -> String {
        let length = random.usize(0..=most);
        (0..length).map(|_| char::from(b'0' + random.u8(0..10))).collect()
    };
    let (whole, fraction) = (part(precision - scale), part(scale));
    let sign = if random.bool() { "-" } else { "" };
    format!("{sign}0{whole}.{fraction}0")
}

/// `2024-02-28 23:59:59.123456` of the years 1000 to 9999, day 28 at most.
fn moment(random: &mut fastrand::Rng, first_year: u32, last_year: u32, fraction: u32) -> String {
    let mut in_range = |from: u32, to: u32| random.u32(from..=to);
    let day = format!("{:04}-{:02}-{:02}", in_range(first_year, last_year), in_range(1, 12), in_range(1, 28));
    let clock = format!("{:02}:{:02}:{:02}", in_range(0, 23), in_range(0, 59), in_range(0, 59));
    match fraction {
        0 => format!("{day} {clock}"),
        digits => format!("{day} {clock}.{:0width$}", in_range(0, 10_u32.pow(digits) - 1), width = digits as usize),
    }
}

fn bytes(random: &mut fastrand::Rng, most: usize) -> String {
    let length = random.usize(0..=most);
    (0..length).map(|_| format!("{:02x}", random.u8(..))).collect()
}

/// A float with all its digits.
fn double(random: &mut fastrand::Rng) -> String {
    let value = f64::from_bits(random.u64(..));
    // Denormals and what is no number are among the edges.
    if value.is_normal() { format!("{value:e}") } else { "1e0".to_owned() }
}

fn single(random: &mut fastrand::Rng) -> String {
    let value = f32::from_bits(random.u32(..));
    if value.is_normal() { format!("{value:e}") } else { "1e0".to_owned() }
}

/// A JSON document of some depth.
fn document(random: &mut fastrand::Rng, depth: u32) -> String {
    match random.u32(0..if depth == 0 { 5 } else { 7 }) {
        0 => "null".to_owned(),
        1 => random.bool().to_string(),
        2 => random.i64(..).to_string(),
        3 => format!("{}.{}", random.i32(..), random.u16(..)),
        4 => {
            let text = characters(random, 8);
            serde_json::Value::String(text).to_string()
        }
        5 => {
            let many = random.usize(0..4);
            let items: Vec<String> = (0..many).map(|_| document(random, depth - 1)).collect();
            format!("[{}]", items.join(", "))
        }
        _ => {
            let many = random.usize(0..4);
            let items: Vec<String> =
                (0..many).map(|at| format!("\"k{at}\": {}", document(random, depth - 1))).collect();
            format!("{{{}}}", items.join(","))
        }
    }
}
