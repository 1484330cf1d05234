//! Repairing live rows that differ from the source's.
//!
//! The rows that are right are staged as those of any run are, and so are the keys of rows that are to go, in a staging of their
//! own; then one transaction of the target makes the live rows equal to them.

use arrow::array::RecordBatch;

use super::journal::{self, TAKE_BACK};
use super::{Job, TableCheck, full_name, recheck, staging};
use crate::catalog::{DataType, Table};
use crate::error::{Code, Error, Result, Role};
use crate::expression::{Projection, quote};
use crate::plan::{OnExisting, Plan, TablePlan};
use crate::plugin::rows::{decode_schema, encode};
use crate::plugin::{self, Environment, Repair, Repaired, Stage, Statement, TargetSession};
use crate::transfer;
use crate::validate::{self, Depth, Differing, Pair, Side};

/// What became of the rows of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRepair {
    /// In the target, for people.
    pub target: String,
    /// Rows that were there and were changed.
    pub updated: u64,
    /// Rows that were made.
    pub inserted: u64,
    /// Rows that went.
    pub deleted: u64,
}

/// Compares all live tables, value by value, and makes rows that differ equal to the source's, in one transaction. Returns what
/// was done, and how both sides compare afterwards. `most_rows` keys of a table may differ at most.
///
/// # Errors
/// `conflict` where more rows differ, or another session has the migration; `unsupported` where the target cannot be read;
/// whatever reading and writing report. Nothing has changed then.
pub fn repair(job: &Job, plan: &Plan, most_rows: u64) -> Result<(Vec<TableRepair>, Vec<TableCheck>)> {
    if let Some(why) = validate::unreadable(&job.target) {
        return Err(Error::new(Code::Unsupported, why));
    }
    let mut job = job.clone();
    job.options.validation = Depth::Full;
    let environment = job.environment(&job.cancel);
    let checks = recheck(&job, plan, false)?;
    let wrong: Vec<usize> = (0..checks.len()).filter(|&at| !checks[at].agrees()).collect();
    let wrong = plan.parents_first(&wrong, |at| &plan.tables[at].target.foreign_keys);
    if wrong.is_empty() {
        return Ok((Vec::new(), checks));
    }
    let done = mend(&job, plan, &environment, &wrong, most_rows);
    let done = job.unless_cancelled(done, "The repair was interrupted: all of it is done, or nothing.")?;
    Ok((done, recheck(&job, plan, false)?))
}

/// Removes what an interrupted repair left in staging.
///
/// # Errors
/// Whatever the target reports.
pub fn clear(job: &Job, plan: &Plan) -> Result<()> {
    let environment = job.environment(&job.cancel);
    let ledger = TargetSession::open(&job.target, environment.clone())?.recall(&plan.migration)?;
    if ledger.is_some_and(|ledger| journal::has(&ledger, TAKE_BACK)) {
        // Nobody begins to take a migration back before this is done.
        return Ok(());
    }
    for migration in [plan.migration.clone(), extras(&plan.migration)] {
        Place::of(job, plan, &environment, migration)?.discard()?;
    }
    Ok(())
}

fn mend(
    job: &Job,
    plan: &Plan,
    environment: &Environment,
    wrong: &[usize],
    most_rows: u64,
) -> Result<Vec<TableRepair>> {
    // Who takes the migration back needs the same claim.
    let mut right = Place::of(job, plan, environment, plan.migration.clone())?;
    let mut extra = match Place::of(job, plan, environment, extras(&plan.migration)) {
        Ok(extra) => extra,
        Err(e) => return Err(right.discard().err().unwrap_or(e)),
    };
    let done = (|| {
        let mut repairs = Vec::with_capacity(wrong.len());
        for table in wrong.iter().map(|&at| &plan.tables[at]) {
            let differing = find(job, environment, table, most_rows)?;
            right.load_right(table, &differing)?;
            extra.load_extra(plan, table, &differing)?;
            repairs.push(of(table, differing)?);
        }
        right.session.repair(&right.migration, &extra.migration, &repairs)
    })();
    // What is live is as it was, or repaired: staging matters no more, whatever became of it.
    let cleared = right.discard().and(extra.discard());
    let done = done?;
    cleared?;
    let told = |(&at, done): (&usize, &Repaired)| TableRepair {
        target: full_name(&plan.tables[at].target.name),
        updated: done.updated,
        inserted: done.inserted,
        deleted: done.deleted,
    };
    Ok(wrong.iter().zip(&done).map(told).collect())
}

fn find(job: &Job, environment: &Environment, table: &TablePlan, most_rows: u64) -> Result<Differing> {
    let go_on = || job.stop.check();
    let side = |connection, role| Side {
        connection,
        role,
        environment: environment.clone(),
        options: &job.options,
        at_one_moment: true,
        observer: None,
        go_on: &go_on,
    };
    let pair = Pair { table, target: table.target.name.clone(), written: None, testimony: None };
    validate::differing(&side(&job.source, Role::Source), &side(&job.target, Role::Target), &pair, most_rows)
}

