//! Resync: make live rows that differ equal to the source's.

use serde_json::json;

use super::super::announce::Line;
use super::super::record::{Record, Validation};
use super::super::service::{Change, Service};
use super::super::state::Status;
use super::validate::CancelOnDrop;
use crate::error::{Code, Error, Result};
use crate::migration::{self, TableRepair};

/// What a resync did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resync {
    /// Tables that did not agree, and what became of their rows.
    pub repaired: Vec<TableRepair>,
    /// How both sides compare afterwards.
    pub validation: Validation,
}

impl Service {
    /// Compares the live tables of a completed migration with the source, value by value, and repairs the rows that differ, also
    /// those that somebody changed in the target since; `most_rows` of a table at most.
    ///
    /// # Errors
    /// `invalid_state` unless it is completed; `conflict` where more rows differ; whatever reading and writing report. Nothing
    /// has changed then.
    pub async fn resync(&self, id: &str, most_rows: u64, user: &str) -> Result<Resync> {
        let record = self.store().record(id).await?;
        is_completed(&record)?;
        let plan = self.decided_plan(&record).await?.comparable_live()?;
        // What a repair stages would stay if the server died now.
        let (record, ()) = self
            .change(id, |record, _| {
                is_completed(record)?;
                record.staged = true;
                Ok(Change::Save((), vec![Line::info(format!("{user} asked to repair rows that differ."))]))
            })
            .await?;
        let job = self.job(&record).await?;
        // A client that gives up takes the work with it.
        let _given_up = CancelOnDrop(job.cancel.clone());
        let done = tokio::task::spawn_blocking(move || migration::repair(&job, &plan, most_rows)).await;
        let done = done.map_err(|_| Error::new(Code::System, "Repairing broke down; this is a bug of Sensei."))?;
        let (repaired, tables) = match done {
            Ok(done) => done,
            Err(e) => {
                let line = Line::warning(format!("Rows were not repaired: {e}"));
                self.change(id, |_, _| Ok(Change::Save((), vec![line.clone()]))).await?;
                return Err(e);
            }
        };
        let sentence = format!("{} {}", told(&repaired), migration::sentence(&tables));
        let validation = Validation::of(tables, false);
        let line = if validation.passed { Line::info(sentence) } else { Line::warning(sentence) };
        self.change(id, |record, _| {
            record.staged &= record.status != Status::Completed;
            record.validation = Some(validation.clone());
            Ok(Change::Save((), vec![line.clone()]))
        })
        .await?;
        Ok(Resync { repaired, validation })
    }
}

fn is_completed(record: &Record) -> Result<()> {
    if record.status == Status::Completed {
        return Ok(());
    }
    let status = record.status.as_str();
    let message =
        format!("The migration is `{status}`: rows are repaired once it is completed and its tables are live.");
    Err(Error::new(Code::InvalidState, message).with_details(json!({"status": record.status})))
}

fn told(repaired: &[TableRepair]) -> String {
    let one = |t: &TableRepair| {
        format!("{}: {} updated, {} inserted, {} deleted", t.target, t.updated, t.inserted, t.deleted)
    };
    match repaired {
        [] => "Nothing was to be repaired.".to_owned(),
        tables => format!("Repaired {}.", tables.iter().map(one).collect::<Vec<_>>().join("; ")),
    }
}
