//! What the benches share: batches to work on, and one whole migration as a function.
//!
//! Run all with `cargo bench -p sensei-benches`, one with `--bench boundary`. Read ratios within one run; a shared
//! machine's absolute figures move.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Decimal128Array, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};

use sensei_engine::connection::Connection;
use sensei_engine::error::Result;
use sensei_engine::migration::{self, Job, Options, Report, Stop};
use sensei_engine::plan::{Naming, OnExisting, Policies, Request};
use sensei_engine::plugin::Registry;

/// A batch shaped like TPC-H's `lineitem`: integers, decimals, dates and short text.
#[must_use]
pub fn lineitem_like(rows: usize) -> RecordBatch {
    let n = rows as i64;
    let decimals = |scale: i128| {
        let values = Decimal128Array::from_iter_values((0..n).map(|i| i128::from(i) * scale));
        values.with_precision_and_scale(15, 2).expect("fits 15 digits")
    };
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("orderkey", Arc::new(Int64Array::from_iter_values(0..n))),
        ("linenumber", Arc::new(Int32Array::from_iter_values((0..n).map(|i| (i % 7) as i32)))),
        ("quantity", Arc::new(decimals(100))),
        ("extendedprice", Arc::new(decimals(9_017))),
        ("shipdate", Arc::new(Date32Array::from_iter_values((0..n).map(|i| 8_000 + (i % 2_500) as i32)))),
        (
            "shipmode",
            Arc::new(StringArray::from_iter_values((0..n).map(|i| ["AIR", "TRUCK", "MAIL"][(i % 3) as usize]))),
        ),
        ("comment", Arc::new(StringArray::from_iter_values((0..n).map(|i| format!("carefully final deposits {i}"))))),
    ];
    let fields: Vec<Field> = columns.iter().map(|(name, c)| Field::new(*name, c.data_type().clone(), false)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.into_iter().map(|(_, c)| c).collect())
        .expect("columns of one length")
}

/// The same rows with the key as text, as a source without types would give it.
#[must_use]
pub fn with_text_key(batch: &RecordBatch) -> RecordBatch {
    let rows = batch.num_rows();
    let text: ArrayRef = Arc::new(StringArray::from_iter_values((0..rows).map(|i| i.to_string())));
    let mut fields: Vec<Field> = batch.schema().fields().iter().map(|f| f.as_ref().clone()).collect();
    fields[0] = Field::new("orderkey", DataType::Utf8, false);
    let mut columns = batch.columns().to_vec();
    columns[0] = text;
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("columns of one length")
}

/// Moves everything from one URL to another, on defaults but for `parallelism`.
///
/// # Errors
/// Whatever the engine reports.
pub fn migrate(registry: &Registry, source: &str, target: &str, parallelism: usize) -> Result<Report> {
    let job = Job {
        source: Connection::from_url(registry, source)?,
        target: Connection::from_url(registry, target)?,
        request: Request {
            schemas: Vec::new(),
            exclude_tables: Vec::new(),
            target_schema: None,
            naming: Naming::Snake,
            on_existing: OnExisting::Fail,
            into: BTreeMap::new(),
            generate_rollback: false,
            bare: false,
            policies: Policies::default(),
        },
        options: Options { parallelism, ..Options::default() },
        observer: Arc::new(()),
        traffic: Arc::default(),
        cancel: sensei_engine::plugin::Cancel::default(),
        stop: Stop::default(),
        gate: Arc::new(()),
        restart: false,
        name: None,
        keep_ledger: false,
    };
    let plan = migration::plan(&job)?;
    migration::run(&job, &plan)
}
