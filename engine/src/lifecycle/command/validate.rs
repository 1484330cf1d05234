//! Validate: count again, on both sides.

use jiff::Timestamp;
use serde_json::json;

use super::super::announce::Line;
use super::super::record::Validation;
use super::super::service::{Change, Service};
use super::super::state::Status;
use crate::error::{Code, Error, Result};
use crate::migration;

impl Service {
    /// Counts the rows of all tables again: live ones of a completed migration, staged ones of one that stands still.
    ///
    /// # Errors
    /// `invalid_state` where there is nothing to count or lanes are at work; whatever counting reports.
    pub async fn validate(&self, id: &str) -> Result<Validation> {
        let record = self.store().record(id).await?;
        let staged = match record.status {
            Status::Completed => false,
            Status::Paused | Status::Failed | Status::Cancelled if record.staged => true,
            Status::Pending
            | Status::Planning
            | Status::PlanReady
            | Status::Approved
            | Status::Running
            | Status::Pausing
            | Status::Paused
            | Status::Validating
            | Status::Failed
            | Status::Cancelled
            | Status::RollingBack
            | Status::RolledBack => {
                let status = record.status.as_str();
                let message = format!(
                    "The migration is `{status}`: rows can be compared again once it is completed, or stands still with rows in staging."
                );
                return Err(Error::new(Code::InvalidState, message).with_details(json!({"status": record.status})));
            }
        };
        let (job, plan) = (self.job(&record).await?, self.decided_plan(&record).await?);
        let counted = tokio::task::spawn_blocking(move || migration::recount(&job, &plan, staged)).await;
        let tables =
            counted.map_err(|_| Error::new(Code::System, "Counting broke down; this is a bug of Sensei."))??;
        let passed = tables.iter().all(|t| t.source_rows == t.target_rows);
        let validation = Validation { at: Timestamp::now(), passed, staged, tables };
        let line = if passed {
            Line::info("Rows were compared again: every table agrees.")
        } else {
            Line::warning("Rows were compared again: not every table agrees.")
        };
        self.change(id, |record, _| {
            record.validation = Some(validation.clone());
            Ok(Change::Save((), vec![line.clone()]))
        })
        .await?;
        Ok(validation)
    }
}
