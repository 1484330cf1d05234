//! Cancel: stop for good, and take back what was made where that is wanted.

use super::super::announce::Line;
use super::super::record::{Record, Stop};
use super::super::service::{Change, Service};
use super::super::state::{Input, Intent, Status};
use crate::error::{Code, Error, Result};

/// How to cancel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cancel {
    /// For the log.
    pub reason: Option<String>,
    /// Take back what was made: staging and ledger go from the target.
    pub rollback: bool,
    /// Do not wait for a checkpoint.
    pub force: bool,
}

impl Service {
    /// Cancels a migration. Asking again is a success. One that is completed can be rolled back alone, while what it replaced
    /// is kept; rows that were written to the new tables since go with them.
    ///
    /// # Errors
    /// `invalid_state`.
    pub async fn cancel(&self, id: &str, how: Cancel, user: &str) -> Result<Record> {
        let input = if how.rollback { Input::CancelAndRollBack } else { Input::Cancel };
        let (record, ()) = self
            .change(id, |record, now| {
                if record.cuts_over() && !how.force {
                    let message = "Its cutover has begun and ends in a moment. `force` interrupts it; what is live then, the log tells.";
                    return Err(Error::new(Code::InvalidState, message));
                }
                let changed = record.apply(input, now)?;
                let stopping = record.status == Status::Pausing;
                let known =
                    record.stop.as_ref().is_some_and(|s| s.intent == Intent::Cancel && (s.immediate || !how.force));
                if !changed && (!stopping || known) {
                    return Ok(Change::Leave(()));
                }
                record.stop = Some(Stop {
                    intent: Intent::Cancel,
                    by: user.to_owned(),
                    reason: how.reason.clone(),
                    immediate: how.force || how.rollback,
                    at: now,
                });
                let back = if how.rollback { " and to take back what was made" } else { "" };
                let reason = how.reason.as_ref().map(|r| format!(" ({r})")).unwrap_or_default();
                Ok(Change::Save((), vec![Line::warning(format!("{user} asked to cancel{back}{reason}."))]))
            })
            .await?;
        Ok(record)
    }
}
