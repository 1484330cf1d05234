//! The rows of a batch that its mappings refuse, for a person to look at.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;

use super::Expression;
use super::failure::values;
use super::projection::Projection;
use super::sift::{Refused, Why};

/// A row that cannot be moved as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Its place in the batch, from 0; none where no single row is to blame for a batch that is refused.
    pub row: Option<usize>,
    /// The first target column that it cannot fill.
    pub column: String,
    /// Why, with the values it is about.
    pub reason: String,
}

impl Projection {
    /// The rows that [`Self::project`] would refuse, each once, in their order.
    #[must_use]
    pub fn rejects(&self, batch: &RecordBatch) -> Vec<Rejected> {
        let mut found = BTreeMap::new();
        for column in self.columns() {
            for Refused { row, why } in column.sift(batch).refused {
                // An earlier column may have refused the row already.
                found.entry(row).or_insert_with(|| Rejected {
                    row,
                    column: column.field().name().clone(),
                    reason: reason(column.expression(), batch, row, &why),
                });
            }
        }
        found.into_values().collect()
    }
}

fn reason(expression: &Expression, batch: &RecordBatch, row: Option<usize>, why: &Why) -> String {
    let values = row.map(|row| values(expression, batch, row)).unwrap_or_default();
    let sql = expression.sql();
    match why {
        Why::Null => format!("`{sql}` is NULL{values}, and the target column takes no NULL."),
        Why::Failed(why) => format!("`{sql}` cannot be computed{values}: {}.", why.trim_end_matches('.')),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, StringArray};
    use arrow::datatypes::{DataType, Field, Schema};

    use super::*;

    /// `id` and `code`, into an integer of 32 bits that may be NULL and one that may not.
    fn rejects(batch: &RecordBatch) -> Vec<(Option<usize>, String, String)> {
        let target = Arc::new(Schema::new(vec![
            Field::new("id", DataType::Int32, true),
            Field::new("number", DataType::Int32, false),
        ]));
        let transformations = ["id".to_owned(), "CAST(code AS INT)".to_owned()];
        let projection = Projection::compile(&batch.schema(), &target, &transformations).unwrap();
        projection.rejects(batch).into_iter().map(|r| (r.row, r.column, r.reason)).collect()
    }

    fn batch(ids: Vec<i64>, codes: Vec<Option<&str>>) -> RecordBatch {
        let columns: [(&str, ArrayRef, bool); 2] =
            [("id", Arc::new(Int64Array::from(ids)), true), ("code", Arc::new(StringArray::from(codes)), true)];
        RecordBatch::try_from_iter_with_nullable(columns).unwrap()
    }

    #[test]
    fn every_row_is_found_once_and_named_by_its_first_column() {
        let big = i64::from(i32::MAX) + 1;
        let batch = batch(
            vec![1, 2, big, 4, big, 6, 7],
            vec![Some("1"), Some("x"), Some("3"), None, Some("y"), Some("6"), Some("z")],
        );
        let found = rejects(&batch);
        let places: Vec<_> = found.iter().map(|(row, column, _)| (row.unwrap(), column.as_str())).collect();
        assert_eq!(places, [(1, "number"), (2, "id"), (3, "number"), (4, "id"), (6, "number")]);
        assert!(found[0].2.starts_with("`CAST(code AS INT)` cannot be computed (code = 'x'): "), "{}", found[0].2);
        assert!(found[1].2.contains("id = '2147483648'"), "{}", found[1].2);
        assert!(found[2].2.contains("is NULL (code = NULL)"), "{}", found[2].2);
    }

    #[test]
    fn rows_that_fit_and_no_rows_at_all_give_none() {
        assert_eq!(rejects(&batch(vec![1, 2], vec![Some("1"), Some("2")])), []);
        assert_eq!(rejects(&batch(vec![], vec![])), []);
    }
}
