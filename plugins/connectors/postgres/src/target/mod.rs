//! A session that writes: one connection; at most one chunk on its way in.

mod append;
mod cutover;
mod encode;
#[cfg(test)]
mod golden;
mod ledger;
mod names;
mod place;
mod propose;
mod read_back;
mod rehearse;
mod render;
mod repair;
mod rules;
mod touch;
mod view;
mod writer;

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use sensei_sdk::catalog::{Catalog, Table, TableName};
use sensei_sdk::{Error, Job, Ledger, Proposal, Repair, Repaired, Result, Stage, Statement, Target, WriteRequest};

pub use writer::CopyWriter;

use crate::connection::Connection;
use crate::source::open_session;
use crate::sql::{identifier, ledger_schema, literal, qualified, replaced_schema, staging_schema};
use crate::{catalog, rights};
use encode::TargetColumn;

/// A session that writes.
pub struct PostgresTarget {
    connection: Rc<RefCell<Connection>>,
    default_schema: String,
    /// Migrations for which this session has said that it writes.
    joined: HashSet<String>,
    /// Columns of staged tables, as they were made.
    staged: HashMap<(String, String), Rc<Vec<TargetColumn>>>,
}

impl PostgresTarget {
    /// Before the first write for a migration.
    fn join(&mut self, migration: &str) -> Result<()> {
        self.connection.borrow_mut().rollback()?;
        if !self.joined.contains(migration) {
            ledger::join(&mut self.connection.borrow_mut(), migration)?;
            self.joined.insert(migration.to_owned());
        }
        Ok(())
    }

    fn columns(&mut self, staging: &str, table: &TableName) -> Result<Rc<Vec<TargetColumn>>> {
        let key = (staging.to_owned(), table.name.clone());
        if let Some(known) = self.staged.get(&key) {
            return Ok(Rc::clone(known));
        }
        let columns = Rc::new(encode::columns_of(&mut self.connection.borrow_mut(), staging, &table.name)?);
        self.staged.insert(key, Rc::clone(&columns));
        Ok(columns)
    }
}

/// Executes one statement; an error says which.
fn one(connection: &mut Connection, statement: &Statement) -> Result<()> {
    connection.execute(&statement.sql).map_err(|mut e| {
        e.message = format!("{}: {}", statement.label, e.message);
        match &statement.table {
            Some(table) if e.table.is_none() => e.table(format!("{}.{}", table.schema, table.name)),
            Some(_) | None => e,
        }
    })
}

/// Whether the ledger is to know of statements of this stage: some go with it, or come after it.
fn is_recorded(stage: Stage) -> bool {
    match stage {
        Stage::Prepare | Stage::CompleteTable | Stage::CompleteAll | Stage::Cutover | Stage::TakeBack => true,
        Stage::Discard | Stage::Forget => false,
    }
}

/// Executes statements within the transaction that is open, skipping what `done` has.
fn run(connection: &mut Connection, migration: &str, statements: &[Statement], done: &HashSet<String>) -> Result<()> {
    for statement in statements {
        if done.contains(&statement.id) && is_recorded(statement.stage) {
            continue;
        }
        one(connection, statement)?;
        if is_recorded(statement.stage) {
            connection.execute(&ledger::done(migration, &statement.id))?;
        }
    }
    Ok(())
}

impl Target for PostgresTarget {
    type Writer = CopyWriter;

    fn open(configuration: &str) -> Result<Self> {
        let (connection, default_schema) = open_session(&sensei_sdk::configuration(configuration)?, &[])?;
        Ok(Self {
            connection: Rc::new(RefCell::new(connection)),
            default_schema,
            joined: HashSet::new(),
            staged: HashMap::new(),
        })
    }

    fn catalog(&mut self, schemas: Vec<String>) -> Result<Catalog> {
        let mut connection = self.connection.borrow_mut();
        connection.rollback()?;
        catalog::catalog(&mut connection, &self.default_schema, schemas)
    }

    fn missing_rights(&mut self, schemas: Vec<String>) -> Result<Vec<String>> {
        let mut connection = self.connection.borrow_mut();
        connection.rollback()?;
        rights::to_write(&mut connection, &self.default_schema, schemas)
    }

    fn propose(&mut self, tables: Vec<Table>, dialect: &str) -> Result<Vec<Proposal>> {
        Ok(propose::propose(&tables, dialect))
    }

    fn render(&mut self, job: Job) -> Result<Vec<Statement>> {
        Ok(render::render(&job))
    }

    fn claim(&mut self, migration: &str) -> Result<Ledger> {
        let mut connection = self.connection.borrow_mut();
        connection.rollback()?;
        ledger::take(&mut connection, migration)?;
        ledger::ensure(&mut connection, migration)?;
        ledger::read(&mut connection, migration)?
            .ok_or_else(|| Error::internal("The ledger was made and is not there."))
    }

