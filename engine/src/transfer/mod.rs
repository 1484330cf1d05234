//! Moving rows: the only place that names rayon.
//!
//! A table is split into chunks; lanes take chunks from one queue, largest table first; a chunk's rows and its
//! ledger row become durable in one transaction of the target (P1). As soon as a table's last chunk is
//! durable, a lane builds its keys and indexes while the others go on.

mod budget;
mod lane;
mod project;
mod queue;
mod sample;
mod tally;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use self::queue::Queue;
pub(crate) use self::sample::{Sample, sample};
pub(crate) use self::tally::{TableTally, Tally};
use crate::connection::Connection;
use crate::error::{Code, Error, Result, Role};
use crate::event::{Event, Observer, TableProgress};
use crate::migration::{Options, Stop};
use crate::plan::Plan;
use crate::plugin::{Cancel, Chunk, Environment, Ledger, SourceSession, Stage, Statement, TargetSession};
use crate::validate::{Digest, Questions};

/// Everything the lanes share.
pub(crate) struct Transfer<'a> {
    pub(crate) source: &'a Connection,
    pub(crate) target: &'a Connection,
    pub(crate) plan: &'a Plan,
    pub(crate) options: &'a Options,
    pub(crate) statements: &'a [Statement],
    pub(crate) observer: &'a dyn Observer,
    pub(crate) environment: Environment,
    pub(crate) cancel: Cancel,
    /// Asked for, no further chunk or statement begins.
    pub(crate) stop: &'a Stop,
    /// Of the snapshot all readers are in.
    pub(crate) snapshot: String,
    /// Rows whose content is digested on their way, in percent; none: nobody compares them.
    pub(crate) digested: Option<u8>,
}

impl Transfer<'_> {
    fn target_name(&self, table: usize) -> String {
        let name = &self.plan.tables[table].target.name;
        if self.target.plugin().description().has_schemas {
            format!("{}.{}", name.schema, name.name)
        } else {
            name.name.clone()
        }
    }

    /// Whether the source is asked for its own figures.
    fn has_witness(&self) -> bool {
        self.digested.is_some() && self.options.validation.has_witness()
    }

    pub(crate) fn statements(&self, stage: Stage) -> impl Iterator<Item = &Statement> {
        self.statements.iter().filter(move |s| s.stage == stage)
    }

    /// A reader in the snapshot, in place of one that broke.
    fn rejoin(&self) -> Result<SourceSession> {
        let mut session = SourceSession::open(self.source, self.environment.clone())?;
        session.join(&self.snapshot).map_err(|e| {
            // Whoever held the snapshot is gone too: the whole run is begun again from the ledger, in a new one.
            let message = format!("The source's snapshot is lost ({}); the migration goes on in a new one.", e.message);
            Error { message, ..Error { code: Code::Unreachable, ..e } }
        })?;
        Ok(session)
    }

    fn writing<'s>(&self, session: &'s mut Option<TargetSession>) -> Result<&'s mut TargetSession> {
        match session {
            Some(session) => Ok(session),
            none => Ok(none.insert(TargetSession::open(self.target, self.environment.clone())?)),
        }
    }

    /// Lanes: what was asked for, within what both connectors can do at once.
    pub(crate) fn lanes(&self) -> usize {
        let readers = self.source.plugin().description().max_readers;
        let writers = self.target.plugin().description().max_writers;
        let most = readers.into_iter().chain(writers).min().map_or(usize::MAX, |n| n as usize);
        self.options.parallelism.min(most).max(1)
    }
}

/// Executes one statement and tells about it.
pub(crate) fn execute_one(session: &mut TargetSession, transfer: &Transfer<'_>, statement: &Statement) -> Result<()> {
    execute(session, transfer.observer, &transfer.plan.migration, std::slice::from_ref(statement), &statement.label)
}

