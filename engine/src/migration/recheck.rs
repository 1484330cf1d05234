//! Comparing again, both sides as they are.

use serde::{Deserialize, Serialize};

use super::{Job, full_name};
use crate::catalog::TableName;
use crate::error::{Code, Error, Result, Role};
use crate::plan::{Plan, TablePlan};
use crate::plugin::{Environment, SourceSession, TargetSession};
use crate::validate::{self, Content, Pair, Side, Witness};

/// One table on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableCheck {
    /// In the source, for people.
    pub source: String,
    /// In the target, for people.
    pub target: String,
    /// Rows the source counts.
    pub source_rows: u64,
    /// Rows the target counts.
    pub target_rows: u64,
    /// How their content compared.
    #[serde(default)]
    pub content: Content,
    /// What both systems themselves say of it; none where they were not asked, or one has nothing to say.
    #[serde(default)]
    pub witness: Option<Witness>,
}

impl TableCheck {
    /// Whether both sides hold the same, as far as anybody looked.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.source_rows == self.target_rows
            && self.content.agrees()
            && self.witness.as_ref().is_none_or(Witness::agrees)
    }
}

/// Compares every table again, in the plan's order and as closely as `job.options.validation` says: the source as it is now,
/// not in a run's snapshot; the target in staging (`staged`) or live. Needs no claim, so that it may go on beside a run.
/// In staging, where not everything may have arrived yet, only the content of tables whose counts agree is read.
///
/// # Errors
/// Whatever connecting, counting or reading reports, the source's first: `not_found` for a table that is not (or not any
/// more) where it was looked for; `cancelled`.
pub fn recheck(job: &Job, plan: &Plan, staged: bool) -> Result<Vec<TableCheck>> {
    let environment = job.environment(&job.cancel);
    let checked = count(job, plan, &environment, staged).and_then(|mut checks| {
        let names = target_names(job, plan, &environment, staged)?;
        let sides = |check: &TableCheck| !staged || check.agrees();
        let pairs: Vec<(usize, Pair<'_>)> = (plan.tables.iter().zip(names).enumerate())
            .filter(|(at, _)| sides(&checks[*at]))
            .map(|(at, (table, target))| (at, Pair { table, target, written: None, testimony: None }))
            .collect();
        compare(job, &environment, pairs, &mut checks, !staged)?;
        Ok(checks)
    });
    job.unless_cancelled(checked, "Comparing was interrupted.")
}

/// Compares the content of some tables, and puts it into their checks. `live`: others may write to the target's tables.
pub(super) fn compare(
    job: &Job,
    environment: &Environment,
    pairs: Vec<(usize, Pair<'_>)>,
    checks: &mut [TableCheck],
    live: bool,
) -> Result<()> {
    let Some(percent) = job.options.validation.percent() else { return Ok(()) };
    if let Some(why) = validate::unreadable(&job.target) {
        pairs.iter().for_each(|(at, _)| checks[*at].content = Content::NotPossible { why: why.clone() });
        return Ok(());
    }
    let go_on = || job.stop.check();
    let side = |connection, role, at_one_moment, observer| Side {
        connection,
        role,
        environment: environment.clone(),
        options: &job.options,
        at_one_moment,
        observer,
        go_on: &go_on,
    };
    let source = side(&job.source, Role::Source, true, None);
    let target = side(&job.target, Role::Target, live, Some(&*job.observer));
    let (places, pairs): (Vec<usize>, Vec<Pair<'_>>) = pairs.into_iter().unzip();
    let rows: Vec<u64> = places.iter().map(|at| checks[*at].source_rows).collect();
    // The servers add up while their rows are read.
    let hear = || {
        if job.options.validation.has_witness() {
            validate::hear(&source, &target, &pairs, &rows)
        } else {
            Ok(Vec::new())
        }
    };
    let compare = || validate::compare(&source, &target, &pairs, percent);
    let (heard, compared) = side_by_side("witness", hear, compare)?;
    for (at, witness) in places.iter().zip(heard) {
        checks[*at].witness = witness;
    }
    for (at, compared) in places.into_iter().zip(compared) {
        checks[at].content = Content::Compared(compared);
    }
    Ok(())
}

/// What the target's tables are called now.
fn target_names(job: &Job, plan: &Plan, environment: &Environment, staged: bool) -> Result<Vec<TableName>> {
    let names = plan.tables.iter().map(|table| table.target.name.clone());
    if !staged {
        return Ok(names.collect());
    }
    let mut session = TargetSession::open(&job.target, environment.clone())?;
    names.map(|name| session.staged(&plan.migration, &name)).collect()
}

/// Both sides count at the same time.
fn count(job: &Job, plan: &Plan, environment: &Environment, staged: bool) -> Result<Vec<TableCheck>> {
    let source = || count_source(job, plan, environment.clone());
    let target = || count_target(job, plan, environment.clone(), staged);
    let (source, target) = side_by_side("recount", source, target)?;
    let counts = plan.tables.iter().zip(source).zip(target);
    Ok(counts.map(|((table, source_rows), target_rows)| check(table, source_rows, target_rows)).collect())
}

/// Does the one in a thread of this name and the other in the calling one, and waits for both. Of two errors it is the one's.
fn side_by_side<A: Send, B>(
    name: &str,
    one: impl FnOnce() -> Result<A> + Send,
    other: impl FnOnce() -> Result<B>,
) -> Result<(A, B)> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name(name.to_owned());
        let one = thread.spawn_scoped(scope, one).map_err(|e| Error::system("start a thread to compare in", &e))?;
        let other = other();
        let broke = |_| Error::new(Code::System, "Comparing broke down; this is a bug of Sensei.");
        Ok((one.join().map_err(broke)??, other?))
    })
}

/// A table of which only the rows are counted so far.
pub(super) fn check(table: &TablePlan, source_rows: u64, target_rows: u64) -> TableCheck {
    TableCheck {
        source: full_name(&table.source),
        target: full_name(&table.target.name),
        source_rows,
        target_rows,
        content: Content::NotAsked,
        witness: None,
    }
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
