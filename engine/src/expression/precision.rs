//! Decimals that stay within their precision.
//!
//! Arrow adds and multiplies decimals as plain integers: 99 + 1 in two digits gives 100 in two digits, which later prints as 10.
//! Every step that computes a decimal is followed by this check (P2).

use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, Decimal128Type, Decimal256Type, FieldRef, Schema};
use datafusion_common::{Result, internal_err};
use datafusion_expr::ColumnarValue;
use datafusion_physical_expr::PhysicalExpr;

/// The expression inside, its decimals checked.
#[derive(Debug, Clone, Eq)]
pub(super) struct WithinPrecision(pub(super) Arc<dyn PhysicalExpr>);

// Written out: the derived one tries to move the expression out of its pointer.
impl PartialEq for WithinPrecision {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq(&other.0)
    }
}

impl Hash for WithinPrecision {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl WithinPrecision {
    /// Whether values of this type can leave their precision.
    pub(super) fn applies(t: &DataType) -> bool {
        matches!(t, DataType::Decimal128(..) | DataType::Decimal256(..))
    }
}

impl fmt::Display for WithinPrecision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl PhysicalExpr for WithinPrecision {
    fn return_field(&self, schema: &Schema) -> Result<FieldRef> {
        self.0.return_field(schema)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let value = self.0.evaluate(batch)?;
        let array = value.to_array(1)?;
        match array.data_type() {
            DataType::Decimal128(precision, _) => {
                array.as_primitive::<Decimal128Type>().validate_decimal_precision(*precision)?;
            }
            DataType::Decimal256(precision, _) => {
                array.as_primitive::<Decimal256Type>().validate_decimal_precision(*precision)?;
            }
            _ => {}
        }
        Ok(value)
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.0]
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn PhysicalExpr>>) -> Result<Arc<dyn PhysicalExpr>> {
        match (children.pop(), children.is_empty()) {
            (Some(child), true) => Ok(Arc::new(Self(child))),
            _ => internal_err!("a check of decimals has exactly one expression inside"),
        }
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt_sql(f)
    }
}