/// Executes statements in one call and tells about them as one.
pub(crate) fn execute(
    session: &mut TargetSession,
    observer: &dyn Observer,
    migration: &str,
    statements: &[Statement],
    label: &str,
) -> Result<()> {
    if statements.is_empty() {
        return Ok(());
    }
    observer.observe(Event::StatementStarted { label: label.to_owned() });
    let began = Instant::now();
    session.execute(migration, statements)?;
    observer.observe(Event::StatementFinished { label: label.to_owned(), seconds: began.elapsed().as_secs_f64() });
    Ok(())
}

/// The two sessions that the run holds while lanes work.
pub(crate) struct Control<'s> {
    /// Froze the snapshot; splits and counts.
    pub(crate) source: &'s mut SourceSession,
    /// Holds the claim; writes the journal.
    pub(crate) target: &'s mut TargetSession,
    /// What earlier runs left.
    pub(crate) ledger: &'s Ledger,
}

/// Moves all tables that are not durably there, completes and counts them.
///
/// `lanes` are sessions in the snapshot, one for each lane.
///
/// # Errors
/// The first that trying again does not mend; `cancelled` after a stop, when every chunk that had begun is durable.
pub(crate) fn run(transfer: &Transfer<'_>, control: Control<'_>, lanes: Vec<SourceSession>) -> Result<Vec<TableTally>> {
    let queue = Queue::new(transfer.options.attempts, transfer.stop.clone());
    let tally = Tally::new(transfer.plan.tables.len());
    let pool = rayon::ThreadPoolBuilder::new()
        .thread_name(|n| format!("mapping-{n}"))
        .build()
        .map_err(|e| Error::new(Code::System, format!("Sensei could not start its worker threads: {e}.")))?;
    std::thread::scope(|scope| {
        let mut failed_to_start = None;
        let writers = Arc::new(lane::Writes);
        for (number, session) in lanes.into_iter().enumerate() {
            let (reading, writing) = lane::lane(transfer, &queue, &tally, &pool, session, &writers);
            let spawned = std::thread::Builder::new()
                .name(format!("read-{number}"))
                .spawn_scoped(scope, || reading.run())
                .and_then(|_| {
                    std::thread::Builder::new().name(format!("write-{number}")).spawn_scoped(scope, || writing.run())
                });
            failed_to_start = failed_to_start.or(spawned.err());
        }
        drop(writers);
        let result = match failed_to_start {
            Some(e) => Err(Error::system("start a lane", &e)),
            None => split_and_count(transfer, control, &queue, &tally),
        };
        match result {
            Ok(()) => {}
            // Nobody needs the chunks and counts any more, but lanes still commit what they are at.
            Err(e) if transfer.stop.is_asked() => {
                tracing::debug!(error = %e, "splitting or counting ended by the stop")
            }
            Err(e) => {
                queue.fail(e);
                transfer.cancel.cancel();
            }
        }
    });
    queue.outcome()?;
    Ok(tally.into_tables())
}

/// Durable chunks of a table by their numbers: rows, and what they add up to where that can be used.
type Receipts = HashMap<u32, (u64, Option<Digest>)>;

