//! Writing a file.

mod encode;
mod writer;

use std::rc::Rc;

use sensei_sdk::catalog::{Catalog, Table, TableName};
use sensei_sdk::{
    Error, Job, Kind, Ledger, Proposal, Repair, Repaired, Result, Stage, Statement, Target, WriteRequest,
};

use crate::claim::Claim;
use crate::configuration::Configuration;
use crate::database::{Access, Database};
use crate::sql::{identifier, text};
use crate::staging::{LedgerNames, aside, staged};
use crate::{catalog, ledger, propose, rehearse, render, repair, rights, vfs};

pub(crate) use writer::RowWriter;

/// Pages SQLite keeps, in KiB (a negative `cache_size`). 16 MiB: keys that do not come in order find most of their pages;
/// also what CREATE INDEX sorts in before it goes to a temporary file.
const CACHE_KIB: u32 = 16 * 1024;

/// A session that writes.
#[derive(Debug)]
pub(crate) struct FileTarget {
    database: Rc<Database>,
    configuration: Configuration,
    claim: Option<Claim>,
}

impl FileTarget {
    /// The journal is empty by now; a plain file is left, with nothing beside it. Somebody else may be using it.
    fn remove_journal(&self) {
        drop(self.database.execute("PRAGMA journal_mode = DELETE; PRAGMA journal_mode = TRUNCATE"));
    }

    fn need_ledger(&self, migration: &str) -> Result<LedgerNames> {
        let names = LedgerNames::of(migration);
        if ledger::exists(&self.database, &names)? {
            return Ok(names);
        }
        let message =
            format!("The file has no ledger of the migration `{migration}`: it was removed, or is another file.");
        Err(Error::new(Kind::NotFound, message))
    }
}

impl Target for FileTarget {
    type Writer = RowWriter;

    fn open(configuration: &str) -> Result<Self> {
        let configuration: Configuration = sensei_sdk::configuration(configuration)?;
        vfs::refuse_wal(&configuration.path)?;
        let database = Database::open(&configuration.path, Access::Create, configuration.busy_timeout_ms)?;
        // FULL with a rollback journal: what is committed survives a power cut (P1). TRUNCATE spares the directory a change
        // at each commit. Keys are checked by this connector, so that tables may be loaded in any order; renames must
        // leave references as they are written (see `render`).
        database.execute(&format!(
            "PRAGMA journal_mode = TRUNCATE; PRAGMA synchronous = FULL; PRAGMA cache_size = -{CACHE_KIB}; PRAGMA temp_store = FILE; \
             PRAGMA foreign_keys = OFF; PRAGMA legacy_alter_table = ON; PRAGMA trusted_schema = OFF; PRAGMA recursive_triggers = OFF; \
             SELECT count(*) FROM sqlite_schema"
        ))?;
        Ok(Self { database, configuration, claim: None })
    }

    fn catalog(&mut self, schemas: Vec<String>) -> Result<Catalog> {
        catalog::read(&self.database, &schemas, None).map(|(catalog, _)| catalog)
    }

    /// A file has no schemas to be made or missed: whatever they are called, tables go into it.
    fn missing_rights(&mut self, _: Vec<String>) -> Result<Vec<String>> {
        rights::to_write(&self.configuration.path)
    }

    fn propose(&mut self, tables: Vec<Table>, dialect: &str) -> Result<Vec<Proposal>> {
        Ok(propose::propose(tables, dialect))
    }

    fn render(&mut self, job: Job) -> Result<Vec<Statement>> {
        Ok(render::render(&job))
    }

    fn claim(&mut self, migration: &str) -> Result<Ledger> {
        if self.claim.as_ref().is_none_or(|claim| claim.migration != migration) {
            self.claim = None;
            self.claim = Some(Claim::take(&self.configuration.path, migration)?);
        }
        let names = LedgerNames::of(migration);
        ledger::make(&self.database, &names)?;
        ledger::read(&self.database, &names)
    }

    fn recall(&mut self, migration: &str) -> Result<Option<Ledger>> {
        let names = LedgerNames::of(migration);
        if !ledger::exists(&self.database, &names)? {
            return Ok(None);
        }
        ledger::read(&self.database, &names).map(Some)
    }

    fn note(&mut self, migration: &str, key: &str, value: &str) -> Result<()> {
        let names = self.need_ledger(migration)?;
        ledger::note(&self.database, &names, key, value)
    }

    fn reset(&mut self, migration: &str, table: TableName) -> Result<()> {
        let names = self.need_ledger(migration)?;
        self.database.transaction(|| {
            self.database.execute(&format!(
                "DELETE FROM {}; DELETE FROM {} WHERE table_schema = {} AND table_name = {}",
                identifier(&staged(migration, &table.name)),
                names.chunks,
                text(&table.schema),
                text(&table.name)
            ))
        })
    }

    fn execute(&mut self, migration: &str, statements: Vec<Statement>) -> Result<()> {
        ledger::execute(&self.database, migration, &statements)?;
        if statements.iter().any(|s| matches!(s.stage, Stage::Discard | Stage::Forget)) {
            self.remove_journal();
        }
        Ok(())
    }

    fn rehearse(&mut self, migration: &str, statements: Vec<Statement>) -> Result<bool> {
        let done = rehearse::rehearse(&self.database, migration, &statements);
        self.remove_journal();
        done.map(|()| true)
    }

    fn staged(&mut self, migration: &str, table: TableName) -> Result<TableName> {
        Ok(TableName { name: staged(migration, &table.name), ..table })
    }

    fn read_back(&mut self, migration: &str, tables: Vec<TableName>) -> Result<Vec<Table>> {
        tables.into_iter().map(|name| catalog::staged(&self.database, migration, name)).collect()
    }

    fn kept(&mut self, migration: &str, tables: Vec<TableName>) -> Result<Vec<TableName>> {
        let mut kept = Vec::new();
        for name in tables {
            if ledger::is_there(&self.database, "table", &aside(migration, &name.name))? {
                kept.push(name);
            }
        }
        Ok(kept)
    }

    fn repair(&mut self, migration: &str, extras: &str, tables: Vec<Repair>) -> Result<Vec<Repaired>> {
        repair::repair(&self.database, migration, extras, &tables)
    }

    fn count(&mut self, migration: &str, table: TableName, staged_table: bool) -> Result<u64> {
        let name = if staged_table { staged(migration, &table.name) } else { table.name };
        let count = self.database.integer(&format!("SELECT count(*) FROM {}", identifier(&name)))?;
        Ok(count.unwrap_or(0) as u64)
    }

    fn write(&mut self, request: WriteRequest) -> Result<RowWriter> {
        let names = self.need_ledger(&request.migration)?;
        RowWriter::new(&self.database, &names, &request)
    }
}
