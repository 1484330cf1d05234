//! The first rows of a table, through its mappings and no further.

use std::time::Instant;

use arrow::array::RecordBatch;

use super::project::Projector;
use crate::error::{Code, Result};
use crate::expression::{Rejected, shown_value};
use crate::migration::Reject;
use crate::plan::TablePlan;
use crate::plugin::rows::CheckedBatch;
use crate::plugin::{Range, Reading, SourceSession};

/// Rows of one table at most. Default 10,000, one batch of a transfer: some ten milliseconds where rows are narrow.
const ROWS: u64 = 10_000;
/// Bytes of one table's rows, about, at most. Default 32 MiB: large values fill it long before the rows are there.
const BYTES: u64 = 32 << 20;
/// Rows of one batch. Default 1,000: a row that the source cannot read takes the rest of its batch with it.
const BATCH_ROWS: u32 = 1_000;
/// Bytes of one batch, about. Default 4 MiB, as in a transfer.
const BATCH_BYTES: u64 = 4 << 20;
/// Refused rows that are described. Default 5: enough to see what they have in common.
const EXAMPLES: usize = 5;

/// What a sample shows.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Sample {
    /// Rows read.
    pub(crate) rows: u64,
    /// There are no others.
    pub(crate) whole: bool,
    /// Rows that a transfer would stop at.
    pub(crate) rejects: u64,
    /// The first of them.
    pub(crate) examples: Vec<Reject>,
}

/// Reads until there are enough rows, or the deadline. The session comes back if it can be used again: not after a read
/// that was left before its end.
///
/// # Errors
/// The source's own, but for values that it cannot read: those are rejects. `invalid_expression` for a mapping that does
/// not fit the table.
pub(crate) fn sample(
    mut session: SourceSession,
    table: &TablePlan,
    deadline: Instant,
) -> Result<(Sample, Option<SourceSession>)> {
    let mut sample = Sample::default();
    let columns: Vec<String> = table.mappings.iter().map(|m| m.source_column.clone()).collect();
    let mut reader = session.read(&Reading {
        table: &table.source,
        columns: &columns,
        range: &Range::Whole,
        batch_rows: BATCH_ROWS,
        batch_bytes: BATCH_BYTES,
    })?;
    let projector = Projector::compile(reader.schema(), table)?;
    let mut bytes = 0;
    while sample.rows < ROWS && bytes < BYTES && Instant::now() < deadline {
        match reader.next_batch() {
            Ok(Some(CheckedBatch { columns: batch, .. })) => {
                bytes += batch.get_array_memory_size() as u64;
                sample.take(&batch, projector.rejects(&batch), table);
            }
            Ok(None) => {
                sample.whole = true;
                reader.close()?;
                return Ok((sample, Some(session)));
            }
            Err(e) if e.code == Code::InvalidData => {
                sample.reject(Reject { column: e.column, row: e.row, reason: e.message });
                break;
            }
            Err(e) => return Err(e),
        }
    }
    Ok((sample, None))
}

impl Sample {
    fn take(&mut self, batch: &RecordBatch, rejected: Vec<Rejected>, table: &TablePlan) {
        for Rejected { row, column, reason } in rejected {
            let row = row.map(|row| key_of(batch, row, table).unwrap_or_else(|| self.place_of(row)));
            self.reject(Reject { column: Some(column), row, reason });
        }
        self.rows += batch.num_rows() as u64;
    }

    fn reject(&mut self, reject: Reject) {
        self.rejects += 1;
        if self.examples.len() < EXAMPLES {
            self.examples.push(reject);
        }
    }

    /// Of a row of the batch that comes next.
    fn place_of(&self, row: usize) -> String {
        format!("{} of the sample", self.rows + row as u64 + 1)
    }
}

/// `id = '7'`: the values that fill the target's primary key, by the names of their source columns. None without a key.
fn key_of(batch: &RecordBatch, row: usize, table: &TablePlan) -> Option<String> {
    let key = table.target.primary_key.as_ref()?;
    let parts: Option<Vec<String>> = key
        .columns
        .iter()
        .map(|column| {
            // Columns were asked for in the order of the mappings.
            let at = table.mappings.iter().position(|m| m.target_column == *column)?;
            Some(format!("{} = {}", table.mappings[at].source_column, shown_value(batch.columns().get(at)?, row)))
        })
        .collect();
    parts.filter(|p| !p.is_empty()).map(|p| p.join(", "))
}