/// Feeds the queue, largest table first, then counts the source while the lanes work.
fn split_and_count(transfer: &Transfer<'_>, control: Control<'_>, queue: &Queue, tally: &Tally) -> Result<()> {
    let Control { source, target, ledger } = control;
    let tables = &transfer.plan.tables;
    let mut order: Vec<usize> = (0..tables.len()).collect();
    order.sort_by_key(|&t| std::cmp::Reverse((tables[t].estimated_bytes, tables[t].estimated_rows)));
    let mut receipts: HashMap<(&str, &str), Receipts> = HashMap::new();
    for receipt in &ledger.chunks {
        let digest = transfer.digested.and_then(|percent| Digest::read(receipt.digest.as_deref()?, percent));
        let of_table = receipts.entry((&receipt.table.schema, &receipt.table.name)).or_default();
        of_table.insert(receipt.chunk, (receipt.rows, digest));
    }
    for &table in &order {
        if queue.is_over() {
            return Ok(());
        }
        let name = &tables[table].target.name;
        let mut done = receipts.remove(&(name.schema.as_str(), name.name.as_str())).unwrap_or_default();
        let chunks = chunks_of(transfer, source, target, ledger, table, &mut done)?;
        let rows_done = done.values().map(|(rows, _)| rows).sum();
        let digest = done.values().try_fold(Digest::default(), |all, (_, digest)| tally::sum(Some(all), *digest));
        tally.resumed(table, chunks.len() as u32, done.len() as u32, rows_done, digest);
        let rows_expected = chunks.iter().map(|c| c.rows).sum::<u64>().max(rows_done);
        transfer.observer.observe(Event::TableStarted(TableProgress {
            table,
            name: transfer.target_name(table),
            rows_expected,
            rows_done,
            chunks: chunks.len() as u32,
            chunks_done: done.len() as u32,
        }));
        let numbered = (0..).zip(chunks).filter(|(number, _)| !done.contains_key(number));
        queue.add_table(table, numbered);
    }
    queue.all_added();
    for &table in &order {
        if queue.is_over() {
            return Ok(());
        }
        let began = Instant::now();
        let rows = source.count(&tables[table].source).map_err(|e| e.table_if(&tables[table].source.name))?;
        tracing::debug!(table = %tables[table].source.name, rows, seconds = began.elapsed().as_secs_f64(), "counted source");
        tally.counted_source(table, rows);
        if !transfer.has_witness() {
            continue;
        }
        let (questions, began) = (Questions::of(&tables[table]), Instant::now());
        let told = questions.ask_source(source, &tables[table].source, rows, transfer.options.witness_rows)?;
        tracing::debug!(table = %tables[table].source.name, seconds = began.elapsed().as_secs_f64(), "asked source");
        tally.asked_source(table, told);
    }
    Ok(())
}

/// A table's chunks: those of an earlier run where they still mean the same rows, otherwise split anew.
fn chunks_of(
    transfer: &Transfer<'_>,
    source: &mut SourceSession,
    target: &mut TargetSession,
    ledger: &Ledger,
    table: usize,
    done: &mut Receipts,
) -> Result<Vec<Chunk>> {
    let plan = transfer.plan;
    let key = format!("chunks/{table}");
    if let Some((_, json)) = ledger.journal.iter().find(|(k, _)| *k == key) {
        let chunks: Vec<Chunk> = serde_json::from_str(json).map_err(|e| journal_damaged(&key, &e))?;
        let numbers: HashSet<u32> = (0..chunks.len() as u32).collect();
        let open = numbers.iter().any(|n| !done.contains_key(n));
        if !open || chunks.iter().all(|c| c.lasting) {
            return Ok(chunks);
        }
        // Physical ranges of a snapshot that is gone: the rows may have moved between them (P1).
        target.reset(&plan.migration, &plan.tables[table].target.name)?;
        done.clear();
    }
    let chunks = source
        .split(&plan.tables[table].source, transfer.options.chunk_rows)
        .map_err(|e| e.table_if(&plan.tables[table].source.name))?;
    if chunks.is_empty() {
        return Err(Error::new(
            Code::PluginLied,
            "The connector split a table into no chunk at all; report this to its author.",
        )
        .role_if(Some(Role::Source)));
    }
    let json = serde_json::to_string(&chunks).map_err(|e| journal_damaged(&key, &e))?;
    target.note(&plan.migration, &key, &json)?;
    Ok(chunks)
}

pub(crate) fn journal_damaged(key: &str, e: &serde_json::Error) -> Error {
    Error::new(
        Code::PlanStale,
        format!("The journal entry `{key}` of the interrupted run cannot be read ({e}). Begin anew with `--restart`."),
    )
}