    fn recall(&mut self, migration: &str) -> Result<Option<Ledger>> {
        let mut connection = self.connection.borrow_mut();
        connection.rollback()?;
        ledger::read(&mut connection, migration)
    }

    fn note(&mut self, migration: &str, key: &str, value: &str) -> Result<()> {
        let mut connection = self.connection.borrow_mut();
        connection.rollback()?;
        connection.execute(&ledger::note(migration, key, value))
    }

    fn reset(&mut self, migration: &str, table: TableName) -> Result<()> {
        self.join(migration)?;
        let staged = qualified(&staging_schema(migration, &table.schema), &table.name);
        // TRUNCATE waits for whoever still loads the table; only then are its chunks looked at.
        let sql = format!("BEGIN; TRUNCATE {staged}; {}; COMMIT", ledger::forget(migration, &table));
        self.connection.borrow_mut().execute(&sql)
    }

    fn execute(&mut self, migration: &str, statements: Vec<Statement>) -> Result<()> {
        self.join(migration)?;
        let mut connection = self.connection.borrow_mut();
        connection.execute("BEGIN")?;
        let known = format!("SELECT id FROM {}.statements", identifier(&ledger_schema(migration)));
        // A ledger that is gone was discarded: nothing can be meant that it would know of.
        let unrecorded = statements.iter().all(|s| !is_recorded(s.stage));
        let done: HashSet<String> = if unrecorded {
            HashSet::new()
        } else {
            connection.query(&known)?.into_iter().flatten().flatten().collect()
        };
        let result = run(&mut connection, migration, &statements, &done).and_then(|()| connection.execute("COMMIT"));
        self.staged.clear();
        if let Err(e) = result {
            // The connection may be what failed: then the server rolls back by itself.
            let _ = connection.rollback();
            return Err(e);
        }
        Ok(())
    }

    fn rehearse(&mut self, migration: &str, statements: Vec<Statement>) -> Result<bool> {
        rehearse::rehearse(&mut self.connection.borrow_mut(), migration, &statements).map(|()| true)
    }

    fn staged(&mut self, migration: &str, table: TableName) -> Result<TableName> {
        Ok(TableName { schema: staging_schema(migration, &table.schema), name: table.name })
    }

    fn read_back(&mut self, migration: &str, tables: Vec<TableName>) -> Result<Vec<Table>> {
        let mut connection = self.connection.borrow_mut();
        connection.rollback()?;
        read_back::tables(&mut connection, migration, &tables)
    }

    fn kept(&mut self, migration: &str, tables: Vec<TableName>) -> Result<Vec<TableName>> {
        let mut connection = self.connection.borrow_mut();
        connection.rollback()?;
        let place = |name: &TableName| qualified(&replaced_schema(migration, &name.schema), &name.name);
        let places: Vec<String> = tables.iter().map(|name| literal(&place(name))).collect();
        let there = connection.query(&format!(
            "SELECT pg_catalog.to_regclass(n) IS NOT NULL FROM pg_catalog.unnest(ARRAY[{}]::text[]) WITH ORDINALITY u(n, at) ORDER BY at",
            places.join(", ")
        ))?;
        let there = there.into_iter().flatten().map(|answer| answer.as_deref() == Some("t"));
        Ok(tables.into_iter().zip(there).filter(|(_, there)| *there).map(|(name, _)| name).collect())
    }

    fn repair(&mut self, migration: &str, extras: &str, tables: Vec<Repair>) -> Result<Vec<Repaired>> {
        let mut connection = self.connection.borrow_mut();
        connection.rollback()?;
        repair::repair(&mut connection, migration, extras, &tables)
    }

    fn count(&mut self, migration: &str, table: TableName, staged: bool) -> Result<u64> {
        let schema = if staged { staging_schema(migration, &table.schema) } else { table.schema.clone() };
        let mut connection = self.connection.borrow_mut();
        connection.rollback()?;
        let counted =
            connection.value(&format!("SELECT pg_catalog.count(*) FROM {}", qualified(&schema, &table.name)))?;
        counted.and_then(|n| n.parse().ok()).ok_or_else(|| Error::internal("The server counted no number."))
    }

    fn write(&mut self, request: WriteRequest) -> Result<CopyWriter> {
        let WriteRequest { migration, table, chunk, row_schema } = request;
        self.join(&migration)?;
        let staging = staging_schema(&migration, &table.name.schema);
        let columns = self.columns(&staging, &table.name)?;
        let place = writer::Place { migration, table: table.name, staging, chunk };
        CopyWriter::begin(Rc::clone(&self.connection), place, &columns, &row_schema)
    }
}
