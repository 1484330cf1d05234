//! Writing: proposals, statements, the ledger, and chunks.

mod append;
mod ddl;
mod encode;
mod execute;
#[cfg(test)]
mod golden;
mod ledger;
mod propose;
mod read_back;
mod render;
mod repair;
mod rules;
pub(crate) mod staging;
mod take_back;
mod value;
mod view;
mod write;

use std::cell::RefCell;
use std::rc::Rc;

use sensei_sdk::catalog::{Catalog, Table, TableName};
use sensei_sdk::{Job, Ledger, Proposal, Repair, Repaired, Result, Statement, WriteRequest};

use crate::configuration::{Configuration, ZeroDates};
use crate::connection::Connection;
use crate::{catalog, rights, source};
use propose::Collations;
use write::Mode;

/// Seconds to wait for a row lock: the first load into an empty table locks all of it (MariaDB), and others wait for its
/// end.
const LOCK_WAIT_SECONDS: u32 = 600;

/// A session that writes.
pub(crate) struct Target {
    connection: Rc<RefCell<Connection>>,
    collations: Option<Rc<Collations>>,
    mode: Mode,
    /// Bytes of the server's `max_allowed_packet`.
    max_packet: usize,
}

impl Target {
    fn collations(&mut self) -> Result<Rc<Collations>> {
        if let Some(known) = &self.collations {
            return Ok(known.clone());
        }
        let sql = "SELECT COLLATION_NAME FROM information_schema.COLLATIONS";
        let rows = self.connection.borrow_mut().table(sql)?;
        // MariaDB leaves the character set out of its newest names.
        let full = |name: String| [name.clone(), format!("utf8mb4_{name}")];
        let names = rows.into_iter().filter_map(|r| r.into_iter().next().flatten()).flat_map(full);
        let known = Rc::new(names.collect::<Collations>());
        self.collations = Some(known.clone());
        Ok(known)
    }
}

impl sensei_sdk::Target for Target {
    type Writer = write::Writer;

    fn open(configuration: &str) -> Result<Self> {
        let mut connection = Connection::open(&Configuration::parse(configuration)?)?;
        // References are checked by queries before they are made (see `render`); what is unique is checked as its index
        // is built.
        connection.execute(&format!(
            "SET SESSION foreign_key_checks = 0, unique_checks = 0, innodb_lock_wait_timeout = {LOCK_WAIT_SECONDS}, \
             max_error_count = 64"
        ))?;
        let settings = connection.table("SELECT @@local_infile, @@max_allowed_packet")?;
        let setting = |at: usize| settings.first().and_then(|r| r[at].clone()).unwrap_or_default();
        let mode = if setting(0) == "1" && connection.loads_files() { Mode::Load } else { Mode::Insert };
        let max_packet = setting(1).parse().unwrap_or(1024 * 1024);
        Ok(Self { connection: Rc::new(RefCell::new(connection)), collations: None, mode, max_packet })
    }

    fn catalog(&mut self, schemas: Vec<String>) -> Result<Catalog> {
        catalog::read(&mut self.connection.borrow_mut(), schemas, ZeroDates::Keep)
    }

    fn missing_rights(&mut self, schemas: Vec<String>) -> Result<Vec<String>> {
        rights::to_write(&mut self.connection.borrow_mut(), schemas)
    }

    fn propose(&mut self, tables: Vec<Table>, dialect: &str) -> Result<Vec<Proposal>> {
        let collations = self.collations()?;
        Ok(propose::propose(tables, dialect, &self.connection.borrow().server, &collations))
    }

    fn render(&mut self, job: Job) -> Result<Vec<Statement>> {
        Ok(render::render(&job, &self.connection.borrow().server))
    }

    fn claim(&mut self, migration: &str) -> Result<Ledger> {
        ledger::claim(&mut self.connection.borrow_mut(), migration)
    }

    fn recall(&mut self, migration: &str) -> Result<Option<Ledger>> {
        ledger::recall(&mut self.connection.borrow_mut(), migration)
    }

    fn note(&mut self, migration: &str, key: &str, value: &str) -> Result<()> {
        ledger::note(&mut self.connection.borrow_mut(), migration, key, value)
    }

    fn reset(&mut self, migration: &str, table: TableName) -> Result<()> {
        ledger::reset(&mut self.connection.borrow_mut(), migration, &table)
    }

    fn execute(&mut self, migration: &str, statements: Vec<Statement>) -> Result<()> {
        execute::execute(&mut self.connection.borrow_mut(), migration, &statements)
    }

    /// Each change of the schema commits by itself here: nothing could be taken back.
    fn rehearse(&mut self, _: &str, _: Vec<Statement>) -> Result<bool> {
        Ok(false)
    }

    fn staged(&mut self, migration: &str, table: TableName) -> Result<TableName> {
        Ok(TableName { schema: staging::schema(migration, &table.schema), name: table.name })
    }

    fn read_back(&mut self, migration: &str, tables: Vec<TableName>) -> Result<Vec<Table>> {
        read_back::tables(&mut self.connection.borrow_mut(), migration, &tables)
    }

    fn kept(&mut self, migration: &str, tables: Vec<TableName>) -> Result<Vec<TableName>> {
        let mut connection = self.connection.borrow_mut();
        let mut kept = Vec::new();
        for name in tables {
            if execute::exists(&mut connection, &staging::old(migration, &name.schema), &name.name)? {
                kept.push(name);
            }
        }
        Ok(kept)
    }

    fn repair(&mut self, migration: &str, extras: &str, tables: Vec<Repair>) -> Result<Vec<Repaired>> {
        repair::repair(&mut self.connection.borrow_mut(), migration, extras, &tables)
    }

    fn count(&mut self, migration: &str, table: TableName, staged: bool) -> Result<u64> {
        let schema = if staged { staging::schema(migration, &table.schema) } else { table.schema.clone() };
        source::count(&mut self.connection.borrow_mut(), &schema, &table.name)
    }

    fn write(&mut self, request: WriteRequest) -> Result<write::Writer> {
        write::Writer::open(self.connection.clone(), request, self.mode, self.max_packet)
    }
}
