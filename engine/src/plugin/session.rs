//! Sessions: a connector's exports with the engine's errors.
//!
//! A session owns its instance; it is used by one thread at a time and dropped after an error, never reused.

use wasmtime::component::ResourceAny;

use super::bindings::exports::sensei::plugin::source::{Chunk, Ends, Figures, Question, Range, ReadRequest, Snapshot};
use super::bindings::exports::sensei::plugin::target::{
    Job, Ledger, Proposal, Repair, Repaired, Statement, WriteRequest,
};
use super::bindings::sensei::plugin::catalog::{Catalog, Table, TableName};
use super::bindings::sensei::plugin::errors;
use super::guest::Environment;
use super::host::Instance;
use super::outcome::{from_guest, from_wasmtime};
use super::registry::Plugin;
use super::rows::{self, Batch, CheckedBatch};
use crate::connection::Connection;
use crate::error::{Code, Error, Result, Role};

use arrow::datatypes::SchemaRef;

/// What a reader is asked for.
#[derive(Debug, Clone)]
pub struct Reading<'a> {
    /// The table.
    pub table: &'a TableName,
    /// Its columns, in the order wanted.
    pub columns: &'a [String],
    /// Which rows.
    pub range: &'a Range,
    /// Rows of one batch at most.
    pub batch_rows: u32,
    /// Bytes of one batch, about, at most.
    pub batch_bytes: u64,
    /// Rows at most, whichever they are; none: all.
    pub limit: Option<u64>,
}

/// A session that reads.
pub struct SourceSession {
    instance: Instance,
    plugin: Plugin,
    session: ResourceAny,
}

/// A session that writes.
pub struct TargetSession {
    instance: Instance,
    plugin: Plugin,
    session: ResourceAny,
}

/// One call into a guest: the compute clock starts, and the three ways to end badly become errors.
macro_rules! call {
    ($self:ident, $role:expr, $interface:ident . $resource:ident . $function:ident, $handle:expr $(, $argument:expr)*) => {{
        let Instance { store, exports } = &mut $self.instance;
        store.data_mut().progressed();
        match exports.$interface().$resource().$function(&mut *store, $handle $(, $argument)*) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(e)) => Err(from_guest($role, e)),
            Err(e) => Err(from_wasmtime($self.plugin.name(), Some($role), &e)),
        }
    }};
}

fn open(
    connection: &Connection,
    role: Role,
    environment: Environment,
    call: impl FnOnce(&mut Instance, &str) -> wasmtime::Result<Result<ResourceAny, errors::Error>>,
) -> Result<(Instance, ResourceAny)> {
    let plugin = connection.plugin();
    let mut instance = plugin.instantiate(connection.grant(role), environment).map_err(|e| e.role_if(Some(role)))?;
    instance.store.data_mut().progressed();
    match call(&mut instance, connection.configuration()) {
        Ok(Ok(session)) => Ok((instance, session)),
        Ok(Err(e)) => Err(from_guest(role, e)),
        Err(e) => Err(from_wasmtime(plugin.name(), Some(role), &e)),
    }
}

impl SourceSession {
    /// Connects.
    ///
    /// # Errors
    /// The connector's own, with role source.
    pub fn open(connection: &Connection, environment: Environment) -> Result<Self> {
        let (instance, session) = open(connection, Role::Source, environment, |i, configuration| {
            i.exports.sensei_plugin_source().session().call_open(&mut i.store, configuration)
        })?;
        Ok(Self { instance, plugin: connection.plugin().clone(), session })
    }

    /// Tables of these schemas; none means the connection's own.
    ///
    /// # Errors
    /// `not_found` names an unknown schema.
    pub fn catalog(&mut self, schemas: &[String]) -> Result<Catalog> {
        call!(self, Role::Source, sensei_plugin_source.session.call_catalog, self.session, schemas)
    }

    /// What the connection's user may not do of what reading these schemas needs, a sentence each that says which
    /// statement grants it; empty when nothing is missing. No schemas means the connection's own.
    ///
    /// # Errors
    /// The connector's own; `not_found` names an unknown schema.
    pub fn missing_rights(&mut self, schemas: &[String]) -> Result<Vec<String>> {
        call!(self, Role::Source, sensei_plugin_source.session.call_missing_rights, self.session, schemas)
    }

