//! Reading a file.

mod figures;
mod reader;
mod split;

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use arrow_schema::{Schema, SchemaRef};
use sensei_sdk::catalog::{Catalog, TableName};
use sensei_sdk::figures::tell;
use sensei_sdk::text::InvalidText;
use sensei_sdk::{Chunk, Ends, Error, Figures, Kind, Question, ReadRequest, Result, Snapshot, Source, rows};
use serde::{Deserialize, Serialize};

use crate::catalog::{self, Shape};
use crate::configuration::Configuration;
use crate::database::{Access, Database};
use crate::decode::ReadColumn;
use crate::rights;
use crate::sql::identifier;
use crate::vfs::{self, wal};

pub(crate) use reader::RowReader;

/// Pages SQLite keeps, in KiB (a negative `cache_size`). 4 MiB: a table is read once from front to back, so pages are not
/// needed again.
const CACHE_KIB: u32 = 4096;

/// What a session must know of a table to read it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Readable {
    columns: Vec<ReadColumn>,
    rowid: Option<String>,
    rowid_is_key: bool,
    /// Estimates, for chunks.
    rows: u64,
    bytes: u64,
}

impl Readable {
    fn of(shape: &Shape) -> Self {
        Self {
            columns: shape.table.columns.iter().map(ReadColumn::of).collect(),
            rowid: shape.rowid.clone(),
            rowid_is_key: shape.rowid_is_key,
            rows: shape.table.rows,
            bytes: shape.table.bytes,
        }
    }

    fn pick(&self, table: &str, names: &[String]) -> Result<Vec<ReadColumn>> {
        names
            .iter()
            .map(|name| {
                self.columns.iter().find(|c| c.field.name() == name).cloned().ok_or_else(|| {
                    let message =
                        format!("There is no column `{name}` in `{table}`; the table was changed after the plan.");
                    Error::new(Kind::NotFound, message).table(table).column(name)
                })
            })
            .collect()
    }
}

/// What one session hands to the others: the moment, and what it learned, so that no other has to look again.
#[derive(Debug, Serialize, Deserialize)]
struct Token {
    moment: Option<wal::Mark>,
    change_counter: u32,
    tables: HashMap<String, Readable>,
}

/// A session that reads.
#[derive(Debug)]
pub(crate) struct FileSource {
    database: Rc<Database>,
    configuration: Configuration,
    /// How the file keeps its texts.
    utf8: bool,
    tables: HashMap<String, Rc<Readable>>,
}

impl FileSource {
    fn readable(&mut self, table: &TableName) -> Result<Rc<Readable>> {
        let name = &table.name;
        if !table.schema.is_empty() {
            catalog::know(std::slice::from_ref(&table.schema))?;
        }
        if let Some(known) = self.tables.get(name) {
            return Ok(Rc::clone(known));
        }
        let profile_rows = Some(self.configuration.profile_rows);
        let shape = self.at_one_moment(|database| catalog::shape(database, name, profile_rows))?;
        let readable = Rc::new(Readable::of(&shape));
        self.tables.insert(name.clone(), Rc::clone(&readable));
        Ok(readable)
    }

    /// Reads in one transaction: what is told fits together, and a log is looked through once.
    fn at_one_moment<T>(&self, work: impl FnOnce(&Rc<Database>) -> Result<T>) -> Result<T> {
        if self.database.in_transaction() {
            return work(&self.database);
        }
        self.database.execute("BEGIN")?;
        let done = work(&self.database);
        self.database.roll_back();
        done
    }

    /// Begins the read transaction that is held until the session ends.
    fn begin(&mut self) -> Result<()> {
        self.database.roll_back();
        self.database.execute("BEGIN; SELECT count(*) FROM sqlite_schema")
    }
}

impl Source for FileSource {
    type Reader = RowReader;

    fn open(configuration: &str) -> Result<Self> {
        let configuration: Configuration = sensei_sdk::configuration(configuration)?;
        let database = Database::open(&configuration.path, Access::ReadOnly, configuration.busy_timeout_ms)?;
        // The first look at the file: what is no database is found here.
        database.execute(&format!(
            "PRAGMA cache_size = -{CACHE_KIB}; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF; SELECT count(*) FROM sqlite_schema"
        ))?;
        let encoding = database.prepare("PRAGMA encoding").and_then(|mut s| s.step().map(|_| s.text(0)))?;
        let utf8 = encoding.as_deref().is_none_or(|e| e == "UTF-8");
        if !utf8 {
            // SQLite itself converts texts on the way; their bytes are UTF-8 either way.
            sensei_sdk::host::log(
                sensei_sdk::host::Level::Debug,
                "The file stores its texts in UTF-16; they are read as UTF-8.",
            );
        }
        Ok(Self { database, configuration, utf8, tables: HashMap::new() })
    }

