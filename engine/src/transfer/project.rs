//! Evaluating a table's mappings on a batch, its columns in parallel.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use crate::error::{Error, Result};
use crate::expression::{Projection, Rejected};
use crate::plan::TablePlan;
use crate::plugin::rows::decode_schema;

/// What happens to a batch of one table.
pub(super) enum Projector {
    /// Nothing: the bytes that came go on as they are.
    Identity,
    /// Its mappings.
    Mapped(Projection),
}

impl Projector {
    pub(super) fn compile(source: &SchemaRef, table: &TablePlan) -> Result<Self> {
        let target = decode_schema(&table.row_schema)?;
        let transformations: Vec<String> = table.mappings.iter().map(|m| m.transformation.clone()).collect();
        let projection = Projection::compile(source, &target, &transformations)?;
        Ok(if projection.is_identity() { Self::Identity } else { Self::Mapped(projection) })
    }

    /// Every row of a batch that the mappings refuse.
    pub(super) fn rejects(&self, batch: &RecordBatch) -> Vec<Rejected> {
        match self {
            Self::Identity => Vec::new(),
            Self::Mapped(projection) => projection.rejects(batch),
        }
    }
}

/// One batch through its mappings, on the pool.
pub(super) fn evaluate(pool: &rayon::ThreadPool, projection: &Projection, batch: &RecordBatch) -> Result<RecordBatch> {
    let columns = pool.install(|| {
        projection.columns().par_iter().map(|column| column.evaluate(batch)).collect::<Result<Vec<_>, Error>>()
    })?;
    projection.assemble(batch.num_rows(), columns)
}
