//! `GET /v1/migrations/{id}`.

use axum::extract::{Path, State};
use jiff::Timestamp;
use sensei_engine::lifecycle::Record;
use sensei_engine::store::Scope;
use serde::Serialize;
use utoipa::ToSchema;

use super::asked::{AskedView, ConnectionNames, Links, PlanState};
use super::cutover::CutoverView;
use super::figures::Figures;
use super::outcome::{CheckpointView, DryRunView, FailureView, StopView};
use super::progress::{MetricsSummary, ProgressView, TimingView};
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::state::App;
use crate::http::validation::ValidationSummary;
use crate::http::words::{PhaseWord, StatusWord};

/// A migration, with everything that hangs on it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MigrationView {
    #[schema(example = "mig_abc123def456")]
    id: String,
    #[schema(example = "Q1 Database Modernization")]
    name: String,
    description: Option<String>,
    status: StatusWord,
    /// The phase it is in, or stopped in; null before the first.
    phase: Option<PhaseWord>,
    progress: ProgressView,
    metrics: MetricsSummary,
    timing: TimingView,
    #[schema(example = "user_xyz789")]
    created_by: String,
    /// Who started it: a user, or `schedule`.
    started_by: Option<String>,
    #[serde(flatten)]
    asked: AskedView,
    plan: PlanState,
    /// The last stop that was asked for.
    stop: Option<StopView>,
    /// Where it can go on from.
    checkpoint: Option<CheckpointView>,
    cutover: CutoverView,
    /// Why it failed.
    error: Option<FailureView>,
    /// The last dry run.
    dry_run: Option<DryRunView>,
    validation: ValidationSummary,
    links: Links,
}

impl MigrationView {
    pub(super) fn new(record: &Record, names: ConnectionNames, figures: Option<&Figures>, now: Timestamp) -> Self {
        let progress = figures.map(|f| &f.progress);
        Self {
            id: record.id.clone(),
            name: record.spec.name.clone(),
            description: record.spec.description.clone(),
            status: record.status.into(),
            phase: record.phase.map(PhaseWord::from),
            progress: ProgressView::new(record, progress),
            metrics: MetricsSummary::new(record, progress),
            timing: TimingView::new(record, figures, now),
            created_by: record.created_by.clone(),
            started_by: record.started_by.as_ref().map(|started| started.by.clone()),
            asked: AskedView::new(record, names),
            plan: PlanState::of(record, now),
            stop: record.stop.as_ref().map(StopView::from),
            checkpoint: record.checkpoint.as_ref().map(CheckpointView::from),
            cutover: CutoverView::of(record),
            error: record.error.as_ref().map(FailureView::from),
            dry_run: record.dry_run.as_ref().map(DryRunView::from),
            validation: ValidationSummary::of(record.validation.as_ref()),
            links: Links::of(&record.id),
        }
    }
}

/// Get a migration
///
/// Scope: `read`.
#[utoipa::path(
    get,
    path = "/v1/migrations/{id}",
    operation_id = "get_migration",
    tag = "Migrations",
    params(("id" = String, Path, description = "The migration.", example = "mig_abc123def456")),
    responses((status = 200, description = "The migration.", body = MigrationView)),
)]
pub(crate) async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<axum::Json<MigrationView>, ApiError> {
    caller.need(Scope::Read)?;
    let store = app.service.store();
    let record = store.record(&id).await?;
    let names = ConnectionNames::of(store, &record.spec).await?;
    let figures = Figures::last(store, &id).await?;
    Ok(axum::Json(MigrationView::new(&record, names, figures.as_ref(), Timestamp::now())))
}
