//! Cut over: let the cutover go that was held for a person.

use super::super::announce::Line;
use super::super::record::{CutoverRequest, Record};
use super::super::service::{Change, Service};
use super::super::spec::CutoverMode;
use super::super::state::Status;
use crate::error::{Code, Error, Result};

impl Service {
    /// Asks for the cutover of a migration that is held before it. Asking again is a success.
    ///
    /// # Errors
    /// `invalid_state` says why nothing is held.
    pub async fn cut_over(&self, id: &str, user: &str) -> Result<Record> {
        let (record, ()) = self
            .change(id, |record, now| {
                if record.cutover.requested.is_some() && matches!(record.status, Status::Running | Status::Validating) {
                    return Ok(Change::Leave(()));
                }
                if let Some(why) = nothing_held(record) {
                    return Err(Error::new(Code::InvalidState, why));
                }
                record.cutover.requested = Some(CutoverRequest { by: user.to_owned(), at: now });
                Ok(Change::Save((), vec![Line::info(format!("{user} asked for the cutover."))]))
            })
            .await?;
        Ok(record)
    }
}

/// Why no cutover waits for a person; none: one does.
fn nothing_held(record: &Record) -> Option<String> {
    let status = record.status.as_str();
    match record.spec.options.cutover {
        CutoverMode::Auto => {
            return Some("Its cutover is not held: create it with `options.cutover` `manual` for that.".to_owned());
        }
        CutoverMode::Manual => {}
    }
    match record.status {
        Status::Running | Status::Validating if record.cutover.waiting_since.is_some() => None,
        Status::Running | Status::Validating => Some(
            "It is not there yet: rows are still moved or compared. Its log says when the cutover is held.".to_owned(),
        ),
        Status::Pausing | Status::Paused => Some(format!("The migration is `{status}`. Resume it, then ask again.")),
        Status::Pending
        | Status::Planning
        | Status::PlanReady
        | Status::Approved
        | Status::Completed
        | Status::Failed
        | Status::Cancelled
        | Status::RollingBack
        | Status::RolledBack => Some(format!("The migration is `{status}`: no cutover is held.")),
    }
}