fn of(table: &TablePlan, differing: Differing) -> Result<Repair> {
    let given = |name: &str| table.target.columns.iter().any(|c| c.name == name && c.generated.is_none());
    let schema = decode_schema(&table.row_schema)?;
    let columns = schema.fields().iter().map(|field| field.name().clone()).filter(|name| given(name)).collect();
    Ok(Repair { table: table.target.name.clone(), columns, key: differing.key, exact: differing.exact })
}

/// Names the staging of keys that are to go: as long as the migration's own name, since names in one target must not begin
/// with one another, and no other migration's.
fn extras(migration: &str) -> String {
    let first = if migration.starts_with('x') { 'y' } else { 'x' };
    std::iter::once(first).chain(migration.chars().skip(1)).collect()
}

/// A staging of bare tables.
struct Place<'a> {
    job: &'a Job,
    migration: String,
    session: TargetSession,
    /// Removes all that could ever be in it.
    discard: Vec<Statement>,
}

impl<'a> Place<'a> {
    /// An empty one.
    fn of(job: &'a Job, plan: &Plan, environment: &Environment, migration: String) -> Result<Self> {
        let (mut session, ledger) = staging::claim(job, &migration, environment, || Ok(()))?;
        if journal::has(&ledger, TAKE_BACK) {
            return Err(Error::new(Code::Conflict, "The migration is being taken back: there is nothing to repair."));
        }
        let tables = plan.tables.iter().map(|table| bare(&table.target, |_| true)).collect();
        let discard = staging::of_stage(&session.render(&bare_job(&migration, tables))?, Stage::Discard);
        // What an interrupted repair left.
        transfer::execute(&mut session, &*job.observer, &migration, &discard, "making room for a repair")?;
        drop(session);
        let (session, _) = staging::claim(job, &migration, environment, || Ok(()))?;
        Ok(Self { job, migration, session, discard })
    }

    fn load_right(&mut self, table: &TablePlan, differing: &Differing) -> Result<()> {
        let schema = decode_schema(&table.row_schema)?;
        let bare = bare(&table.target, |name| schema.index_of(name).is_ok());
        self.load(&bare, &table.row_schema, &differing.right)
    }

    /// The rows come as the target's connector reads them: as those of a migration from the target into itself.
    fn load_extra(&mut self, plan: &Plan, table: &TablePlan, differing: &Differing) -> Result<()> {
        let name = &table.target.name;
        let catalog = self.session.catalog(std::slice::from_ref(&name.schema))?;
        let live =
            catalog.tables.into_iter().find(|live| live.name == *name).ok_or_else(|| {
                Error::new(Code::NotFound, "The table is not there any more.").table_if(full_name(name))
            })?;
        let keys = bare(&live, |column| differing.key.iter().any(|key| key == column));
        let proposals = self.session.propose(std::slice::from_ref(&keys), &plan.target.dialect)?;
        let proposal = proposals.into_iter().next().ok_or_else(|| {
            Error::new(Code::PluginLied, "The target's connector proposes nothing. This is a bug of the connector.")
        })?;
        let wanted = decode_schema(&proposal.row_schema)?;
        let names: Vec<String> = wanted.fields().iter().map(|field| quote(field.name())).collect();
        let batches = differing
            .extra
            .iter()
            .map(|batch| Projection::compile(batch.schema_ref(), &wanted, &names)?.project(batch));
        let batches = batches.collect::<Result<Vec<_>>>()?;
        self.load(&bare(&proposal.table, |_| true), &proposal.row_schema, &batches)
    }

    fn load(&mut self, table: &Table, row_schema: &[u8], batches: &[RecordBatch]) -> Result<()> {
        let statements = self.session.render(&bare_job(&self.migration, vec![table.clone()]))?;
        let prepare = staging::of_stage(&statements, Stage::Prepare);
        let label = format!("staging rows of {} to repair", full_name(&table.name));
        transfer::execute(&mut self.session, &*self.job.observer, &self.migration, &prepare, &label)?;
        if batches.is_empty() {
            return Ok(());
        }
        let mut writer = self.session.write(&self.migration, table, 0, row_schema)?;
        for batch in batches {
            writer.write(&encode(batch)?)?;
        }
        writer.commit(None).map(drop)
    }

    fn discard(&mut self) -> Result<()> {
        let observer = &*self.job.observer;
        transfer::execute(&mut self.session, observer, &self.migration, &self.discard, "removing what was staged")
    }
}

/// Columns that hold what they are given, and nothing that is built on them.
fn bare(table: &Table, wanted: impl Fn(&str) -> bool) -> Table {
    let mut columns: Vec<_> = table.columns.iter().filter(|column| wanted(&column.name)).cloned().collect();
    for column in &mut columns {
        (column.default, column.identity, column.generated) = (None, None, None);
        (column.touched_on_update, column.comment) = (false, None);
        // The live type is there: none is to be made.
        if let DataType::Enumeration(enumeration) = &mut column.data_type {
            (enumeration.schema, enumeration.name) = (None, None);
        }
    }
    Table::of(table.name.clone(), columns)
}

fn bare_job(migration: &str, tables: Vec<Table>) -> plugin::Job {
    plugin::Job {
        migration: migration.to_owned(),
        tables,
        named_types: Vec::new(),
        dialect: String::new(),
        on_existing: OnExisting::Replace,
        additions: Vec::new(),
        views: Vec::new(),
        new_schemas: Vec::new(),
    }
}
