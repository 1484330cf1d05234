//! Delete: forget a migration that is at its end, and remove what it left in the target's staging.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::super::service::Service;
use crate::error::{Code, Error, Result};
use crate::migration;

/// How long removing staging may take. 60 s: dropping tables is quick; a target that is gone must not hold a person up.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is left of a deleted migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deleted {
    /// Nothing of it is in the target's staging. False: the target could not be asked.
    pub staging_removed: bool,
}

impl Service {
    /// Deletes a migration that is completed, failed, cancelled or rolled back. Tables that are live stay as they are.
    ///
    /// # Errors
    /// `invalid_state` while it is not at its end.
    pub async fn delete(&self, id: &str, keep_logs: bool, keep_metrics: bool) -> Result<Deleted> {
        let record = self.store().record(id).await?;
        if !record.status.can_be_deleted() {
            let status = record.status.as_str();
            let message = format!("The migration is `{status}`. Cancel it, then delete it.");
            return Err(Error::new(Code::InvalidState, message)
                .with_details(json!({"status": record.status, "allowed": super::super::allowed(record.status)})));
        }
        let staging_removed = !record.staged || self.remove_staging(&record).await.is_ok();
        if !self.store().delete(&record, Timestamp::now(), keep_logs, keep_metrics).await? {
            return Err(Error::new(
                Code::InvalidState,
                "The migration changed while it was being deleted. Look at it, then try again.",
            ));
        }
        Ok(Deleted { staging_removed })
    }

    async fn remove_staging(&self, record: &super::super::Record) -> Result<()> {
        let (job, plan) = (self.job(record).await?, self.decided_plan(record).await?);
        let cancel = job.cancel.clone();
        let work = tokio::task::spawn_blocking(move || migration::discard(&job, &plan));
        match tokio::time::timeout(PATIENCE, work).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(Error::new(Code::System, "Removing staging broke down; this is a bug of Sensei.")),
            Err(_) => {
                cancel.cancel();
                Err(Error::new(Code::Timeout, "The target did not remove staging in time."))
            }
        }
    }
}
