//! Validate: compare again, both sides as they are.

use serde_json::json;

use super::super::announce::Line;
use super::super::record::Validation;
use super::super::service::{Change, Service};
use super::super::state::Status;
use crate::error::{Code, Error, Result};
use crate::migration;
use crate::plugin::Cancel;

/// Stops a piece of work whose result nobody waits for any more.
pub(super) struct CancelOnDrop(pub(super) Cancel);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl Service {
    /// Compares all tables again, as closely as the migration's options say: live ones of a completed migration, staged ones
    /// of one that stands still.
    ///
    /// # Errors
    /// `invalid_state` where there is nothing to compare or lanes are at work; whatever counting and reading report.
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
        let plan = if staged { plan } else { plan.comparable_live()? };
        // A client that gives up takes the work with it.
        let _given_up = CancelOnDrop(job.cancel.clone());
        let checked = tokio::task::spawn_blocking(move || migration::recheck(&job, &plan, staged)).await;
        let tables =
            checked.map_err(|_| Error::new(Code::System, "Comparing broke down; this is a bug of Sensei."))??;
        let sentence = format!("Compared again. {}", migration::sentence(&tables));
        let validation = Validation::of(tables, staged);
        let line = if validation.passed { Line::info(sentence) } else { Line::warning(sentence) };
        self.change(id, |record, _| {
            record.validation = Some(validation.clone());
            Ok(Change::Save((), vec![line.clone()]))
        })
        .await?;
        Ok(validation)
    }
}
