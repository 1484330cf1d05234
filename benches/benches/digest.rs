//! Digesting a batch: what validation adds to the way of each row.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sensei_benches::lineitem_like;
use sensei_engine::catalog::{Table, TableName};
use sensei_engine::plan::TablePlan;
use sensei_engine::plugin::rows::encode_schema;
use sensei_engine::validate::Comparison;

fn digest(c: &mut Criterion) {
    let batch = lineitem_like(10_000);
    let name = || TableName { schema: "public".into(), name: "lineitem".into() };
    let target = Table {
        name: name(),
        columns: vec![],
        primary_key: None,
        unique_keys: vec![],
        foreign_keys: vec![],
        checks: vec![],
        indexes: vec![],
        partitioning: None,
        comment: None,
        rows: 0,
        bytes: 0,
    };
    let plan = TablePlan {
        existing: None,
        source: name(),
        target,
        mappings: vec![],
        row_schema: encode_schema(&batch.schema()),
        reads: vec![],
        read_schema: vec![],
        profile: vec![],
        estimated_rows: 0,
        estimated_bytes: 0,
    };
    let mut group = c.benchmark_group("digest");
    group.throughput(Throughput::Elements(batch.num_rows() as u64));
    for (name, percent) in [("all_rows", 100), ("a_tenth_of_the_rows", 10)] {
        let comparison = Comparison::of(&plan, percent).expect("a schema");
        let hasher = comparison.hasher(&batch.schema());
        group.bench_function(name, |b| b.iter(|| hasher.digest(black_box(&batch))));
    }
    group.finish();
}

criterion_group!(benches, digest);
criterion_main!(benches);
