//! The dry run: everything a run does, but for writing.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{Job, full_name, staging};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::plan::{OnExisting, Plan};
use crate::plugin::{Cancel, SourceSession, Stage, Statement, TargetSession};
use crate::transfer::{self, Sample};

/// Time for the samples of all tables together. Default 60 s: a person waits for the answer, and hundreds of tables are
/// sampled in it unless the source is ill.
const SAMPLE_TIME: Duration = Duration::from_secs(60);

/// Whether the target executed what a run would execute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SchemaRehearsal {
    /// In one transaction, which was rolled back.
    Executed,
    /// Its schema changes are not transactional: nothing was executed.
    NotPossible,
}

/// How a dry run came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rehearsal {
    /// Whether the statements were executed.
    pub schema: SchemaRehearsal,
    /// How many statements a run would execute before its rows are live, those of a cutover that was left out included.
    pub statements: u64,
    /// In the plan's order.
    pub tables: Vec<TableRehearsal>,
}

/// How one table's sample came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableRehearsal {
    /// In the source, for people.
    pub source: String,
    /// In the target, for people.
    pub target: String,
    /// Rows that were read and put through the mappings; 0 of a table that has rows means that time ran out before it.
    pub rows_sampled: u64,
    /// The table has no other rows.
    pub whole: bool,
    /// Rows of the sample that a run would stop at.
    pub predicted_rejects: u64,
    /// The first of them.
    pub rejects: Vec<Reject>,
}

/// A row that a run would stop at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    /// The target's column that cannot be filled, or the source's that cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// What identifies the row: its key, else its place in the sample.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<String>,
    /// Why.
    pub reason: String,
}

/// Rehearses a plan and writes nothing: connects both sides, has the target execute the plan's statements and roll them back,
/// and reads the first rows of every table through its mappings, as a transfer would.
///
/// The cutover is rehearsed where it replaces nothing, and adds to nothing. Where it does, it would lock the target's own
/// tables, which others are using. A target may still refuse a value that the mappings let pass: what it takes is known to it
/// alone, when it is given the rows.
///
/// # Errors
/// What would stop a run before its first row: whatever connecting reports, the failing statement's own error, a mapping that does
/// not fit its table; `cancelled`.
pub fn rehearse(job: &Job, plan: &Plan) -> Result<Rehearsal> {
    // Thrown with the job's, and when time for the samples is up.
    let reading = job.cancel.child();
    let rehearsal = (|| {
        let source = SourceSession::open(&job.source, job.environment(&reading))?;
        let (schema, statements) = rehearse_schema(job, plan)?;
        Ok(Rehearsal { schema, statements, tables: sample_in_time(job, plan, source, &reading)? })
    })();
    job.unless_cancelled(rehearsal, "The rehearsal was interrupted. Nothing was written.")
}

fn rehearse_schema(job: &Job, plan: &Plan) -> Result<(SchemaRehearsal, u64)> {
    let mut target = TargetSession::open(&job.target, job.environment(&job.cancel))?;
    let mut statements = staging::render(&mut target, plan)?;
    statements.retain(|s| !matches!(s.stage, Stage::Discard | Stage::Forget));
    let count = statements.len() as u64;
    statements.retain(|s| harms_nobody(s, plan.request.on_existing));
    let label = "rehearsing the schema".to_owned();
    job.observer.observe(Event::StatementStarted { label: label.clone() });
    let began = Instant::now();
    let executed = target.rehearse(&plan.migration, &statements)?;
    job.observer.observe(Event::StatementFinished { label, seconds: began.elapsed().as_secs_f64() });
    Ok((if executed { SchemaRehearsal::Executed } else { SchemaRehearsal::NotPossible }, count))
}

/// Whether a statement that is rolled back disturbs none but the migration.
fn harms_nobody(statement: &Statement, on_existing: OnExisting) -> bool {
    match (statement.stage, on_existing) {
        (Stage::Prepare | Stage::CompleteTable | Stage::CompleteAll, _) | (Stage::Cutover, OnExisting::Fail) => true,
        (Stage::Cutover, OnExisting::Replace | OnExisting::Append)
        | (Stage::TakeBack | Stage::Discard | Stage::Forget, _) => false,
    }
}

/// Samples of all tables; of those for which there was no time, that there is none.
fn sample_in_time(job: &Job, plan: &Plan, source: SourceSession, reading: &Cancel) -> Result<Vec<TableRehearsal>> {
    let deadline = Instant::now() + SAMPLE_TIME;
    thread::scope(|scope| {
        let (at_work, ended) = mpsc::channel::<()>();
        thread::Builder::new()
            .name("sample-time".into())
            .spawn_scoped(scope, move || {
                // A source that waits for a lock looks at no clock.
                if ended.recv_timeout(SAMPLE_TIME) == Err(mpsc::RecvTimeoutError::Timeout) {
                    reading.cancel();
                }
            })
            .map_err(|e| Error::system("start a thread that watches the time", &e))?;
        let tables = sample(job, plan, source, reading, deadline);
        drop(at_work);
        tables
    })
}

fn sample(
    job: &Job,
    plan: &Plan,
    source: SourceSession,
    reading: &Cancel,
    deadline: Instant,
) -> Result<Vec<TableRehearsal>> {
    let mut session = Some(source);
    let mut tables = Vec::with_capacity(plan.tables.len());
    for table in &plan.tables {
        let is_late = || Instant::now() >= deadline;
        let sampled = if is_late() {
            Ok((Sample::default(), None))
        } else {
            let opened = session.take().map_or_else(|| SourceSession::open(&job.source, job.environment(reading)), Ok);
            opened.and_then(|session| transfer::sample(session, table, deadline))
        };
        let (sample, usable) = match sampled {
            Ok(sampled) => sampled,
            // Cut off in the middle of a call.
            Err(_) if is_late() && !job.cancel.is_cancelled() => (Sample::default(), None),
            Err(e) => return Err(e.table_if(full_name(&table.source))),
        };
        session = usable;
        tables.push(TableRehearsal {
            source: full_name(&table.source),
            target: full_name(&table.target.name),
            rows_sampled: sample.rows,
            whole: sample.whole,
            predicted_rejects: sample.rejects,
            rejects: sample.examples,
        });
    }
    Ok(tables)
}
