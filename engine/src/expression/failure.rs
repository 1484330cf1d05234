//! Which row a failed evaluation failed on, in words.

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion_common::DataFusionError;

use super::Expression;
use crate::error::{Code, Error, Result};

/// Characters of one value that an error shows: enough to find it, too few to fill a log.
const VALUE_SHOWN: usize = 80;
/// Columns whose values an error shows.
const COLUMNS_SHOWN: usize = 4;

/// Why a batch was not computed; with its row where that is known.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) row: Option<usize>,
    pub(super) reason: String,
}

impl Refusal {
    pub(super) fn of_batch(reason: impl Into<String>) -> Self {
        Self { row: None, reason: reason.into() }
    }

    pub(super) fn of_row(row: usize, reason: impl Into<String>) -> Self {
        Self { row: Some(row), reason: reason.into() }
    }
}

/// Runs `evaluate`; where it is refused, finds the first row that is to blame by halving the batch.
pub(super) fn locate(
    expression: &Expression,
    batch: &RecordBatch,
    evaluate: impl Fn(&RecordBatch) -> Result<ArrayRef, Refusal>,
) -> Result<ArrayRef> {
    let refusal = match evaluate(batch) {
        Ok(array) => return Ok(array),
        Err(refusal) => refusal,
    };
    let (mut start, mut rows, mut refusal) = (0, batch.num_rows(), refusal);
    while rows > 1 && refusal.row.is_none() {
        let half = rows / 2;
        match evaluate(&batch.slice(start, half)) {
            Err(e) => (rows, refusal) = (half, e),
            Ok(_) => match evaluate(&batch.slice(start + half, rows - half)) {
                Err(e) => (start, rows, refusal) = (start + half, rows - half, e),
                // Only the whole fails: no single row is to blame.
                Ok(_) => return Err(refused(expression, batch, None, &refusal.reason)),
            },
        }
    }
    let row = (rows > 0).then(|| start + refusal.row.unwrap_or(0));
    Err(refused(expression, batch, row, &refusal.reason))
}

fn refused(expression: &Expression, batch: &RecordBatch, row: Option<usize>, reason: &str) -> Error {
    let place = row.map(|r| format!(" for row {} of its batch", r + 1)).unwrap_or_default();
    let values = row.map(|r| values(expression, batch, r)).unwrap_or_default();
    let message = format!(
        "`{}` cannot be computed{place}{values}: {}. Correct the value in the source, or change the transformation.",
        expression.sql(),
        reason.trim_end_matches('.')
    );
    Error { row: row.map(|r| format!("{} of its batch", r + 1)), ..Error::new(Code::InvalidData, message) }
}

/// ` (PHONE = '555')`: what an expression needs of a row; empty when nothing.
pub(super) fn values(expression: &Expression, batch: &RecordBatch, row: usize) -> String {
    let shown = expression.inputs().iter().take(COLUMNS_SHOWN);
    let values: Vec<String> =
        shown.map(|&c| format!("{} = {}", batch.schema_ref().field(c).name(), value(batch.column(c), row))).collect();
    if values.is_empty() { String::new() } else { format!(" ({})", values.join(", ")) }
}

/// One value for people, cut to what fits a line.
pub(crate) fn value(array: &ArrayRef, row: usize) -> String {
    if array.is_null(row) || *array.data_type() == DataType::Null {
        return "NULL".to_owned();
    }
    let options = FormatOptions::default().with_display_error(true);
    let text = ArrayFormatter::try_new(array, &options).map_or_else(|e| e.to_string(), |f| f.value(row).to_string());
    match text.char_indices().nth(VALUE_SHOWN) {
        Some((end, _)) => format!("'{}...' ({} bytes)", &text[..end], text.len()),
        None => format!("'{text}'"),
    }
}

/// The reason inside DataFusion's error, without its wrapping.
pub(super) fn reason(e: &DataFusionError) -> String {
    match e.find_root() {
        DataFusionError::ArrowError(e, _) => arrow_reason(e),
        other => other.message().into_owned(),
    }
}

pub(super) fn arrow_reason(e: &ArrowError) -> String {
    match e {
        ArrowError::CastError(m)
        | ArrowError::ComputeError(m)
        | ArrowError::ArithmeticOverflow(m)
        | ArrowError::ParseError(m)
        | ArrowError::InvalidArgumentError(m) => m.clone(),
        other => other.to_string(),
    }
}

/// An expression that does not fit its columns; `position` is the character where the part that does not begins.
pub(super) fn unplannable(sql: &str, position: u64, e: &DataFusionError) -> Error {
    let reason = reason(e);
    let message = format!(
        "The expression `{sql}` does not fit its columns: {}.",
        reason.replace('\n', " ").trim_end_matches('.')
    );
    Error::new(Code::InvalidExpression, message).at_character(Some(position))
}
