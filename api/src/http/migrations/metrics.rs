//! `GET /v1/migrations/{id}/metrics`.

use axum::extract::{Path, State};
use jiff::Timestamp;
use sensei_engine::error::{Code, Error};
use sensei_engine::lifecycle::{Progress, Record, TableFigures};
use sensei_engine::store::{Scope, Store};
use serde::Serialize;
use utoipa::ToSchema;

use super::figures::{Figures, whole, whole_percent};
use super::progress::is_at_work;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::moment::Moment;
use crate::http::query::Parameters;
use crate::http::state::App;
use crate::http::units;
use crate::http::validation::pass_rate_percent;

/// Samples of the history in one answer, the newest. 1,000: a graph has no more points.
const HISTORY: u32 = 1_000;

/// Metrics of a migration.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MetricsView {
    #[schema(example = "mig_abc123def456")]
    migration_id: String,
    /// When these figures were taken.
    snapshot_at: Moment,
    throughput: Throughput,
    resources: Resources,
    quality: Quality,
    by_table: Vec<TableMetrics>,
    /// Earlier figures, oldest first; there when `history=true` asks for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<Vec<HistorySample>>,
}

/// How fast rows move, all tables together.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Throughput {
    #[schema(example = 8234)]
    current_records_per_second: u64,
    #[schema(example = 7891)]
    average_records_per_second: u64,
    #[schema(example = 12456)]
    peak_records_per_second: u64,
    /// For people.
    #[schema(example = "32.4 MB")]
    current_bytes_per_second: String,
    /// For programs.
    #[schema(example = 32_400_000)]
    current_bytes_per_second_exact: u64,
    #[schema(example = 12_453_891)]
    records_processed: u64,
    #[schema(example = 18_500_000)]
    records_total: u64,
    /// For people.
    #[schema(example = "47.2 GB")]
    bytes_transferred: String,
    /// For programs.
    #[schema(example = 47_200_000_000_u64)]
    bytes_transferred_exact: u64,
}

/// What the server that drives the migration spends; of the process as a whole.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Resources {
    /// Lanes that move something.
    #[schema(example = 8)]
    active_workers: u32,
    /// Lanes there are.
    #[schema(example = 8)]
    workers: u32,
    /// Of all processors.
    #[schema(maximum = 100, example = 67)]
    cpu_utilization_percent: u8,
    /// Of the machine's memory.
    #[schema(maximum = 100, example = 45)]
    memory_utilization_percent: u8,
    #[schema(example = 512_000_000)]
    memory_bytes_exact: u64,
    /// Of the machine's fastest link.
    #[schema(maximum = 100, example = 78)]
    network_utilization_percent: u8,
    /// For people.
    #[schema(example = "97.5 MB")]
    network_bytes_per_second: String,
    /// For programs.
    #[schema(example = 97_500_000)]
    network_bytes_per_second_exact: u64,
}

/// How well it goes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Quality {
    /// Errors to a hundred rows.
    #[schema(example = 0.001)]
    error_rate_percent: f64,
    /// Errors that went away when what failed was tried again, of all; 100 where there was none.
    #[schema(example = 99.2)]
    recovery_success_rate_percent: f64,
    /// Tables whose rows agree, of all; null before rows were compared.
    #[schema(example = 99.8)]
    validation_pass_rate_percent: Option<f64>,
    #[schema(example = 127)]
    errors_recovered: u64,
    #[schema(example = 0)]
    errors_escalated: u64,
    /// Chunks that were tried again.
    #[schema(example = 131)]
    retries: u64,
}

/// One table.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TableMetrics {
    #[schema(example = "orders")]
    table: String,
    #[schema(example = 5_000_000)]
    records_total: u64,
    #[schema(example = 3_750_000)]
    records_processed: u64,
    #[schema(example = 4500)]
    throughput_records_per_second: u64,
    #[schema(example = 12)]
    errors: u64,
}

/// Figures of an earlier moment.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HistorySample {
    at: Moment,
    #[schema(example = 12_453_891)]
    records_processed: u64,
    #[schema(example = 8234)]
    records_per_second: u64,
    #[schema(example = 32_400_000)]
    bytes_per_second: u64,
    #[schema(example = 8)]
    active_workers: u32,
    #[schema(maximum = 100, example = 67)]
    cpu_utilization_percent: u8,
    #[schema(maximum = 100, example = 45)]
    memory_utilization_percent: u8,
    #[schema(maximum = 100, example = 66)]
    overall_percent: u8,
}

