//! Removing the ledger of a migration whose tables are live.

use super::attempts::Attempts;
use super::{Job, staging};
use crate::error::{Code, Error, Result};
use crate::plan::Plan;
use crate::plugin::TargetSession;

/// Removes what is left of staging and ledger after a run with [`Job::keep_ledger`] succeeded. The new tables stay live. Doing it
/// again is a success; what breaks and may mend is tried again.
///
/// # Errors
/// Whatever the target reports.
pub fn tidy(job: &Job, plan: &Plan) -> Result<()> {
    let asked = || {
        let message = "Removing staging and ledger was interrupted. Do it again: it goes on with what is left.";
        job.cancel.is_cancelled().then(|| Error::new(Code::Cancelled, message))
    };
    Attempts::of(job).persist(asked, |cancel| {
        let mut session = TargetSession::open(&job.target, job.environment(&cancel))?;
        let statements = staging::render(&mut session, plan)?;
        staging::remove(&mut session, &*job.observer, plan, &statements, "removing staging and ledger")
    })
}
