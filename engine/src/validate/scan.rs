//! Reading all rows of tables, of one side, many chunks at a time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::rows::{Comparison, Hasher};
use crate::catalog::TableName;
use crate::connection::Connection;
use crate::error::{Error, Result, Role};
use crate::event::{Event, Observer};
use crate::expression::Projection;
use crate::migration::Options;
use crate::plan::TablePlan;
use crate::plugin::rows::decode_schema;
use crate::plugin::{Environment, Range, Reading, SourceSession};

/// One system, to be read.
pub(crate) struct Side<'a> {
    pub(crate) connection: &'a Connection,
    /// Which of the two it is in the migration: a target is read, too.
    pub(crate) role: Role,
    pub(crate) environment: Environment,
    pub(crate) options: &'a Options,
    /// All rows as of one moment: others write to these tables. Staged ones have no other writer.
    pub(crate) at_one_moment: bool,
    /// Hears of each batch that was read; none for those who are not counted.
    pub(crate) observer: Option<&'a dyn Observer>,
    /// Fails once somebody wants an end.
    pub(crate) go_on: &'a (dyn Fn() -> Result<()> + Sync),
}

/// One table to be read.
pub(crate) struct Scan<'a> {
    pub(crate) table: TableName,
    pub(crate) columns: Vec<String>,
    /// For the source: what becomes of its rows before they are compared.
    pub(crate) mapped: Option<&'a TablePlan>,
    pub(crate) comparison: &'a Comparison,
}

/// What is made of rows; of the same rows in any order the same.
pub(super) trait Gather: Send + Sized {
    /// Takes in the rows of a batch.
    fn take(&mut self, hasher: &Hasher, batch: &RecordBatch);
    /// Takes in what another gathered.
    fn join(&mut self, other: Self);
}

/// A chunk of the scan with this number.
struct Task {
    scan: usize,
    range: Range,
}

impl Side<'_> {
    fn open(&self) -> Result<SourceSession> {
        SourceSession::open(self.connection, self.environment.clone()).map_err(|e| self.blame(e))
    }

    /// A session that reads calls itself the source's.
    pub(super) fn blame(&self, error: Error) -> Error {
        Error { role: error.role.map(|_| self.role), ..error }
    }

    /// The Arrow schema in which this side hands rows of a table back.
    pub(super) fn row_schema(
        &self,
        session: &mut SourceSession,
        table: &TableName,
        columns: &[String],
    ) -> Result<SchemaRef> {
        session.row_schema(table, columns).map_err(|e| self.blame(e).table_if(&table.name))
    }

    /// A session for [`Self::row_schema`].
    pub(super) fn session(&self) -> Result<SourceSession> {
        self.open()
    }

    /// Reads all tables; `fresh` begins what is gathered of the one with this number.
    pub(super) fn scan<G: Gather>(&self, scans: &[Scan<'_>], fresh: impl Fn(usize) -> G + Sync) -> Result<Vec<G>> {
        if scans.is_empty() {
            return Ok(Vec::new());
        }
        let mut control = self.open()?;
        let snapshot = if self.at_one_moment { Some(control.freeze().map_err(|e| self.blame(e))?.token) } else { None };
        let most = self.connection.plugin().description().max_readers.map_or(usize::MAX, |n| n as usize);
        let sessions = (0..self.options.parallelism.min(most).max(1)).map(|_| {
            let mut session = self.open()?;
            if let Some(token) = &snapshot {
                session.join(token).map_err(|e| self.blame(e))?;
            }
            Ok(session)
        });
        let sessions = sessions.collect::<Result<Vec<_>>>()?;
        if snapshot.is_some() {
            control.thaw().map_err(|e| self.blame(e))?;
        }
        let mut tasks = Vec::new();
        for (at, scan) in scans.iter().enumerate() {
            (self.go_on)()?;
            let chunks = control.split(&scan.table, self.options.chunk_rows);
            let chunks = chunks.map_err(|e| self.blame(e).table_if(&scan.table.name))?;
            tasks.extend(chunks.into_iter().map(|chunk| Task { scan: at, range: chunk.range }));
        }
        let gathered: Vec<Mutex<G>> = (0..scans.len()).map(|at| Mutex::new(fresh(at))).collect();
        let (next, failed) = (AtomicUsize::new(0), Mutex::new(None));
        std::thread::scope(|scope| {
            for (number, session) in sessions.into_iter().enumerate() {
                let work = || {
                    let done = self.work(session, scans, &tasks, &next, &gathered, &fresh);
                    if let Err(error) = done {
                        // Nothing is handed out any more.
                        next.store(tasks.len(), Ordering::SeqCst);
                        failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                    }
                };
                let spawned = std::thread::Builder::new().name(format!("compare-{number}")).spawn_scoped(scope, work);
                if let Err(e) = spawned {
                    let error = Error::system("start a thread to compare rows in", &e);
                    failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                }
            }
        });
        match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None => Ok(gathered.into_iter().map(|g| g.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()),
        }
    }

    fn work<G: Gather>(
        &self,
        mut session: SourceSession,
        scans: &[Scan<'_>],
        tasks: &[Task],
        next: &AtomicUsize,
        gathered: &[Mutex<G>],
        fresh: &(impl Fn(usize) -> G + Sync),
    ) -> Result<()> {
        while let Some(task) = tasks.get(next.fetch_add(1, Ordering::SeqCst)) {
            (self.go_on)()?;
            let scan = &scans[task.scan];
            let mut own = fresh(task.scan);
            let read = self.read(&mut session, scan, &task.range, &mut own);
            read.map_err(|e| self.blame(e).table_if(&scan.table.name))?;
            gathered[task.scan].lock().unwrap_or_else(PoisonError::into_inner).join(own);
        }
        Ok(())
    }

    fn read<G: Gather>(&self, session: &mut SourceSession, scan: &Scan<'_>, range: &Range, into: &mut G) -> Result<()> {
        let mut reader = session.read(&Reading {
            table: &scan.table,
            columns: &scan.columns,
            range,
            batch_rows: self.options.batch_rows,
            batch_bytes: self.options.batch_bytes,
            limit: None,
        })?;
        let projection = scan.mapped.map(|table| projection(reader.schema(), table)).transpose()?;
        let hasher = match scan.mapped {
            Some(table) => scan.comparison.hasher(&*decode_schema(&table.row_schema)?),
            None => scan.comparison.hasher(reader.schema()),
        };
        while let Some(batch) = reader.next_batch()? {
            if let Some(observer) = self.observer {
                observer.observe(Event::RowsCompared { rows: batch.columns.num_rows() as u64 });
            }
            match &projection {
                Some(projection) => into.take(&hasher, &projection.project(&batch.columns)?),
                None => into.take(&hasher, &batch.columns),
            }
        }
        reader.close()
    }
}

fn projection(source: &SchemaRef, table: &TablePlan) -> Result<Projection> {
    let transformations: Vec<String> = table.mappings.iter().map(|m| m.transformation.clone()).collect();
    Projection::compile(source, &decode_schema(&table.row_schema)?, &transformations)
}
