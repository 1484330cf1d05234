//! Resume: go on from the checkpoint.

use super::super::announce::Line;
use super::super::record::Record;
use super::super::service::{Change, Service};
use super::super::state::Input;
use crate::error::Result;

impl Service {
    /// Resumes a paused migration. One that runs already is a success.
    ///
    /// # Errors
    /// `invalid_state`.
    pub async fn resume(&self, id: &str, user: &str) -> Result<Record> {
        let (record, ()) = self
            .change(id, |record, now| {
                if !record.apply(Input::Resume, now)? {
                    return Ok(Change::Leave(()));
                }
                let from = record.checkpoint.as_ref().map(|c| format!(" from {}", c.id)).unwrap_or_default();
                Ok(Change::Save((), vec![Line::info(format!("Resumed by {user}{from}."))]))
            })
            .await?;
        Ok(record)
    }
}
