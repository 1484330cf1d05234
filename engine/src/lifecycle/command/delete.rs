//! Delete: forget a migration that is at its end, and remove what it left in the target: staging, and what it replaced.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::super::record::Record;
use super::super::service::Service;
use super::super::state::Status;
use crate::error::{Code, Error, Result};
use crate::migration::{self, Job};
use crate::plan::Plan;

/// How long removing tables may take. 60 s: dropping tables is quick; a target that is gone must not hold a person up.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is left of a deleted migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deleted {
    /// Nothing of it is in the target's staging. False: the target could not be asked.
    pub staging_removed: bool,
    /// Tables that it had replaced and that went with it.
    pub replaced_removed: usize,
}

/// What of a deleted migration stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// Its log can be read on.
    pub logs: bool,
    /// The history of its metrics can.
    pub metrics: bool,
    /// The target keeps the tables that it replaced.
    pub replaced: bool,
}

impl Service {
    /// Deletes a migration that is completed, failed, cancelled or rolled back. Tables that are live stay as they are; those
    /// that a completed one replaced go, unless they are to be kept.
    ///
    /// # Errors
    /// `invalid_state` while it is not at its end; what keeps the target from removing replaced tables: nothing is deleted
    /// then.
    pub async fn delete(&self, id: &str, keep: Keep) -> Result<Deleted> {
        let record = self.store().record(id).await?;
        if !record.status.can_be_deleted() {
            let status = record.status.as_str();
            let message = format!("The migration is `{status}`. Cancel it, then delete it.");
            return Err(Error::new(Code::InvalidState, message)
                .with_details(json!({"status": record.status, "allowed": super::super::allowed(record.status)})));
        }
        let replaced = if keep.replaced || record.status != Status::Completed { 0 } else { record.replaced.len() };
        if replaced > 0 {
            self.at_the_target(&record, migration::forget).await.map_err(|e| {
                let message = format!(
                    "The tables that the migration replaced could not be removed, and it is not deleted. `keep_replaced=true` deletes it and leaves them. {}",
                    e.message
                );
                Error { message, ..e }
            })?;
        }
        // What is in the staging of a completed one, a repair left.
        let discard = if record.switched { migration::clear } else { migration::discard };
        let staging_removed = !record.staged || self.at_the_target(&record, discard).await.is_ok();
        if !self.store().delete(&record, Timestamp::now(), keep.logs, keep.metrics).await? {
            return Err(Error::new(
                Code::InvalidState,
                "The migration changed while it was being deleted. Look at it, then try again.",
            ));
        }
        Ok(Deleted { staging_removed, replaced_removed: replaced })
    }

    async fn at_the_target(&self, record: &Record, work: fn(&Job, &Plan) -> Result<()>) -> Result<()> {
        let (job, plan) = (self.job(record).await?, self.decided_plan(record).await?);
        let cancel = job.cancel.clone();
        let work = tokio::task::spawn_blocking(move || work(&job, &plan));
        match tokio::time::timeout(PATIENCE, work).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(Error::new(Code::System, "Removing tables broke down; this is a bug of Sensei.")),
            Err(_) => {
                cancel.cancel();
                Err(Error::new(Code::Timeout, "The target did not remove the tables in time."))
            }
        }
    }
}
