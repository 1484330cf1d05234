//! Whole migrations that need no server: the engine, the sandbox and the embedded connectors.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use sensei_benches::migrate;
use tempfile::TempDir;

/// About 86,600 rows in eight tables.
const SCALE: &str = "0.01";

fn transfer(c: &mut Criterion) {
    let registry = sensei::registry::on_board().expect("this machine runs WebAssembly");
    let made = TempDir::new().expect("a temporary folder");
    let file = format!("sqlite:{}", made.path().join("made.db").display());
    let generated = format!("datagen:tpch?scale={SCALE}");
    let rows: u64 = migrate(&registry, &generated, &file, 1).expect("made").tables.iter().map(|t| t.target_rows).sum();
    let mut group = c.benchmark_group("transfer");
    group.throughput(Throughput::Elements(rows)).sample_size(10);
    for (name, source, target) in [
        ("datagen_to_blackhole", &generated, "blackhole:"),
        ("sqlite_to_blackhole", &file, "blackhole:"),
        ("datagen_to_sqlite", &generated, "sqlite:"),
    ] {
        group.bench_function(name, |b| {
            b.iter_batched(
                || TempDir::new().expect("a temporary folder"),
                |folder| {
                    let target = format!("{target}{}", folder.path().join("target").display());
                    migrate(&registry, source, &target, 2).expect("moved");
                    folder
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, transfer);
criterion_main!(benches);