    /// The Arrow schema that reading these columns gives.
    ///
    /// # Errors
    /// The connector's own; `plugin_lied` if it is no schema of the contract.
    pub fn row_schema(&mut self, table: &TableName, columns: &[String]) -> Result<SchemaRef> {
        let bytes =
            call!(self, Role::Source, sensei_plugin_source.session.call_row_schema, self.session, table, columns)?;
        rows::decode_schema(&bytes).map_err(|e| e.role_if(Some(Role::Source)))
    }

    /// Begins the snapshot.
    ///
    /// # Errors
    /// The connector's own.
    pub fn freeze(&mut self) -> Result<Snapshot> {
        call!(self, Role::Source, sensei_plugin_source.session.call_freeze, self.session)
    }

    /// Puts this session into the snapshot.
    ///
    /// # Errors
    /// The connector's own.
    pub fn join(&mut self, token: &str) -> Result<()> {
        call!(self, Role::Source, sensei_plugin_source.session.call_join, self.session, token)
    }

    /// Lets go of what only joining needed.
    ///
    /// # Errors
    /// The connector's own.
    pub fn thaw(&mut self) -> Result<()> {
        call!(self, Role::Source, sensei_plugin_source.session.call_thaw, self.session)
    }

    /// Divides a table into chunks of about `rows` rows.
    ///
    /// # Errors
    /// The connector's own.
    pub fn split(&mut self, table: &TableName, rows: u64) -> Result<Vec<Chunk>> {
        call!(self, Role::Source, sensei_plugin_source.session.call_split, self.session, table, rows)
    }

    /// The exact number of rows.
    ///
    /// # Errors
    /// The connector's own.
    pub fn count(&mut self, table: &TableName) -> Result<u64> {
        call!(self, Role::Source, sensei_plugin_source.session.call_count, self.session, table)
    }

    /// What the system itself says of columns: of all rows, or of those at both ends. In the order asked.
    ///
    /// # Errors
    /// The connector's own, after which the session may be used; `plugin_lied` if it answers something else.
    pub fn figures(&mut self, table: &TableName, questions: &[Question], ends: Option<&Ends>) -> Result<Vec<Figures>> {
        let told =
            call!(self, Role::Source, sensei_plugin_source.session.call_figures, self.session, table, questions, ends)?;
        if told.len() == questions.len() {
            return Ok(told);
        }
        let message =
            "The connector tells figures of other columns than it was asked for. This is a bug of the connector.";
        Err(Error::new(Code::PluginLied, message).role_if(Some(Role::Source)))
    }

    /// Reads one chunk.
    ///
    /// # Errors
    /// The connector's own; `plugin_lied` if the reader's schema is none.
    pub fn read(&mut self, reading: &Reading<'_>) -> Result<Reader<'_>> {
        let request = ReadRequest {
            table: reading.table.clone(),
            columns: reading.columns.to_vec(),
            range: reading.range.clone(),
            batch_rows: reading.batch_rows,
            batch_bytes: reading.batch_bytes,
            limit: reading.limit,
        };
        let reader = call!(self, Role::Source, sensei_plugin_source.session.call_read, self.session, &request)?;
        let schema = call!(self, Role::Source, sensei_plugin_source.reader.call_schema, reader)?;
        let schema = rows::decode_schema(&schema).map_err(|e| e.role_if(Some(Role::Source)))?;
        Ok(Reader { session: self, reader, schema, left: reading.limit })
    }
}

/// A chunk on its way out of the source.
pub struct Reader<'a> {
    session: &'a mut SourceSession,
    reader: ResourceAny,
    schema: SchemaRef,
    /// Rows that may still come; none: any number.
    left: Option<u64>,
}

impl Reader<'_> {
    /// The schema of every batch.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The next batch, checked; none after the last row.
    ///
    /// # Errors
    /// The connector's own; `plugin_lied` if the rows are not what it said.
    pub fn next_batch(&mut self) -> Result<Option<CheckedBatch>> {
        let session = &mut *self.session;
        let batch = call!(session, Role::Source, sensei_plugin_source.reader.call_next, self.reader)?;
        let batch =
            batch.map(|b| rows::check(&self.schema, b)).transpose().map_err(|e| e.role_if(Some(Role::Source)))?;
        if let (Some(left), Some(batch)) = (&mut self.left, &batch) {
            *left = left.checked_sub(batch.columns.num_rows() as u64).ok_or_else(|| {
                let message = format!("The plugin `{}` gave more rows than it was asked for.", session.plugin.name());
                Error::new(Code::PluginLied, message).role_if(Some(Role::Source))
            })?;
        }
        Ok(batch)
    }

    /// Gives the session back for the next chunk.
    ///
    /// # Errors
    /// `plugin_trapped` if the connector breaks while it cleans up.
    pub fn close(self) -> Result<()> {
        let Self { session, reader, .. } = self;
        let name = session.plugin.name();
        reader.resource_drop(&mut session.instance.store).map_err(|e| from_wasmtime(name, Some(Role::Source), &e))
    }
}

