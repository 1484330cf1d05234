//! All expressions of one table, each bound to the column it fills.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{FieldRef, SchemaRef};

use super::Expression;
use super::conversion::{Conversion, conversion, convert};
use super::failure::{self, Refusal};
use super::position;
use crate::error::{Code, Error, Result};

/// From rows of a source's schema to rows of a target's schema.
#[derive(Debug, Clone)]
pub struct Projection {
    target: SchemaRef,
    columns: Vec<ColumnExpression>,
    identity: bool,
}

/// One expression and the target column it fills. Evaluating one column touches no other: columns may
/// be evaluated at the same time.
#[derive(Debug, Clone)]
pub struct ColumnExpression {
    expression: Expression,
    field: FieldRef,
}

impl Projection {
    /// Binds one transformation to each column of `target`, in its order.
    ///
    /// # Errors
    /// `invalid_expression` names the column whose transformation does not parse, or gives a type that
    /// cannot become the column's.
    pub fn compile(source: &SchemaRef, target: &SchemaRef, transformations: &[String]) -> Result<Self> {
        if transformations.len() != target.fields().len() {
            let counts = format!("{} transformations for {} columns", transformations.len(), target.fields().len());
            return Err(Error::new(Code::InvalidExpression, format!("The plan has {counts}; make it again.")));
        }
        let bind = |(field, sql): (&FieldRef, &String)| {
            ColumnExpression::bind(Expression::parse(sql, source)?, Arc::clone(field))
        };
        let columns: Vec<ColumnExpression> = target
            .fields()
            .iter()
            .zip(transformations)
            .map(|pair| bind(pair).map_err(|e| Error { column: Some(pair.0.name().clone()), ..e }))
            .collect::<Result<_>>()?;
        let same = |(at, c): (usize, &ColumnExpression)| {
            c.expression.column() == Some(at) && c.expression.data_type() == c.field.data_type()
        };
        let identity = source.fields().len() == columns.len() && columns.iter().enumerate().all(same);
        Ok(Self { target: Arc::clone(target), columns, identity })
    }

    /// Every target column is the source column at the same place with the same Arrow type (names, nullability
    /// and metadata aside): a batch may be forwarded as the bytes it came in.
    #[must_use]
    pub fn is_identity(&self) -> bool {
        self.identity
    }

    /// In the target's order.
    #[must_use]
    pub fn columns(&self) -> &[ColumnExpression] {
        &self.columns
    }

    /// Evaluates all columns, one after another.
    ///
    /// # Errors
    /// As [`ColumnExpression::evaluate`] and [`Self::assemble`].
    pub fn project(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let columns = self.columns.iter().map(|c| c.evaluate(batch)).collect::<Result<_>>()?;
        self.assemble(batch.num_rows(), columns)
    }

    /// Puts evaluated columns together.
    ///
    /// # Errors
    /// `invalid_data` for a NULL in a column that takes none.
    pub fn assemble(&self, rows: usize, columns: Vec<ArrayRef>) -> Result<RecordBatch> {
        for (column, array) in self.columns.iter().zip(&columns) {
            if !column.field.is_nullable() && array.null_count() > 0 {
                let row = (0..array.len()).find(|&row| array.is_null(row)).unwrap_or_default();
                return Err(column.refuses_null(row));
            }
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.target), columns, &options)
            .map_err(|e| Error::new(Code::InvalidData, format!("Evaluated columns do not make a batch: {e}.")))
    }
}

impl ColumnExpression {
    fn bind(expression: Expression, field: FieldRef) -> Result<Self> {
        match conversion(expression.data_type(), field.data_type()) {
            Conversion::Same | Conversion::Exact | Conversion::Checked => Ok(Self { expression, field }),
            Conversion::Unsupported => {
                let message = format!(
                    "`{}` gives {}, and the column takes {}: convert it in the transformation, for instance with CAST.",
                    expression.sql(),
                    expression.data_type(),
                    field.data_type()
                );
                Err(Error::new(Code::InvalidExpression, message).at_character(Some(position::FIRST)))
            }
        }
    }

    /// What is computed.
    #[must_use]
    pub fn expression(&self) -> &Expression {
        &self.expression
    }

    /// The target column it fills.
    #[must_use]
    pub fn field(&self) -> &FieldRef {
        &self.field
    }

    /// The column's values for a batch of the source's schema, in the field's type. A bare column of that type is not copied.
    ///
    /// # Errors
    /// `invalid_data` names the first row whose value cannot be computed or does not fit the column's type exactly.
    pub fn evaluate(&self, batch: &RecordBatch) -> Result<ArrayRef> {
        failure::locate(&self.expression, batch, |slice| self.try_evaluate(slice))
            .map_err(|e| Error { column: Some(self.field.name().clone()), ..e })
    }

    pub(super) fn try_evaluate(&self, batch: &RecordBatch) -> Result<ArrayRef, Refusal> {
        convert(&self.expression.try_evaluate(batch)?, self.field.data_type())
    }

    fn refuses_null(&self, row: usize) -> Error {
        let message = format!(
            "`{}` is NULL for row {} of its batch, and the target column takes no NULL. Give it a value with COALESCE, or let the column be NULL.",
            self.expression.sql(),
            row + 1
        );
        Error {
            column: Some(self.field.name().clone()),
            row: Some(format!("{} of its batch", row + 1)),
            ..Error::new(Code::InvalidData, message)
        }
    }
}
