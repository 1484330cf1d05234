//! Replan: look at the source again and make the plan anew.

use super::super::announce::Line;
use super::super::record::Record;
use super::super::service::{Change, Service};
use super::super::state::Input;
use crate::error::Result;

impl Service {
    /// Makes the plan anew; decisions were about the old one and do not count for the new. What a failed run left in
    /// staging is thrown away when the new plan runs.
    ///
    /// # Errors
    /// `invalid_state`.
    pub async fn replan(&self, id: &str, user: &str) -> Result<Record> {
        let (record, ()) = self
            .change(id, |record, now| {
                if !record.apply(Input::Replan, now)? {
                    return Ok(Change::Leave(()));
                }
                (record.error, record.phase, record.restart) = (None, None, record.restart || record.staged);
                record.phases.clear();
                Ok(Change::Save((), vec![Line::info(format!("{user} asked for a new plan."))]))
            })
            .await?;
        Ok(record)
    }
}
