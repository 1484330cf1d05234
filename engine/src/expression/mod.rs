//! SQL over the source's row: what a mapping does to a column.
//!
//! An [`Expression`] is parsed against the Arrow schema a source reads, planned by DataFusion and
//! evaluated batch by batch. A [`Projection`] is all expressions of one table, each bound to the column
//! it fills. Nothing here turns a value into another silently (P2): whatever cannot be computed, overflows
//! or would be rounded on its way into the target's type is an error that names column and row.
//!
//! Inside an expression SQL's own rules hold: `CAST(price AS INT)` cuts because it says so. What nobody
//! wrote down, the step from the expression's type to the target column's, is exact or an error.

mod conversion;
mod failure;
mod functions;
mod parse;
mod position;
mod precision;
mod projection;
mod rejects;
mod sift;
mod special;
mod trial;

#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef};
use datafusion_physical_expr::PhysicalExpr;
use datafusion_physical_expr::expressions::Column;
use datafusion_physical_expr::utils::collect_columns;

use crate::error::Result;
pub(crate) use conversion::spelled;
pub use conversion::{Conversion, conversion, sql_type};
use failure::Refusal;
pub(crate) use failure::value as shown_value;
pub use parse::quote;
pub use projection::{ColumnExpression, Projection};
pub use rejects::Rejected;
pub(crate) use special::Special;
pub use trial::{FirstRefused, Trial};

/// One SQL expression over the columns of a source table.
#[derive(Debug, Clone)]
pub struct Expression {
    sql: String,
    physical: Arc<dyn PhysicalExpr>,
    data_type: DataType,
    inputs: Vec<usize>,
}

impl Expression {
    /// Reads and plans `sql` for rows of `schema`. Column names are found as written, else without regard to case.
    ///
    /// # Errors
    /// `invalid_expression`, with its character: it does not parse, names what is not there, or its types do not fit.
    pub fn parse(sql: &str, schema: &SchemaRef) -> Result<Self> {
        let physical = parse::plan(sql, schema)?;
        let data_type = physical.data_type(schema).map_err(|e| failure::unplannable(sql, position::FIRST, &e))?;
        let mut inputs: Vec<usize> = collect_columns(&physical).iter().map(Column::index).collect();
        inputs.sort_unstable();
        Ok(Self { sql: sql.to_owned(), physical, data_type, inputs })
    }

    /// As it was written.
    #[must_use]
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// The Arrow type of what it gives.
    #[must_use]
    pub fn data_type(&self) -> &DataType {
        &self.data_type
    }

    /// Positions of the source columns it needs, ascending.
    #[must_use]
    pub fn inputs(&self) -> &[usize] {
        &self.inputs
    }

    /// The position of the source column, if the expression is nothing but that column.
    #[must_use]
    pub fn column(&self) -> Option<usize> {
        self.physical.downcast_ref::<Column>().map(Column::index)
    }

    /// One value for each row of a batch of its schema. A bare column is not copied.
    ///
    /// # Errors
    /// `invalid_data` names the first row for which it cannot be computed.
    pub fn evaluate(&self, batch: &RecordBatch) -> Result<ArrayRef> {
        failure::locate(self, batch, |slice| self.try_evaluate(slice))
    }

    fn try_evaluate(&self, batch: &RecordBatch) -> Result<ArrayRef, Refusal> {
        // Some functions panic on extreme arguments; that is a value which cannot be computed, not an end of the process.
        catch_unwind(AssertUnwindSafe(|| self.physical.evaluate(batch)?.into_array(batch.num_rows())))
            .map_err(|_| Refusal::of_batch("a function broke on this value"))?
            .map_err(|e| Refusal::of_batch(failure::reason(&e)))
    }
}
