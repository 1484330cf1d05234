//! Mappings on a batch: what a column costs that is more than itself.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sensei_benches::{lineitem_like, with_text_key};
use sensei_engine::expression::Projection;

fn expression(c: &mut Criterion) {
    let target = lineitem_like(1).schema();
    let batch = with_text_key(&lineitem_like(10_000));
    let plain: Vec<String> = target.fields().iter().map(|f| f.name().clone()).collect();
    let with = |at: usize, sql: &str| {
        let mut all = plain.clone();
        all[at] = sql.to_owned();
        all
    };
    let mut group = c.benchmark_group("expression");
    group.throughput(Throughput::Elements(batch.num_rows() as u64));
    for (name, transformations) in [
        ("cast_text_to_bigint", with(0, "CAST(orderkey AS BIGINT)")),
        ("cast_and_coalesce", {
            let mut all = with(0, "CAST(orderkey AS BIGINT)");
            all[6] = "COALESCE(NULLIF(TRIM(comment), ''), 'n/a')".into();
            all
        }),
    ] {
        let projection = Projection::compile(&batch.schema(), &target, &transformations).expect("compiles");
        group.bench_function(name, |b| b.iter(|| projection.project(black_box(&batch)).expect("evaluates")));
    }
    group.finish();
}

criterion_group!(benches, expression);
criterion_main!(benches);
