//! A migration's place in the target: taking it, and throwing it away.

use std::time::{Duration, Instant};

use super::Job;
use super::attempts::sleep;
use super::journal::{BEGUN, DISCARD};
use crate::error::{Code, Result};
use crate::event::Observer;
use crate::plan::{OnExisting, Plan};
use crate::plugin::{Environment, Ledger, Stage, Statement, TargetSession};
use crate::transfer;

/// How long a claim that another session holds is waited for: a killed run's session needs a moment to be noticed by
/// its server.
const CLAIM_PATIENCE: Duration = Duration::from_secs(20);
/// Pause between two tries to claim.
const CLAIM_PAUSE: Duration = Duration::from_millis(500);

/// A session that has the migration, and what earlier runs left. `go_on` ends the waiting for another that has it.
pub(super) fn claim(
    job: &Job,
    migration: &str,
    environment: &Environment,
    go_on: impl Fn() -> Result<()>,
) -> Result<(TargetSession, Ledger)> {
    let deadline = Instant::now() + CLAIM_PATIENCE;
    loop {
        // A session whose call failed is not used again.
        let mut session = TargetSession::open(&job.target, environment.clone())?;
        match session.claim(migration) {
            Ok(ledger) => return Ok((session, ledger)),
            Err(e) if e.code == Code::Conflict && Instant::now() < deadline => {
                drop(session);
                sleep(CLAIM_PAUSE, || environment.cancel.is_cancelled());
                go_on()?;
            }
            Err(e) => return Err(e),
        }
    }
}

/// All statements of a plan, in order.
pub(super) fn render(session: &mut TargetSession, plan: &Plan) -> Result<Vec<Statement>> {
    session.render(&plan.job())
}

/// The statements of one stage.
pub(super) fn of_stage(statements: &[Statement], stage: Stage) -> Vec<Statement> {
    statements.iter().filter(|s| s.stage == stage).cloned().collect()
}

/// Staging and ledger go, and the claim with them. Where that is not one transaction it may be interrupted halfway: the mark
/// lets nobody trust a ledger whose tables are gone (P1).
pub(super) fn throw_away(
    session: &mut TargetSession,
    observer: &dyn Observer,
    plan: &Plan,
    statements: &[Statement],
) -> Result<()> {
    session.note(&plan.migration, DISCARD, BEGUN)?;
    remove(session, observer, plan, statements, "throwing away staging and ledger")
}

/// The same once nothing in staging matters any more: after the cutover, or where there is no ledger.
pub(super) fn remove(
    session: &mut TargetSession,
    observer: &dyn Observer,
    plan: &Plan,
    statements: &[Statement],
    label: &str,
) -> Result<()> {
    transfer::execute(session, observer, &plan.migration, &of_stage(statements, Stage::Discard), label)
}

/// Where tables that the cutover replaces are kept, for people, or the rows that it adds; none where it does neither.
pub(super) fn kept(plan: &Plan) -> Option<String> {
    match plan.request.on_existing {
        OnExisting::Fail => None,
        OnExisting::Replace | OnExisting::Append => Some(format!("sensei_old_{}", plan.migration)),
    }
}
