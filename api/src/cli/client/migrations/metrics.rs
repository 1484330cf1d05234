//! `sensei migrations metrics`.

use clap::Args;
use serde::Deserialize;

use super::get::whole;
use crate::cli::client::reply::Reply;
use crate::cli::client::server::Query;
use crate::cli::client::{Session, facts, id, moment};
use crate::cli::failure::Failure;
use crate::cli::format::count;
use crate::cli::screen::{Column, table};

/// Which migration.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The migration's id
    #[arg(value_parser = id::parse)]
    id: String,
}

/// Metrics at one moment; what cannot be measured is not there.
#[derive(Debug, Deserialize)]
struct Metrics {
    migration_id: String,
    snapshot_at: Option<String>,
    #[serde(default)]
    throughput: Throughput,
    #[serde(default)]
    resources: Resources,
    #[serde(default)]
    quality: Quality,
    #[serde(default)]
    by_table: Vec<Table>,
}

#[derive(Debug, Default, Deserialize)]
struct Throughput {
    current_records_per_second: Option<f64>,
    average_records_per_second: Option<f64>,
    peak_records_per_second: Option<f64>,
    current_bytes_per_second: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Resources {
    active_workers: Option<u64>,
    cpu_utilization_percent: Option<f64>,
    memory_utilization_percent: Option<f64>,
    network_utilization_percent: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
struct Quality {
    error_rate_percent: Option<f64>,
    recovery_success_rate_percent: Option<f64>,
    validation_pass_rate_percent: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct Table {
    table: String,
    records_total: Option<u64>,
    records_processed: Option<u64>,
    throughput_records_per_second: Option<f64>,
    errors: Option<u64>,
}

impl Arguments {
    pub(super) async fn run(&self, session: &Session) -> Result<Reply, Failure> {
        let answer = session.server.get(&["migrations", &self.id, "metrics"], &Query::new()).await?;
        session.reply(answer, |metrics| text(metrics, session.output.width()))
    }
}

fn text(metrics: &Metrics, width: u16) -> String {
    let Metrics { migration_id, snapshot_at, throughput, resources, quality, by_table } = metrics;
    let at = snapshot_at.as_deref().map(|at| format!(" at {}", moment::shown_utc(at))).unwrap_or_default();
    let bytes = throughput.current_bytes_per_second.as_deref().map(|bytes| format!("{bytes}/s"));
    let facts = facts::lines([
        ("now", facts::joined([throughput.current_records_per_second.map(rows_per_second), bytes])),
        ("average", throughput.average_records_per_second.map(rows_per_second)),
        ("peak", throughput.peak_records_per_second.map(rows_per_second)),
        ("workers", resources.active_workers.map(count)),
        ("processor", resources.cpu_utilization_percent.map(percent)),
        ("memory", resources.memory_utilization_percent.map(percent)),
        ("network", resources.network_utilization_percent.map(percent)),
        ("errors", quality.error_rate_percent.map(|rate| format!("{} of the rows", percent(rate)))),
        ("recovered", quality.recovery_success_rate_percent.map(|rate| format!("{} of the errors", percent(rate)))),
        ("validated", quality.validation_pass_rate_percent.map(|rate| format!("{} of the tables", percent(rate)))),
    ]);
    let mut text = format!("{migration_id}{at}\n{facts}");
    if !by_table.is_empty() {
        text += &format!("\n{}", table(&COLUMNS, by_table.iter().map(Table::row), width));
    }
    text
}

const COLUMNS: [Column<'_>; 5] = [
    Column::Left("table"),
    Column::Right("rows moved"),
    Column::Right("of"),
    Column::Right("rows/s"),
    Column::Right("errors"),
];

impl Table {
    fn row(&self) -> Vec<String> {
        let number = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), count);
        let rate = self.throughput_records_per_second.map_or_else(|| "-".to_owned(), whole);
        let (moved, total) = (number(self.records_processed), number(self.records_total));
        vec![self.table.clone(), moved, total, rate, number(self.errors)]
    }
}

fn rows_per_second(rate: f64) -> String {
    format!("{} rows/s", whole(rate))
}

/// With as many digits as the server gives.
fn percent(percent: f64) -> String {
    format!("{percent} %")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_facts_and_a_table() {
        let metrics = r#"{
            "migration_id": "mig_abc123def456", "snapshot_at": "2026-02-02T17:00:00Z",
            "throughput": {"current_records_per_second": 8234, "average_records_per_second": 7891.4,
                           "peak_records_per_second": 12456, "current_bytes_per_second": "32.4 MB"},
            "resources": {"active_workers": 8, "cpu_utilization_percent": 67, "memory_utilization_percent": 45,
                          "network_utilization_percent": null},
            "quality": {"error_rate_percent": 0.001, "recovery_success_rate_percent": 99.2,
                        "validation_pass_rate_percent": 99.8},
            "by_table": [
                {"table": "orders", "records_total": 5000000, "records_processed": 3750000,
                 "throughput_records_per_second": 4500, "errors": 12},
                {"table": "nation", "records_total": null, "records_processed": 25,
                 "throughput_records_per_second": null, "errors": 0}
            ]
        }"#;
        insta::assert_snapshot!(text(&serde_json::from_str(metrics).expect("metrics"), 100));
    }
}
