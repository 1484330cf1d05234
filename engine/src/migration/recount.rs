//! Counting again, on both sides.

use serde::{Deserialize, Serialize};

use super::{Job, full_name};
use crate::error::{Code, Error, Result};
use crate::plan::{Plan, TablePlan};
use crate::plugin::{Environment, SourceSession, TargetSession};

/// One table's rows, on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableCount {
    /// In the source, for people.
    pub source: String,
    /// In the target, for people.
    pub target: String,
    /// Rows the source counts now.
    pub source_rows: u64,
    /// Rows the target counts now.
    pub target_rows: u64,
}

/// Counts every table again, in the plan's order: the source as it is now, not in a run's snapshot; the target in staging
/// (`staged`) or live. Needs no claim, so that it may go on beside a run; both sides count at the same time.
///
/// # Errors
/// Whatever connecting or counting reports, the source's first: `not_found` for a table that is not (or not any more) where
/// it was looked for; `cancelled`.
pub fn recount(job: &Job, plan: &Plan, staged: bool) -> Result<Vec<TableCount>> {
    let environment = job.environment(&job.cancel);
    let counted = std::thread::scope(|scope| {
        let source = std::thread::Builder::new()
            .name("recount".into())
            .spawn_scoped(scope, || count_source(job, plan, environment.clone()))
            .map_err(|e| Error::system("start a thread to count in", &e))?;
        let target = count_target(job, plan, environment.clone(), staged);
        let broke = |_| Error::new(Code::System, "Counting broke down; this is a bug of Sensei.");
        Ok((source.join().map_err(broke)??, target?))
    });
    let (source, target) = job.unless_cancelled(counted, "Counting was interrupted.")?;
    let counts = plan.tables.iter().zip(source).zip(target);
    Ok(counts
        .map(|((table, source_rows), target_rows)| TableCount {
            source: full_name(&table.source),
            target: full_name(&table.target.name),
            source_rows,
            target_rows,
        })
        .collect())
}

fn count_source(job: &Job, plan: &Plan, environment: Environment) -> Result<Vec<u64>> {
    let mut session = SourceSession::open(&job.source, environment)?;
    let count = |t: &TablePlan| session.count(&t.source).map_err(|e| e.table_if(full_name(&t.source)));
    plan.tables.iter().map(count).collect()
}

fn count_target(job: &Job, plan: &Plan, environment: Environment, staged: bool) -> Result<Vec<u64>> {
    let mut session = TargetSession::open(&job.target, environment)?;
    let count = |t: &TablePlan| {
        session.count(&plan.migration, &t.target.name, staged).map_err(|e| e.table_if(full_name(&t.target.name)))
    };
    plan.tables.iter().map(count).collect()
}
