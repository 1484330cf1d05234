//! Taking back what a run made before its cutover.

use super::attempts::Attempts;
use super::{Job, journal, staging};
use crate::error::{Code, Error, Result};
use crate::plan::Plan;
use crate::plugin::{Cancel, TargetSession};

/// Takes back what runs of this plan made: staging and ledger go, the target's own tables stay as they are (P4).
///
/// Doing it again is a success, and so is doing it where nothing was ever made, or where a finished run left nothing in
/// staging. What breaks and may mend is tried again, as by [`super::run`]; interrupted at any instant, it is simply done
/// again. Heeds `job.cancel`, not `job.stop`: that is for runs.
///
/// # Errors
/// `conflict` if the cutover had begun, since the new tables are or may be live, or if a run that goes on has the
/// migration; otherwise whatever the target reports.
pub fn discard(job: &Job, plan: &Plan) -> Result<()> {
    let asked = || {
        let message = "Discarding was interrupted. Do it again: it goes on with what is left of staging and ledger.";
        job.cancel.is_cancelled().then(|| Error::new(Code::Cancelled, message))
    };
    Attempts::of(job).persist(asked, |cancel| attempt(job, plan, &cancel))
}

fn attempt(job: &Job, plan: &Plan, cancel: &Cancel) -> Result<()> {
    let environment = job.environment(cancel);
    let mut session = TargetSession::open(&job.target, environment.clone())?;
    if session.recall(&plan.migration)?.is_none() {
        // Nobody can hold what is not there. Half a ledger, of a claim or discarding that was interrupted, is none.
        let statements = staging::render(&mut session, plan)?;
        return staging::remove(&mut session, &*job.observer, plan, &statements, "removing what is left of staging");
    }
    drop(session);
    let (mut session, ledger) = staging::claim(job, &plan.migration, &environment, || Ok(()))?;
    let statements = staging::render(&mut session, plan)?;
    journal::before_cutover(&ledger, &statements, staging::kept(plan).as_deref())?;
    staging::throw_away(&mut session, &*job.observer, plan, &statements)
}
