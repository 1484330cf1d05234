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
    let mut reader = session.read(&Reading {
        table: &table.source,
        columns: &table.reads,
        range: &Range::Whole,
        batch_rows: BATCH_ROWS,
        batch_bytes: BATCH_BYTES,
        limit: Some(ROWS),
    })?;
    let projector = Projector::compile(reader.schema(), table)?;
    let mut bytes = 0;
    // Once all rows that were asked for are there, the answer is read to its end: that leaves the session in order.
    while sample.rows >= ROWS || (bytes < BYTES && Instant::now() < deadline) {
        match reader.next_batch() {
            Ok(Some(CheckedBatch { columns: batch, .. })) => {
                bytes += batch.get_array_memory_size() as u64;
                sample.take(&batch, projector.rejects(&batch), table);
            }
            Ok(None) => {
                sample.whole = sample.rows < ROWS;
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

/// `id = '7'`: the values of the source's columns that fill the target's primary key. None without a key, and where a part of
/// it is made of other columns.
fn key_of(batch: &RecordBatch, row: usize, table: &TablePlan) -> Option<String> {
    let key = table.target.primary_key.as_ref()?;
    let parts: Option<Vec<String>> = key
        .columns
        .iter()
        .map(|column| {
            let source = &table.mappings.iter().find(|m| m.target_column == *column)?.source_column;
            Some(format!("{source} = {}", shown_value(batch.column_by_name(source)?, row)))
        })
        .collect();
    parts.filter(|p| !p.is_empty()).map(|p| p.join(", "))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, StringArray};
    use arrow::datatypes::{DataType, Field, Schema};

    use super::*;
    use crate::catalog::{Key, Table, TableName};
    use crate::plan::{Fidelity, Mapping};
    use crate::plugin::rows::encode_schema;

    fn mapping(source_column: &str, target_column: &str, transformation: &str) -> Mapping {
        Mapping {
            id: format!("map_{target_column}"),
            source_column: source_column.into(),
            source_type: String::new(),
            target_column: target_column.into(),
            target_type: String::new(),
            transformation: transformation.into(),
            confidence: 1.0,
            evidence: Vec::new(),
            fidelity: Fidelity::Lossless,
            note: String::new(),
            remedies: Vec::new(),
        }
    }

    /// `total` is made of two columns, neither of them its own, that are read before the key.
    fn table(source: &Schema) -> TablePlan {
        let name = TableName { schema: "main".into(), name: "parts".into() };
        let written = ["total", "id"].map(|column| Field::new(column, DataType::Int64, false));
        TablePlan {
            source: name.clone(),
            existing: None,
            target: Table {
                primary_key: Some(Key { name: None, columns: vec!["id".into()] }),
                ..Table::of(name, Vec::new())
            },
            mappings: vec![mapping("Total", "total", "CAST(code || size AS BIGINT)"), mapping("Id", "id", "\"Id\"")],
            row_schema: encode_schema(&Schema::new(written.to_vec())),
            reads: source.fields().iter().map(|f| f.name().clone()).collect(),
            read_schema: encode_schema(source),
            profile: Vec::new(),
            estimated_rows: 0,
            estimated_bytes: 0,
        }
    }

    #[test]
    fn a_refused_row_is_named_by_its_key_wherever_the_key_was_read() {
        let [code, size] = ["code", "size"].map(|column| Field::new(column, DataType::Utf8, false));
        let source = Arc::new(Schema::new(vec![code, size, Field::new("Id", DataType::Int64, false)]));
        let batch = RecordBatch::try_new(
            Arc::clone(&source),
            vec![
                Arc::new(StringArray::from(vec!["1", "x"])),
                Arc::new(StringArray::from(vec!["2", "3"])),
                Arc::new(Int64Array::from(vec![7, 8])),
            ],
        )
        .unwrap();
        let mut table = table(&source);
        let mut sample = Sample::default();
        let rejected = Projector::compile(&source, &table).unwrap().rejects(&batch);
        sample.take(&batch, rejected.clone(), &table);
        assert_eq!((sample.rows, sample.rejects), (2, 1));
        assert_eq!(sample.examples[0].column.as_deref(), Some("total"));
        assert_eq!(sample.examples[0].row.as_deref(), Some("Id = '8'"));

        table.target.primary_key = None;
        sample.take(&batch, rejected, &table);
        assert_eq!(sample.examples[1].row.as_deref(), Some("4 of the sample"));
    }
}
