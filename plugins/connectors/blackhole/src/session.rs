//! The target: sessions and writers.

use std::cell::RefCell;
use std::rc::Rc;

use arrow_schema::Schema;
use sensei_sdk::catalog::{Catalog, Table, TableName};
use sensei_sdk::rows::{Decoder, decode_schema, encode_schema};
use sensei_sdk::{
    Batch, ColumnNote, Error, Fidelity, Job, Kind, Ledger, Proposal, Repair, Repaired, Result, Specials, Stage,
    Statement, TableNote, Target, WriteRequest, Writer, arrow_field,
};
use serde::Deserialize;

use crate::ledger::{Entry, LedgerFile};

/// The schema where unqualified names go.
const SCHEMA: &str = "blackhole";
/// The one statement that is ever recorded: after it, the migration is over.
const CUTOVER: &str = "cutover";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    ledger: String,
}

/// A session; it opens the ledger of the migration it is asked about and keeps it.
pub struct Session {
    base: String,
    open: Rc<RefCell<Option<LedgerFile>>>,
}

impl Session {
    /// Does something with the ledger of a migration that was claimed by somebody.
    fn with<T>(&mut self, migration: &str, work: impl FnOnce(&mut LedgerFile) -> Result<T>) -> Result<T> {
        self.enter(migration, false)?;
        match self.open.borrow_mut().as_mut() {
            Some(ledger) => work(ledger),
            None => {
                let message =
                    format!("There is no ledger of the migration `{migration}`: it was never begun, or is over.");
                Err(Error::new(Kind::NotFound, message))
            }
        }
    }

    fn enter(&mut self, migration: &str, create: bool) -> Result<()> {
        let mut open = self.open.borrow_mut();
        if open.as_ref().is_none_or(|l| l.migration != migration) {
            *open = LedgerFile::open(&self.base, migration, create)?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Session").field(&self.base).finish()
    }
}

fn row_schema(table: &Table) -> Schema {
    Schema::new(table.columns.iter().map(arrow_field).collect::<Vec<_>>())
}

impl Target for Session {
    type Writer = Counter;

    fn open(configuration: &str) -> Result<Self> {
        let Settings { ledger } = sensei_sdk::configuration(configuration)?;
        Ok(Self { base: ledger, open: Rc::default() })
    }

    /// Every schema is there, and empty.
    fn catalog(&mut self, schemas: Vec<String>) -> Result<Catalog> {
        Ok(Catalog {
            server: format!("blackhole {}", env!("CARGO_PKG_VERSION")),
            dialect: "blackhole".into(),
            default_schema: SCHEMA.into(),
            schemas: if schemas.is_empty() { vec![SCHEMA.into()] } else { schemas },
            tables: Vec::new(),
            named_types: Vec::new(),
            objects: Vec::new(),
        })
    }

    /// Nothing is made but the ledger, and no right is asked for where there is no system.
    fn missing_rights(&mut self, _: Vec<String>) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn propose(&mut self, tables: Vec<Table>, _: &str) -> Result<Vec<Proposal>> {
        let propose = |table: Table| Proposal {
            columns: table
                .columns
                .iter()
                .map(|c| ColumnNote {
                    column: c.name.clone(),
                    fidelity: Fidelity::Lossless,
                    note: String::new(),
                    refuses: Specials::empty(),
                })
                .collect(),
            notes: vec![TableNote { about: table.name.name.clone(), note: "Rows are counted and dropped.".into() }],
            row_schema: encode_schema(&row_schema(&table)),
            table,
        };
        Ok(tables.into_iter().map(propose).collect())
    }

    fn render(&mut self, _: Job) -> Result<Vec<Statement>> {
        let statement = |id: &str, stage, label: &str| Statement {
            id: id.into(),
            stage,
            sql: format!("-- {label}"),
            undo: None,
            table: None,
            label: label.into(),
        };
        Ok(vec![
            statement(CUTOVER, Stage::Cutover, "nothing to switch over: the rows are gone"),
            statement("discard", Stage::Discard, "remove the ledger"),
        ])
    }

    fn claim(&mut self, migration: &str) -> Result<Ledger> {
        *self.open.borrow_mut() = None;
        self.enter(migration, true)?;
        self.with(migration, |ledger| {
            ledger.claim()?;
            ledger.report()
        })
    }

    fn recall(&mut self, migration: &str) -> Result<Option<Ledger>> {
        // Another session may have discarded what this one still has open.
        if !LedgerFile::exists(&self.base, migration)? {
            return Ok(None);
        }
        self.enter(migration, false)?;
        self.open.borrow_mut().as_mut().map(LedgerFile::report).transpose()
    }

