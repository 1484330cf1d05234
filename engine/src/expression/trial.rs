//! Evaluating a sample to its end: what a transfer would refuse is counted, not only found.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::DataType;

use super::sift::{Sifted, Why};
use super::{ColumnExpression, Expression};

/// A value of fewer letters is left in a reason where no quotes stand around it: it may be a piece of any word.
const SHORTEST_VEILED: usize = 3;

/// What became of the rows of a sample.
#[derive(Debug, Clone, Default)]
pub struct Trial {
    /// The values that were computed, in the type of the column; in order, in pieces.
    pub values: Vec<ArrayRef>,
    /// Rows whose value cannot be computed, does not fit the column's type, or is NULL where none may be.
    pub refused: u64,
    /// The first of them.
    pub first: Option<FirstRefused>,
}

/// Why a row of a sample would be refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstRefused {
    /// Its place in the batch, from 0.
    pub row: usize,
    /// In words. Text is shown by its shape (`x42` as `a99`): a plan is read by more people than the rows are.
    pub reason: String,
}

impl ColumnExpression {
    /// Computes every row of a batch, as a transfer would, and goes on after those that are refused.
    #[must_use]
    pub fn try_out(&self, batch: &RecordBatch) -> Trial {
        let Sifted { values, refused } = self.sift(batch);
        let mut rows = refused.iter().filter_map(|refused| Some((refused.row?, &refused.why)));
        let first = rows.next().map(|(row, why)| FirstRefused {
            row,
            reason: match why {
                Why::Null => "NULL, and the target column takes none".to_owned(),
                Why::Failed(reason) => veiled(reason, self.expression(), batch, row),
            },
        });
        Trial { values, refused: u64::from(first.is_some()) + rows.count() as u64, first }
    }
}

/// A reason without the text that it quotes.
fn veiled(reason: &str, expression: &Expression, batch: &RecordBatch, row: usize) -> String {
    let inputs = expression.inputs().iter().map(|&at| batch.column(at));
    let texts: Vec<&ArrayRef> = inputs.filter(|a| matches!(a.data_type(), DataType::Utf8 | DataType::Binary)).collect();
    let reason = reason.trim_end_matches('.');
    if texts.is_empty() {
        return reason.to_owned();
    }
    let mut reason = quoted_veiled(reason);
    for text in texts.iter().filter_map(|a| a.as_string_opt::<i32>()).filter(|a| a.is_valid(row)) {
        let text = text.value(row).trim();
        if text.chars().count() >= SHORTEST_VEILED {
            reason = reason.replace(text, &shape(text));
        }
    }
    reason
}

/// From the first to the last of each kind of quotes: a value may hold quotes, too.
fn quoted_veiled(reason: &str) -> String {
    let mut reason = reason.to_owned();
    for quote in ['\'', '"'] {
        if let (Some(first), Some(last)) = (reason.find(quote), reason.rfind(quote)) {
            reason = format!("{}{}{}", &reason[..first], shape(&reason[first..last]), &reason[last..]);
        }
    }
    reason
}

fn shape(text: &str) -> String {
    let veil = |c: char| match c {
        _ if c.is_alphabetic() => 'a',
        _ if c.is_numeric() => '9',
        _ => c,
    };
    text.chars().map(veil).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, StringArray};
    use arrow::datatypes::{Field, Schema, SchemaRef};

    use super::*;
    use crate::expression::Projection;

    fn try_out(sql: &str, column: ArrayRef, to: DataType, nullable: bool) -> Trial {
        let batch = RecordBatch::try_from_iter_with_nullable([("v", column, true)]).unwrap();
        let target: SchemaRef = Arc::new(Schema::new(vec![Field::new("filled", to, nullable)]));
        Projection::compile(&batch.schema(), &target, &[sql.to_owned()]).unwrap().columns()[0].try_out(&batch)
    }

    fn texts(values: &[&str]) -> ArrayRef {
        Arc::new(StringArray::from(values.to_vec()))
    }

    #[test]
    fn every_refused_row_is_counted_and_the_others_are_computed() {
        let values: Vec<String> =
            (0..1000).map(|n| if n % 7 == 3 { format!("no. {n}") } else { n.to_string() }).collect();
        let values: ArrayRef = Arc::new(StringArray::from(values));
        let trial = try_out("CAST(v AS BIGINT)", values, DataType::Int64, true);
        assert_eq!(trial.refused, 143);
        assert_eq!(trial.values.iter().map(|v| v.len()).sum::<usize>(), 857);
        let first = trial.first.unwrap();
        assert_eq!(first.row, 3);
        assert_eq!(first.reason, "Cannot cast string 'aa. 9' to value of Int64 type");
    }

    #[test]
    fn numbers_may_be_shown_and_all_may_be_refused() {
        let all: ArrayRef = Arc::new(Int64Array::from(vec![70_000; 300]));
        let trial = try_out("v", all, DataType::Int16, true);
        assert_eq!(trial.refused, 300);
        assert!(trial.first.unwrap().reason.contains("70000"));
    }

    #[test]
    fn null_where_none_may_be_is_refused() {
        let column = || -> ArrayRef { Arc::new(Int64Array::from(vec![Some(1), None, None])) };
        let trial = try_out("v", column(), DataType::Int64, false);
        assert_eq!((trial.refused, trial.first.map(|f| f.row)), (2, Some(1)));
        assert_eq!(try_out("v", column(), DataType::Int64, true).refused, 0);
    }

    #[test]
    fn text_is_shown_by_its_shape_wherever_it_stands() {
        for (value, reason) in [("it's 5 o'clock", "'aa'a 9 a'aaaaa'"), ("1.2.3", "'9.9.9'")] {
            let to = DataType::Decimal128(10, 2);
            let sql = if value.starts_with('1') { "CAST(v AS DECIMAL(10,2))" } else { "CAST(v AS BIGINT)" };
            let to = if value.starts_with('1') { to } else { DataType::Int64 };
            let first = try_out(sql, texts(&[value]), to, true).first.unwrap();
            assert!(first.reason.contains(reason) && !first.reason.contains(value), "{}", first.reason);
        }
    }

    #[test]
    fn an_empty_sample_is_no_trouble() {
        let trial = try_out("v", texts(&[]), DataType::Utf8, false);
        assert_eq!((trial.refused, trial.values.len()), (0, 0));
    }
}