    fn catalog(&mut self, schemas: Vec<String>) -> Result<Catalog> {
        let profile_rows = Some(self.configuration.profile_rows);
        let (catalog, shapes) = self.at_one_moment(|database| catalog::read(database, &schemas, profile_rows))?;
        self.tables = shapes.iter().map(|s| (s.table.name.name.clone(), Rc::new(Readable::of(s)))).collect();
        Ok(catalog)
    }

    fn missing_rights(&mut self, schemas: Vec<String>) -> Result<Vec<String>> {
        catalog::know(&schemas)?;
        rights::to_read(&self.configuration.path)
    }

    fn row_schema(&mut self, table: TableName, columns: Vec<String>) -> Result<Vec<u8>> {
        let picked = self.readable(&table)?.pick(&table.name, &columns)?;
        Ok(rows::encode_schema(&schema(&picked)))
    }

    fn freeze(&mut self) -> Result<Snapshot> {
        self.begin()?;
        let path = &self.configuration.path;
        let moment = vfs::moment_seen(path);
        let token = Token {
            moment,
            change_counter: vfs::change_counter(path)?,
            tables: self.tables.iter().map(|(name, readable)| (name.clone(), Readable::clone(readable))).collect(),
        };
        let note = if moment.is_some() {
            "Other programs may go on writing to the file; what they write from now on is not part of this migration."
        } else {
            "Other programs cannot write to the file until its rows have been read."
        };
        let token = serde_json::to_string(&token).map_err(|e| Error::internal(e.to_string()))?;
        Ok(Snapshot { token, consistent: true, note: Some(note.to_owned()) })
    }

    fn join(&mut self, token: &str) -> Result<()> {
        let token: Token = serde_json::from_str(token)
            .map_err(|e| Error::internal(format!("The snapshot's token is not one of this connector's: {e}.")))?;
        vfs::require_moment(&self.configuration.path, token.moment);
        self.begin()?;
        if vfs::change_counter(&self.configuration.path)? != token.change_counter
            || vfs::moment_seen(&self.configuration.path) != token.moment
        {
            let message = "The file was changed after the snapshot was taken. Run the migration again, and keep other \
                           programs from writing to the file meanwhile.";
            return Err(Error::new(Kind::Conflict, message));
        }
        self.tables = token.tables.into_iter().map(|(name, readable)| (name, Rc::new(readable))).collect();
        Ok(())
    }

    fn thaw(&mut self) -> Result<()> {
        Ok(())
    }

    fn split(&mut self, table: TableName, rows: u64) -> Result<Vec<Chunk>> {
        let readable = self.readable(&table)?;
        split::split(&self.database, &table.name, &readable, rows.max(1))
    }

    fn count(&mut self, table: TableName) -> Result<u64> {
        self.readable(&table)?;
        let count = self.database.integer(&format!("SELECT count(*) FROM {}", identifier(&table.name)))?;
        Ok(count.unwrap_or(0) as u64)
    }

    fn figures(&mut self, table: TableName, questions: Vec<Question>, ends: Option<Ends>) -> Result<Vec<Figures>> {
        let readable = self.readable(&table)?;
        let column = |name: &str| readable.columns.iter().find(|c| c.field.name() == name);
        // What the reader makes of a text has another length.
        let as_it_is = self.utf8 && self.configuration.invalid_text == InvalidText::Reject;
        let words = |q: &Question| column(&q.column).map(|c| figures::words(q.measure, c.decode, as_it_is));
        tell(&questions, words, &identifier(&table.name), ends.as_ref(), identifier, |sql, cells| {
            let mut statement = self.database.prepare(sql)?;
            statement.step()?;
            Ok((0..cells).map(|at| statement.text(at)).collect())
        })
    }

    fn read(&mut self, request: ReadRequest) -> Result<RowReader> {
        let readable = self.readable(&request.table)?;
        let columns = readable.pick(&request.table.name, &request.columns)?;
        RowReader::new(&self.database, &readable, columns, &request, self.configuration.invalid_text)
    }
}

fn schema(columns: &[ReadColumn]) -> SchemaRef {
    Arc::new(Schema::new(columns.iter().map(|c| c.field.clone()).collect::<Vec<_>>()))
}
