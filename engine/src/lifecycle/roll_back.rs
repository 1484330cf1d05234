//! Driving a migration back: first its cutover, if there was one, then everything else that it made.

use std::sync::Arc;

use super::announce::Line;
use super::drive::{Driver, LOOK, fail};
use super::record::{Cutover, Record};
use super::service::Change;
use super::state::{Input, Status};
use super::watch::Watch;
use crate::error::{Code, Error, Result};
use crate::event::Phase;
use crate::migration::{self, Job};
use crate::plan::Plan;

impl Driver {
    /// Takes back what the migration made. Each of the two steps is done again by whoever finds it undone: the record says
    /// that new tables are no longer live before the ledger, which says so too, goes.
    pub(super) async fn roll_back(&self, record: &Record) -> Result<()> {
        let result = self.all_of_it(record).await?;
        if self.signals.leaving() && result.is_err() {
            return Ok(());
        }
        self.service
            .change(&self.id, |record, now| {
                if record.status != Status::RollingBack {
                    return Ok(Change::Leave(()));
                }
                match &result {
                    Ok(()) => {
                        (record.staged, record.taking_back) = (false, false);
                        let back = match record.replaced.len() {
                            0 => "",
                            _ => ", and what was there is as it was",
                        };
                        record.replaced.clear();
                        record.apply(Input::RolledBack, now)?;
                        let message = format!("Rolled back: nothing of the migration is left in the target{back}.");
                        Ok(Change::Save((), vec![Line::info(message)]))
                    }
                    Err(e) => {
                        let left = if record.switched {
                            "The new tables are where they were, or all of them are back in staging.".to_owned()
                        } else {
                            format!("What is left is in the staging of `{}`.", record.id)
                        };
                        let message = format!(
                            "The rollback failed: {} {left} Cancel with `rollback` again once this is mended.",
                            e.message
                        );
                        fail(record, &Error { code: Code::RollbackFailed, message, ..e.clone() }, now)
                    }
                }
            })
            .await?;
        Ok(())
    }

    /// What came of it, unless the state cannot be reached.
    async fn all_of_it(&self, record: &Record) -> Result<Result<()>> {
        if record.switched || record.cutover.began_at.is_some() {
            self.service
                .change(&self.id, |record, _| {
                    record.taking_back = true;
                    Ok(Change::Save((), vec![Line::info("Taking the cutover back.")]))
                })
                .await?;
            if record.switched
                && record.staged
                && let Err(e) = self.at_the_target(record, migration::clear).await
            {
                return Ok(Err(e));
            }
            let live = record.switched.then(|| record.replaced.clone());
            let take_back = move |job: &Job, plan: &Plan| migration::take_back(job, plan, live.as_deref());
            if let Err(e) = self.at_the_target(record, take_back).await {
                return Ok(Err(e));
            }
            self.service
                .change(&self.id, |record, _| {
                    (record.switched, record.staged, record.cutover) = (false, true, Cutover::default());
                    Ok(Change::Save((), vec![Line::info("The cutover is taken back.")]))
                })
                .await?;
        } else if !record.staged {
            return Ok(Ok(()));
        }
        Ok(self.at_the_target(record, migration::discard).await)
    }

    /// Does a piece of work at the target, and tells how it goes meanwhile.
    async fn at_the_target(
        &self,
        record: &Record,
        work: impl FnOnce(&Job, &Plan) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        let plan = self.service.decided_plan(record).await?;
        let watch = Arc::new(Watch::new(None, record.phase.unwrap_or(Phase::DataTransfer)));
        let job = Job { observer: Arc::clone(&watch) as _, ..self.service.job(record).await? };
        let cancel = job.cancel.clone();
        let mut work = tokio::task::spawn_blocking(move || work(&job, &plan));
        let mut look = tokio::time::interval(LOOK);
        let result = loop {
            tokio::select! {
                result = &mut work => break result,
                _ = look.tick() => {}
            }
            if self.signals.leaving() {
                cancel.cancel();
            }
            if let Err(e) = self.append(&watch.take_lines()).await {
                // Lines of the log are not worth leaving the work alone for.
                tracing::warn!(migration = %self.id, error = %e, "lines of a rollback could not be stored");
            }
        };
        self.append(&watch.take_lines()).await?;
        result.unwrap_or_else(|_| Err(Error::new(Code::System, "The rollback broke down; this is a bug of Sensei.")))
    }
}