impl TargetSession {
    /// Connects.
    ///
    /// # Errors
    /// The connector's own, with role target.
    pub fn open(connection: &Connection, environment: Environment) -> Result<Self> {
        let (instance, session) = open(connection, Role::Target, environment, |i, configuration| {
            i.exports.sensei_plugin_target().session().call_open(&mut i.store, configuration)
        })?;
        Ok(Self { instance, plugin: connection.plugin().clone(), session })
    }

    /// What is there, staging left out.
    ///
    /// # Errors
    /// The connector's own.
    pub fn catalog(&mut self, schemas: &[String]) -> Result<Catalog> {
        call!(self, Role::Target, sensei_plugin_target.session.call_catalog, self.session, schemas)
    }

    /// What the connection's user may not do of what a migration into these schemas needs, staging included; as for a
    /// source. A schema that is not there yet is one to be made.
    ///
    /// # Errors
    /// The connector's own.
    pub fn missing_rights(&mut self, schemas: &[String]) -> Result<Vec<String>> {
        call!(self, Role::Target, sensei_plugin_target.session.call_missing_rights, self.session, schemas)
    }

    /// How the target would hold these tables.
    ///
    /// # Errors
    /// The connector's own.
    pub fn propose(&mut self, tables: &[Table], dialect: &str) -> Result<Vec<Proposal>> {
        call!(self, Role::Target, sensei_plugin_target.session.call_propose, self.session, tables, dialect)
    }

    /// All statements of a job, in order.
    ///
    /// # Errors
    /// The connector's own.
    pub fn render(&mut self, job: &Job) -> Result<Vec<Statement>> {
        call!(self, Role::Target, sensei_plugin_target.session.call_render, self.session, job)
    }

    /// Takes the migration for this session.
    ///
    /// # Errors
    /// `conflict` while another live session has it.
    pub fn claim(&mut self, migration: &str) -> Result<Ledger> {
        call!(self, Role::Target, sensei_plugin_target.session.call_claim, self.session, migration)
    }

    /// What is durably done.
    ///
    /// # Errors
    /// The connector's own.
    pub fn recall(&mut self, migration: &str) -> Result<Option<Ledger>> {
        call!(self, Role::Target, sensei_plugin_target.session.call_recall, self.session, migration)
    }

    /// Writes one journal entry, durably.
    ///
    /// # Errors
    /// The connector's own.
    pub fn note(&mut self, migration: &str, key: &str, value: &str) -> Result<()> {
        call!(self, Role::Target, sensei_plugin_target.session.call_note, self.session, migration, key, value)
    }

    /// Empties one staged table and forgets its chunks.
    ///
    /// # Errors
    /// The connector's own.
    pub fn reset(&mut self, migration: &str, table: &TableName) -> Result<()> {
        call!(self, Role::Target, sensei_plugin_target.session.call_reset, self.session, migration, table)
    }

    /// Executes statements in order; doing again what is done is a success.
    ///
    /// # Errors
    /// The connector's own.
    pub fn execute(&mut self, migration: &str, statements: &[Statement]) -> Result<()> {
        call!(self, Role::Target, sensei_plugin_target.session.call_execute, self.session, migration, statements)
    }

    /// Executes statements as if the migration had not begun yet, in one transaction, and takes everything back.
    /// False: this system cannot, and nothing was done. Needs no claim and leaves nothing behind, no ledger either.
    ///
    /// # Errors
    /// The failing statement's own, which names it by its label; `timeout` where others hold a lock for long.
    pub fn rehearse(&mut self, migration: &str, statements: &[Statement]) -> Result<bool> {
        call!(self, Role::Target, sensei_plugin_target.session.call_rehearse, self.session, migration, statements)
    }

    /// What a table is called while it is staged, for a [`SourceSession`] on the same connection.
    ///
    /// # Errors
    /// The connector's own.
    pub fn staged(&mut self, migration: &str, table: &TableName) -> Result<TableName> {
        call!(self, Role::Target, sensei_plugin_target.session.call_staged, self.session, migration, table)
    }

