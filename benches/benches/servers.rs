//! Whole migrations between real servers, which this bench starts itself: protocol decoders and encoders at work.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use sensei_benches::migrate;
use sensei_tests::servers;
use tempfile::TempDir;

/// About 173,000 rows in eight tables.
const GENERATED: &str = "datagen:tpch?scale=0.02";

fn between_servers(c: &mut Criterion) {
    let registry = sensei::registry::on_board().expect("this machine runs WebAssembly");
    let (one, other) = (servers::postgres().fresh_database(), servers::mariadb().fresh_database());
    let rows = |report: sensei_engine::migration::Report| report.tables.iter().map(|t| t.target_rows).sum::<u64>();
    let count = rows(migrate(&registry, GENERATED, &one.url, 2).expect("made"));
    migrate(&registry, GENERATED, &other.url, 2).expect("made");
    let mut group = c.benchmark_group("servers");
    group.throughput(Throughput::Elements(count)).sample_size(10);
    for (name, source) in [("postgres_to_blackhole", &one.url), ("mariadb_to_blackhole", &other.url)] {
        group.bench_function(name, |b| {
            b.iter_batched(
                || TempDir::new().expect("a temporary folder"),
                |folder| {
                    let target = format!("blackhole:{}", folder.path().join("ledger").display());
                    migrate(&registry, source, &target, 2).expect("moved");
                    folder
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.bench_function("mariadb_to_postgres", |b| {
        b.iter_batched(
            || servers::postgres().fresh_database(),
            |target| migrate(&registry, &other.url, &target.url, 2).expect("moved"),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("datagen_to_mariadb", |b| {
        b.iter_batched(
            || servers::mariadb().fresh_database(),
            |target| migrate(&registry, GENERATED, &target.url, 2).expect("moved"),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, between_servers);
criterion_main!(benches);
