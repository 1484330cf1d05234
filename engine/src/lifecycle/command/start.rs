//! Start: begin what was planned, or begin again after a failure.

use jiff::Timestamp;
use serde_json::json;

use super::super::announce::Line;
use super::super::record::{Record, Started};
use super::super::service::{Change, Service};
use super::super::state::{Input, Status};
use crate::error::{Code, Error, Result};
use crate::event::Phase;

/// How to start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Start {
    /// Begin although mappings await a person: they are executed as proposed.
    pub skip_approval: bool,
    /// Begin at this phase. What is durable is kept, so every phase before it must have been completed; at
    /// `schema_migration` everything is thrown away and begun anew.
    pub start_from_phase: Option<Phase>,
}

impl Service {
    /// Starts a migration. One that runs already is a success.
    ///
    /// # Errors
    /// `plan_not_ready`; `approval_required` lists the mappings that await a person; `invalid_state`;
    /// `invalid_request` for a phase that cannot be begun at.
    pub async fn start(&self, id: &str, how: Start, user: &str) -> Result<Record> {
        if how.start_from_phase == Some(Phase::Planning) {
            return Err(Error::new(
                Code::InvalidRequest,
                "`start_from_phase`: planning is not started but asked for anew, at `plan/regenerate`.",
            )
            .with_details(json!({"field": "start_from_phase"})));
        }
        // What awaits is looked at once: a decision that comes in between saves the record, and the change is tried again.
        let record = self.store().record(id).await?;
        let ready = record.status == Status::PlanReady || (record.status == Status::Failed && record.plan_version > 0);
        let awaiting = if ready { self.review(id).await?.awaiting() } else { Vec::new() };
        let blocked = if ready { self.review(id).await?.blocked() } else { Vec::new() };
        let seen = record.version;
        let (record, ()) = self
            .change(id, |record, now| {
                if record.version == seen && !blocked.is_empty() {
                    let message = "Rejected mappings fill columns that cannot be left out. Decide about them again.";
                    return Err(Error::new(Code::ApprovalRequired, message).with_details(json!({"blocked": blocked})));
                }
                if record.version == seen && !awaiting.is_empty() && !how.skip_approval {
                    let message = format!(
                        "{} mappings await a person. Approve or reject them, or start with `skip_approval`.",
                        awaiting.len()
                    );
                    return Err(Error::new(Code::ApprovalRequired, message).with_details(json!({"mappings": awaiting})));
                }
                if record.status == Status::Failed && record.plan_version == 0 {
                    let message =
                        "The migration failed before it had a plan. Ask for one at `plan/regenerate`, then start.";
                    return Err(Error::new(Code::PlanNotReady, message));
                }
                start(record, how, !awaiting.is_empty(), user, now)
            })
            .await?;
        Ok(record)
    }
}

fn start(record: &mut Record, how: Start, unreviewed: bool, user: &str, now: Timestamp) -> Result<Change<()>> {
    let input = if unreviewed { Input::StartUnreviewed } else { Input::Start };
    let from_the_beginning = how.start_from_phase == Some(Phase::SchemaMigration);
    if let Some(phase) = how.start_from_phase
        && !from_the_beginning
    {
        let missing = [Phase::SchemaMigration, Phase::DataTransfer, Phase::Validation]
            .into_iter()
            .take_while(|before| *before != phase)
            .find(|before| !record.has_completed(*before));
        if let Some(missing) = missing {
            let message = format!(
                "`start_from_phase`: `{}` cannot be begun at, since `{}` has not been completed.",
                phase.as_str(),
                missing.as_str()
            );
            return Err(Error::new(Code::InvalidState, message)
                .with_details(json!({"field": "start_from_phase", "not_completed": missing})));
        }
    }
    if !record.apply(input, now)? {
        return Ok(Change::Leave(()));
    }
    record.started_by = Some(Started { by: user.to_owned(), unreviewed });
    record.restart |= from_the_beginning;
    if from_the_beginning {
        record.phases.retain(|p| p.name == Phase::Planning);
    }
    record.phase = Some(how.start_from_phase.unwrap_or(Phase::SchemaMigration));
    let passed_over = if unreviewed { ", passing over mappings that await a person" } else { "" };
    Ok(Change::Save((), vec![Line::info(format!("Started by {user}{passed_over}."))]))
}