    /// Tables in staging as the system itself describes them, under their live names.
    ///
    /// # Errors
    /// The connector's own; `plugin_lied` if they are not the tables that were asked for.
    pub fn read_back(&mut self, migration: &str, tables: &[TableName]) -> Result<Vec<Table>> {
        let found: Vec<Table> =
            call!(self, Role::Target, sensei_plugin_target.session.call_read_back, self.session, migration, tables)?;
        if found.iter().map(|table| &table.name).eq(tables) {
            return Ok(found);
        }
        let message =
            "The target's connector reads other tables back than it was asked for. This is a bug of the connector.";
        Err(Error::new(Code::PluginLied, message).role_if(Some(Role::Target)))
    }

    /// Those of these tables whose predecessors the cutover moved aside and that are still kept.
    ///
    /// # Errors
    /// The connector's own.
    pub fn kept(&mut self, migration: &str, tables: &[TableName]) -> Result<Vec<TableName>> {
        call!(self, Role::Target, sensei_plugin_target.session.call_kept, self.session, migration, tables)
    }

    /// Repairs live tables from what is staged, in one transaction; what became of each.
    ///
    /// # Errors
    /// The connector's own; nothing has changed then.
    pub fn repair(&mut self, migration: &str, extras: &str, tables: &[Repair]) -> Result<Vec<Repaired>> {
        call!(self, Role::Target, sensei_plugin_target.session.call_repair, self.session, migration, extras, tables)
    }

    /// Rows now in the table.
    ///
    /// # Errors
    /// The connector's own.
    pub fn count(&mut self, migration: &str, table: &TableName, staged: bool) -> Result<u64> {
        call!(self, Role::Target, sensei_plugin_target.session.call_count, self.session, migration, table, staged)
    }

    /// Begins one chunk.
    ///
    /// # Errors
    /// The connector's own.
    pub fn write(&mut self, migration: &str, table: &Table, chunk: u32, row_schema: &[u8]) -> Result<Writer<'_>> {
        let request =
            WriteRequest { migration: migration.into(), table: table.clone(), chunk, row_schema: row_schema.to_vec() };
        let writer = call!(self, Role::Target, sensei_plugin_target.session.call_write, self.session, &request)?;
        Ok(Writer { session: self, writer })
    }
}

/// A chunk on its way into the target. Dropped uncommitted, with its session, it leaves nothing behind (P1).
pub struct Writer<'a> {
    session: &'a mut TargetSession,
    writer: ResourceAny,
}

impl Writer<'_> {
    /// Accepted, not durable.
    ///
    /// # Errors
    /// The connector's own.
    pub fn write(&mut self, batch: &Batch) -> Result<()> {
        let session = &mut *self.session;
        call!(session, Role::Target, sensei_plugin_target.writer.call_write, self.writer, batch)
    }

    /// Rows and ledger row become durable together; returns the rows. `digest` is kept in the ledger row as it is: 64
    /// characters of ASCII at most.
    ///
    /// # Errors
    /// `conflict` if the ledger already has the chunk.
    pub fn commit(self, digest: Option<&str>) -> Result<u64> {
        let Self { session, writer } = self;
        let rows = call!(session, Role::Target, sensei_plugin_target.writer.call_commit, writer, digest)?;
        let name = session.plugin.name();
        writer.resource_drop(&mut session.instance.store).map_err(|e| from_wasmtime(name, Some(Role::Target), &e))?;
        Ok(rows)
    }
}

/// Lets the connector take leave of its system. One that trapped or was stopped cannot, and then the socket is closed without
/// a word; it has the time of any call.
fn take_leave(instance: &mut Instance, session: ResourceAny, plugin: &Plugin) {
    instance.store.data_mut().progressed();
    if let Err(e) = session.resource_drop(&mut instance.store) {
        tracing::debug!(plugin = plugin.name(), error = %e, "a session ended without taking leave");
    }
}

impl Drop for SourceSession {
    fn drop(&mut self) {
        take_leave(&mut self.instance, self.session, &self.plugin);
    }
}

impl Drop for TargetSession {
    fn drop(&mut self) {
        take_leave(&mut self.instance, self.session, &self.plugin);
    }
}

impl std::fmt::Debug for SourceSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SourceSession").field(&self.plugin.name()).finish()
    }
}

impl std::fmt::Debug for TargetSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("TargetSession").field(&self.plugin.name()).finish()
    }
}
