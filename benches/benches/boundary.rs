//! The checked door and the way back: what every batch pays on the host.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use sensei_benches::lineitem_like;
use sensei_engine::plugin::rows;

fn boundary(c: &mut Criterion) {
    let batch = lineitem_like(10_000);
    let schema = rows::decode_schema(&rows::encode_schema(&batch.schema())).expect("our own schema");
    let encoded = rows::encode(&batch).expect("our own batch");
    let mut group = c.benchmark_group("boundary");
    group.throughput(Throughput::Bytes(encoded.body.len() as u64));
    group.bench_function("check", |b| {
        b.iter_batched(|| encoded.clone(), |raw| rows::check(&schema, raw).expect("whole"), BatchSize::LargeInput);
    });
    group.bench_function("encode", |b| b.iter(|| rows::encode(black_box(&batch)).expect("whole")));
    group.finish();
}

criterion_group!(benches, boundary);
criterion_main!(benches);