    fn note(&mut self, migration: &str, key: &str, value: &str) -> Result<()> {
        let entry = Entry::Note { key: key.into(), value: value.into() };
        self.with(migration, |ledger| ledger.append(|_| Ok(vec![entry])))
    }

    fn reset(&mut self, migration: &str, table: TableName) -> Result<()> {
        let entry = Entry::Reset { schema: table.schema, table: table.name };
        self.with(migration, |ledger| ledger.append(|_| Ok(vec![entry])))
    }

    fn execute(&mut self, migration: &str, statements: Vec<Statement>) -> Result<()> {
        let (discard, recorded): (Vec<_>, Vec<_>) = statements.into_iter().partition(|s| s.stage == Stage::Discard);
        if !recorded.is_empty() {
            self.with(migration, |ledger| {
                ledger.append(|state| {
                    let new = recorded.into_iter().filter(|s| !state.has_statement(&s.id));
                    Ok(new.map(|s| Entry::Statement { id: s.id }).collect())
                })
            })?;
        }
        if !discard.is_empty() {
            *self.open.borrow_mut() = None;
            LedgerFile::remove(&self.base, migration)?;
        }
        Ok(())
    }

    /// Its statements change nothing: all of them can be taken back.
    fn rehearse(&mut self, _: &str, _: Vec<Statement>) -> Result<bool> {
        Ok(true)
    }

    /// Nowhere: nobody can read it.
    fn staged(&mut self, _: &str, table: TableName) -> Result<TableName> {
        Ok(table)
    }

    fn read_back(&mut self, _: &str, _: Vec<TableName>) -> Result<Vec<Table>> {
        Err(Error::new(Kind::Unsupported, "A blackhole keeps nothing that could be read back."))
    }

    /// It replaces nothing.
    fn kept(&mut self, _: &str, _: Vec<TableName>) -> Result<Vec<TableName>> {
        Ok(Vec::new())
    }

    fn repair(&mut self, _: &str, _: &str, _: Vec<Repair>) -> Result<Vec<Repaired>> {
        Err(Error::new(Kind::Unsupported, "A blackhole keeps nothing that could be repaired."))
    }

    /// As many as were counted: none of them is there, in staging or elsewhere.
    fn count(&mut self, migration: &str, table: TableName, _: bool) -> Result<u64> {
        self.with(migration, |ledger| Ok(ledger.state()?.rows(&table)))
    }

    fn write(&mut self, request: WriteRequest) -> Result<Counter> {
        let WriteRequest { migration, table, chunk, row_schema: given } = request;
        let (given_schema, expected) = (decode_schema(&given)?, row_schema(&table));
        let same = given_schema.fields().len() == expected.fields().len()
            && given_schema
                .fields()
                .iter()
                .zip(expected.fields())
                .all(|(a, b)| (a.name(), a.data_type()) == (b.name(), b.data_type()));
        if !same {
            let message = format!("The rows of `{}` have another schema than was proposed.", table.name.name);
            return Err(Error::internal(message).table(&table.name.name));
        }
        self.with(&migration, |_| Ok(()))?;
        Ok(Counter {
            ledger: self.open.clone(),
            migration,
            table: table.name,
            chunk,
            decoder: Decoder::new(&given)?,
            rows: 0,
        })
    }
}

/// A chunk on its way to nowhere.
pub struct Counter {
    ledger: Rc<RefCell<Option<LedgerFile>>>,
    migration: String,
    table: TableName,
    chunk: u32,
    decoder: Decoder,
    rows: u64,
}

impl Writer for Counter {
    fn write(&mut self, batch: Batch) -> Result<()> {
        self.rows += self.decoder.decode(batch)?.num_rows() as u64;
        Ok(())
    }

    fn commit(&mut self, digest: Option<String>) -> Result<u64> {
        let Self { migration, table, chunk, rows, .. } = self;
        let mut ledger = self.ledger.borrow_mut();
        let Some(ledger) = ledger.as_mut().filter(|l| l.migration == *migration) else {
            return Err(Error::internal("The session has gone on to another migration."));
        };
        ledger.append(|state| {
            if state.has_chunk(table, *chunk) {
                let message = format!("The ledger already has chunk {chunk} of `{}`.", table.name);
                return Err(Error::new(Kind::Conflict, message).table(&table.name));
            }
            let (schema, table) = (table.schema.clone(), table.name.clone());
            Ok(vec![Entry::Chunk { schema, table, chunk: *chunk, rows: *rows, digest }])
        })?;
        Ok(*rows)
    }
}

impl std::fmt::Debug for Counter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Counter").field("table", &self.table.name).field("chunk", &self.chunk).finish_non_exhaustive()
    }
}
