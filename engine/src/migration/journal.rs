//! What a migration's journal, in the target's ledger, says about earlier runs of it.

use crate::error::{Code, Error, Result};
use crate::plan::Plan;
use crate::plugin::{Ledger, Stage, Statement};
use crate::transfer::journal_damaged;

/// Entry that holds the plan.
pub(super) const PLAN: &str = "plan";
/// Entry that is there once the cutover may have happened: everything before it is done and agreed, and staging may be
/// empty already.
pub(super) const CUTOVER: &str = "cutover";
/// Entry that is there once staging may be half thrown away: what the ledger says of it counts no longer.
pub(super) const DISCARD: &str = "discard";
/// Entry that is there once the cutover is being taken back; [`DONE`] once it is.
pub(super) const TAKE_BACK: &str = "take_back";
/// What marks hold; that they are there is what counts.
pub(super) const BEGUN: &str = "begun";
/// What a mark holds whose work can be interrupted in its middle, at its end.
pub(super) const DONE: &str = "done";

/// How far earlier runs came.
#[derive(Debug)]
pub(super) enum Earlier {
    /// Nothing was moved.
    Nothing,
    /// Staging is half thrown away.
    Discarding,
    /// Something is in staging, by this plan.
    Begun(Box<Plan>),
    /// Everything was moved and agreed, by this plan; its tables may be live.
    CutoverBegun(Box<Plan>),
}

impl Earlier {
    /// What this ledger tells.
    ///
    /// # Errors
    /// `plan_stale` if the journal cannot be read.
    pub(super) fn of(ledger: &Ledger) -> Result<Self> {
        if has(ledger, DISCARD) {
            return Ok(Self::Discarding);
        }
        let Some((_, json)) = ledger.journal.iter().find(|(key, _)| key == PLAN) else { return Ok(Self::Nothing) };
        let plan = Box::new(serde_json::from_str(json).map_err(|e| journal_damaged(PLAN, &e))?);
        Ok(if has(ledger, CUTOVER) { Self::CutoverBegun(plan) } else { Self::Begun(plan) })
    }
}

/// Whether the journal has this mark.
pub(super) fn has(ledger: &Ledger, mark: &str) -> bool {
    ledger.journal.iter().any(|(key, _)| key == mark)
}

/// Whether the cutover of this ledger's migration was taken back.
pub(super) fn is_taken_back(ledger: &Ledger) -> bool {
    ledger.journal.iter().any(|(key, value)| key == TAKE_BACK && value == DONE)
}

/// Whether an interrupted run can go on under another plan: estimates may differ, the work may not.
pub(super) fn same_work(stored: &Plan, fresh: &Plan) -> bool {
    let work = |plan: &Plan| {
        plan.tables
            .iter()
            .map(|t| {
                let mut target = t.target.clone();
                (target.rows, target.bytes) = (0, 0);
                target.columns.iter_mut().filter_map(|c| c.identity.as_mut()).for_each(|i| i.next = None);
                let mappings: Vec<_> =
                    t.mappings.iter().map(|m| (m.source_column.clone(), m.transformation.clone())).collect();
                (t.source.clone(), target, mappings, t.row_schema.clone())
            })
            .collect::<Vec<_>>()
    };
    work(stored) == work(fresh)
}

/// What was made can be taken back only until the cutover.
///
/// # Errors
/// `conflict` once the cutover began, which says what to do.
pub(super) fn before_cutover(ledger: &Ledger, statements: &[Statement], replaced: Option<&str>) -> Result<()> {
    if !has(ledger, CUTOVER) || has(ledger, DISCARD) || is_taken_back(ledger) {
        return Ok(());
    }
    let mut cutover = statements.iter().filter(|s| s.stage == Stage::Cutover);
    let live = if cutover.all(|s| ledger.statements.contains(&s.id)) { "are live" } else { "may be live already" };
    let back = match replaced {
        None => "drop the new tables".to_owned(),
        Some(kept) => format!(
            "drop the new tables and put back what is kept under `{kept}`: tables that were replaced, copies of rows that were added"
        ),
    };
    Err(Error::new(
        Code::Conflict,
        format!(
            "The cutover of this migration had begun, and the new tables {live}: nothing was taken back. Run the migration again, it only finishes the cutover and removes staging. To go back after that, {back}."
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(marks: &[&str], statements: &[&str]) -> Ledger {
        Ledger {
            chunks: Vec::new(),
            statements: statements.iter().map(|s| (*s).to_owned()).collect(),
            journal: marks.iter().map(|m| ((*m).to_owned(), BEGUN.to_owned())).collect(),
        }
    }

    fn statement(id: &str, stage: Stage) -> Statement {
        Statement { id: id.into(), stage, sql: "-- sql".into(), undo: None, table: None, label: id.into() }
    }

    #[test]
    fn staging_that_is_half_gone_counts_for_nothing() {
        assert!(matches!(Earlier::of(&ledger(&[], &[])).unwrap(), Earlier::Nothing));
        assert!(matches!(Earlier::of(&ledger(&[PLAN, DISCARD], &[])).unwrap(), Earlier::Discarding));
        // Begun anew after its cutover had begun: that was somebody's decision.
        assert!(matches!(Earlier::of(&ledger(&[PLAN, CUTOVER, DISCARD], &[])).unwrap(), Earlier::Discarding));
    }

    #[test]
    fn a_journal_that_cannot_be_read_is_told() {
        assert_eq!(Earlier::of(&ledger(&[PLAN], &[])).unwrap_err().code, Code::PlanStale);
    }

    #[test]
    fn nothing_is_taken_back_once_the_cutover_began() {
        let statements = [statement("table", Stage::Prepare), statement("live", Stage::Cutover)];
        assert!(before_cutover(&ledger(&[PLAN], &["table"]), &statements, None).is_ok());
        assert!(before_cutover(&ledger(&[PLAN, CUTOVER, DISCARD], &[]), &statements, None).is_ok());
        let begun = before_cutover(&ledger(&[PLAN, CUTOVER], &["table"]), &statements, None).unwrap_err();
        assert_eq!(begun.code, Code::Conflict);
        assert!(begun.message.contains("may be live"), "{begun}");
        let done = before_cutover(&ledger(&[PLAN, CUTOVER], &["table", "live"]), &statements, Some("old")).unwrap_err();
        assert!(done.message.contains("are live") && done.message.contains("`old`"), "{done}");
    }
}