impl MetricsView {
    /// `record` is none for a migration that was deleted.
    pub(super) fn new(id: String, record: Option<&Record>, figures: Option<&Figures>, now: Timestamp) -> Self {
        let idle = Progress::default();
        let progress = figures.map_or(&idle, |f| &f.progress);
        // Rates are of the present: what stands still has none.
        let moving = record.is_some_and(|r| is_at_work(r.status));
        let rate = |figure: f64| if moving { whole(figure) } else { 0 };
        let validation = record.and_then(|r| r.validation.as_ref());
        Self {
            migration_id: id,
            snapshot_at: figures.map_or(now, |f| f.at).into(),
            throughput: Throughput {
                current_records_per_second: rate(progress.records_per_second),
                average_records_per_second: whole(progress.average_records_per_second),
                peak_records_per_second: whole(progress.peak_records_per_second),
                current_bytes_per_second: units::bytes(rate(progress.bytes_per_second)),
                current_bytes_per_second_exact: rate(progress.bytes_per_second),
                records_processed: progress.records_processed,
                records_total: progress.records_total,
                bytes_transferred: units::bytes(progress.bytes_transferred),
                bytes_transferred_exact: progress.bytes_transferred,
            },
            resources: Resources {
                active_workers: if moving { progress.active_workers } else { 0 },
                workers: progress.workers,
                cpu_utilization_percent: whole_percent(progress.cpu_percent),
                memory_utilization_percent: whole_percent(progress.memory_percent),
                memory_bytes_exact: progress.memory_bytes,
                network_utilization_percent: if moving { whole_percent(progress.network_percent) } else { 0 },
                network_bytes_per_second: units::bytes(rate(progress.network_bytes_per_second)),
                network_bytes_per_second_exact: rate(progress.network_bytes_per_second),
            },
            quality: Quality {
                error_rate_percent: error_rate_percent(progress),
                recovery_success_rate_percent: recovery_success_rate_percent(progress),
                validation_pass_rate_percent: validation.map(pass_rate_percent),
                errors_recovered: progress.errors_recovered,
                errors_escalated: progress.errors_escalated,
                retries: progress.retries,
            },
            by_table: progress.tables.iter().map(|table| TableMetrics::new(table, moving)).collect(),
            history: None,
        }
    }
}

impl TableMetrics {
    fn new(table: &TableFigures, moving: bool) -> Self {
        Self {
            table: table.table.clone(),
            records_total: table.records_total,
            records_processed: table.records_processed,
            throughput_records_per_second: if moving || table.loaded { whole(table.records_per_second) } else { 0 },
            errors: table.errors,
        }
    }
}

impl From<&Figures> for HistorySample {
    fn from(Figures { at, progress }: &Figures) -> Self {
        Self {
            at: (*at).into(),
            records_processed: progress.records_processed,
            records_per_second: whole(progress.records_per_second),
            bytes_per_second: whole(progress.bytes_per_second),
            active_workers: progress.active_workers,
            cpu_utilization_percent: whole_percent(progress.cpu_percent),
            memory_utilization_percent: whole_percent(progress.memory_percent),
            overall_percent: whole_percent(progress.overall_percent),
        }
    }
}

/// To a thousandth, as the contract has it.
fn rounded(percent: f64) -> f64 {
    (percent * 1000.0).round() / 1000.0
}

fn error_rate_percent(progress: &Progress) -> f64 {
    let errors = (progress.errors_recovered + progress.errors_escalated) as f64;
    if errors == 0.0 { 0.0 } else { rounded((errors / progress.records_processed.max(1) as f64 * 100.0).min(100.0)) }
}

fn recovery_success_rate_percent(progress: &Progress) -> f64 {
    match progress.errors_recovered + progress.errors_escalated {
        0 => 100.0,
        errors => rounded(progress.errors_recovered as f64 / errors as f64 * 100.0),
    }
}

async fn history(store: &Store, id: &str) -> Result<Vec<Figures>, Error> {
    store.samples(id, HISTORY).await?.into_iter().map(Figures::read).collect()
}

/// Get a migration's metrics
///
/// With `history=true` the newest 1,000 samples too, also of a migration that was deleted with `keep_metrics`. Scope: `read`.
#[utoipa::path(
    get,
    path = "/v1/migrations/{id}/metrics",
    operation_id = "get_metrics",
    tag = "Monitoring",
    params(
        ("id" = String, Path, description = "The migration.", example = "mig_abc123def456"),
        ("history" = Option<bool>, Query, description = "Earlier figures too. Default: false."),
    ),
    responses((status = 200, description = "Its metrics.", body = MetricsView)),
)]
pub(crate) async fn metrics(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    mut query: Parameters,
) -> Result<axum::Json<MetricsView>, ApiError> {
    caller.need(Scope::Read)?;
    let with_history = query.flag("history", false)?;
    query.end(&["history"])?;
    let (store, now) = (app.service.store(), Timestamp::now());
    let view = match store.record(&id).await {
        Ok(record) => {
            let last = Figures::last(store, &id).await?;
            let earlier = if with_history { Some(history(store, &id).await?) } else { None };
            let view = MetricsView::new(id, Some(&record), last.as_ref(), now);
            MetricsView { history: earlier.map(|h| h.iter().map(HistorySample::from).collect()), ..view }
        }
        Err(e) if e.code == Code::MigrationNotFound => {
            let kept = history(store, &id).await?;
            let Some(last) = kept.last() else { return Err(e.into()) };
            let view = MetricsView::new(id, None, Some(last), now);
            MetricsView { history: with_history.then(|| kept.iter().map(HistorySample::from).collect()), ..view }
        }
        Err(e) => return Err(e.into()),
    };
    Ok(axum::Json(view))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_of_errors() {
        let with = |records_processed, errors_recovered, errors_escalated| {
            let progress = Progress { records_processed, errors_recovered, errors_escalated, ..Progress::default() };
            (error_rate_percent(&progress), recovery_success_rate_percent(&progress))
        };
        assert_eq!(with(0, 0, 0), (0.0, 100.0));
        assert_eq!(with(12_453_891, 127, 0), (0.001, 100.0));
        assert_eq!(with(1000, 119, 1), (12.0, 99.167));
        assert_eq!(with(0, 0, 3), (100.0, 0.0));
    }
}
