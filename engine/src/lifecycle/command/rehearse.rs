//! Rehearse: the dry run. Everything is tried, and nothing is written.

use jiff::Timestamp;
use serde_json::json;

use super::super::announce::Line;
use super::super::record::{DryRun, Record};
use super::super::service::{Change, Service};
use super::super::state::Status;
use crate::error::{Code, Error, Result};
use crate::migration;

impl Service {
    /// Rehearses a planned migration: connects, has the target try its schema, reads a sample of each table through
    /// its mappings. What it found is on the record.
    ///
    /// # Errors
    /// `plan_not_ready`; `invalid_state` once it was started and stands in the way of itself; whatever the systems report.
    pub async fn rehearse(&self, id: &str) -> Result<Record> {
        let record = self.store().record(id).await?;
        match record.status {
            Status::PlanReady | Status::Approved => {}
            Status::Failed | Status::Paused | Status::Cancelled | Status::RolledBack if record.plan_version > 0 => {}
            Status::Pending | Status::Planning | Status::Failed | Status::Cancelled => {
                return Err(Error::new(
                    Code::PlanNotReady,
                    "The migration has no plan yet to rehearse. Wait until it is `plan_ready`.",
                ));
            }
            Status::Running
            | Status::Pausing
            | Status::Paused
            | Status::Validating
            | Status::Completed
            | Status::RollingBack
            | Status::RolledBack => {
                let status = record.status.as_str();
                let message = format!("The migration is `{status}`: it is past rehearsing.");
                return Err(Error::new(Code::InvalidState, message).with_details(json!({"status": record.status})));
            }
        }
        let (job, plan) = (self.job(&record).await?, self.decided_plan(&record).await?);
        let rehearsed = tokio::task::spawn_blocking(move || migration::rehearse(&job, &plan)).await;
        let rehearsal =
            rehearsed.map_err(|_| Error::new(Code::System, "The dry run broke down; this is a bug of Sensei."))??;
        let rejects: u64 = rehearsal.tables.iter().map(|t| t.predicted_rejects).sum();
        let line = format!(
            "Dry run: {} statements, {} tables sampled, {rejects} rejects predicted.",
            rehearsal.statements,
            rehearsal.tables.len()
        );
        let dry_run = DryRun { at: Timestamp::now(), rehearsal };
        let (record, ()) = self
            .change(id, |record, _| {
                record.dry_run = Some(dry_run.clone());
                Ok(Change::Save((), vec![Line::info(line.clone())]))
            })
            .await?;
        Ok(record)
    }
}
