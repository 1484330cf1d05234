//! The way back from a cutover, and the end of it.

use super::attempts::Attempts;
use super::journal::{self, BEGUN, DISCARD, DONE, TAKE_BACK};
use super::{Job, full_name, staging};
use crate::catalog::TableName;
use crate::error::{Code, Error, Result};
use crate::plan::{Plan, undo};
use crate::plugin::{Cancel, Statement, TargetSession};
use crate::transfer;

/// Takes the cutover of this plan back, in one step: what went live is in staging again, with all that was written to it
/// since, and what it had replaced is in its place. [`super::discard`] then removes the rest.
///
/// `live`: the new tables are known to be live, and these of them had predecessors, which must be kept still. None: a cutover
/// was interrupted, and how far it came is what the ledger and the target say. Doing it again is a success; what breaks and
/// may mend is tried again. Heeds `job.cancel`.
///
/// # Errors
/// `conflict` if a replaced table is not kept any more, or if something else has come to depend on the new ones; whatever the
/// target reports. Nothing has changed then.
pub fn take_back(job: &Job, plan: &Plan, live: Option<&[TableName]>) -> Result<()> {
    let asked = || {
        let message = "Going back was interrupted. Do it again: it goes on with what is left.";
        job.cancel.is_cancelled().then(|| Error::new(Code::Cancelled, message))
    };
    Attempts::of(job).persist(asked, |cancel| attempt(job, plan, live, &cancel))
}

fn attempt(job: &Job, plan: &Plan, live: Option<&[TableName]>, cancel: &Cancel) -> Result<()> {
    let environment = job.environment(cancel);
    if live.is_none() {
        let mut session = TargetSession::open(&job.target, environment.clone())?;
        if session.recall(&plan.migration)?.is_none() {
            return Ok(());
        }
    }
    // A ledger that went with the end of the migration is made again: it says how far the way back is.
    let (mut session, ledger) = staging::claim(job, &plan.migration, &environment, || Ok(()))?;
    if journal::is_taken_back(&ledger) || journal::has(&ledger, DISCARD) {
        return Ok(());
    }
    let statements = staging::render(&mut session, plan)?;
    // Where schema changes are no transaction, something may have been done that no ledger knows of: the connector looks.
    let recorded = job.target.plugin().description().transactional_schema && live.is_none();
    let done = |s: &&Statement| !recorded || ledger.statements.contains(&s.id);
    let back = undo(statements.iter().filter(done));
    if !journal::has(&ledger, TAKE_BACK) {
        is_kept(&mut session, plan, live.unwrap_or_default())?;
        session.note(&plan.migration, TAKE_BACK, BEGUN)?;
    }
    transfer::execute(&mut session, &*job.observer, &plan.migration, &back, "taking the cutover back")?;
    session.note(&plan.migration, TAKE_BACK, DONE)
}

/// Without its predecessor, the place of a table would stay empty.
fn is_kept(session: &mut TargetSession, plan: &Plan, replaced: &[TableName]) -> Result<()> {
    let kept = session.kept(&plan.migration, replaced)?;
    let gone: Vec<String> = replaced.iter().filter(|name| !kept.contains(name)).map(full_name).collect();
    if gone.is_empty() {
        return Ok(());
    }
    let message = format!(
        "What the migration had replaced is not kept any more ({}): going back would leave nothing in its place. Nothing was taken back.",
        gone.join(", ")
    );
    Err(Error::new(Code::Conflict, message))
}

/// Removes, for good, what the cutover of this plan moved aside. Doing it again is a success.
///
/// # Errors
/// `conflict` if something depends on it; whatever the target reports.
pub fn forget(job: &Job, plan: &Plan) -> Result<()> {
    let asked = || {
        let message = "Removing what was replaced was interrupted. Do it again: it goes on with what is left.";
        job.cancel.is_cancelled().then(|| Error::new(Code::Cancelled, message))
    };
    Attempts::of(job).persist(asked, |cancel| {
        let mut session = TargetSession::open(&job.target, job.environment(&cancel))?;
        let statements = staging::render(&mut session, plan)?;
        let forget = staging::of_stage(&statements, crate::plugin::Stage::Forget);
        transfer::execute(&mut session, &*job.observer, &plan.migration, &forget, "removing what was replaced")
    })
}
