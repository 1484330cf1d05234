//! Every row of a batch that a column refuses, where a transfer stops at the first.

use arrow::array::{Array, ArrayRef, RecordBatch};

use super::ColumnExpression;

/// A batch's rows, told apart for one column.
#[derive(Debug, Default)]
pub(super) struct Sifted {
    /// The values that were computed, NULLs where none may be among them; in the order of the rows, in pieces.
    pub(super) values: Vec<ArrayRef>,
    /// What the transfer would refuse; by pieces, in the order of the rows.
    pub(super) refused: Vec<Refused>,
}

#[derive(Debug)]
pub(super) struct Refused {
    /// Its place in the batch, from 0; none where only rows together are to blame.
    pub(super) row: Option<usize>,
    pub(super) why: Why,
}

#[derive(Debug)]
pub(super) enum Why {
    /// NULL, and the column takes none.
    Null,
    /// It cannot be computed, or does not fit the column's type.
    Failed(String),
}

impl ColumnExpression {
    /// Computes every row of a batch, as a transfer would, and goes on after those that are refused.
    pub(super) fn sift(&self, batch: &RecordBatch) -> Sifted {
        let mut sifted = Sifted::default();
        self.sift_within(batch, 0, batch.num_rows(), &mut sifted);
        sifted
    }

    fn sift_within(&self, batch: &RecordBatch, mut start: usize, mut rows: usize, sifted: &mut Sifted) {
        while rows > 0 {
            let refusal = match self.try_evaluate(&batch.slice(start, rows)) {
                Ok(values) => return self.accept(values, start, sifted),
                Err(refusal) => refusal,
            };
            if let Some(row) = refusal.row.or((rows == 1).then_some(0)) {
                self.sift_within(batch, start, row, sifted);
                sifted.refused.push(Refused { row: Some(start + row), why: Why::Failed(refusal.reason) });
                (start, rows) = (start + row + 1, rows - row - 1);
            } else {
                let (before, half) = (sifted.refused.len(), rows / 2);
                self.sift_within(batch, start, half, sifted);
                self.sift_within(batch, start + half, rows - half, sifted);
                if sifted.refused.len() == before {
                    sifted.refused.push(Refused { row: None, why: Why::Failed(refusal.reason) });
                }
                return;
            }
        }
    }

    fn accept(&self, values: ArrayRef, start: usize, sifted: &mut Sifted) {
        if !self.field().is_nullable() {
            let nulls = (0..values.len()).filter(|&row| values.is_null(row));
            sifted.refused.extend(nulls.map(|row| Refused { row: Some(start + row), why: Why::Null }));
        }
        sifted.values.push(values);
    }
}
