//! `GET /v1/migrations/{id}/plan`.

use axum::extract::{Path, State};
use sensei_engine::event::Phase;
use sensei_engine::lifecycle::{PhaseOutcome, Record, Review, Status};
use sensei_engine::plan::{PhaseEstimate, Risk, Severity, Summary};
use sensei_engine::store::Scope;
use serde::Serialize;
use utoipa::ToSchema;

use super::mapping::{MappingView, awaiting};
use super::moved::{MadeView, NotMovedView, SideView, TableView};
use super::outcome::FailureView;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::moment::Moment;
use crate::http::state::App;
use crate::http::words::PhaseWord;

/// A plan: what will be moved, how, and what a person should know before.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PlanView {
    #[schema(example = "mig_abc123def456")]
    migration_id: String,
    status: PlanStage,
    /// Names it in an approval; grows each time it is made anew. 0 while there is none.
    #[schema(example = 1)]
    version: u32,
    generated_at: Option<Moment>,
    /// Null while there is no plan; then the lists are empty.
    summary: Option<SummaryView>,
    mappings: Vec<MappingView>,
    /// Ids of the mappings that keep the migration from its start.
    #[schema(example = json!([]))]
    awaiting: Vec<String>,
    phases: Vec<PlannedPhase>,
    risks: Vec<RiskView>,
    source: Option<SideView>,
    target: Option<SideView>,
    /// Tables that are moved, with what a sample of their rows says.
    tables: Vec<TableView>,
    /// Views that are made: those whose SQL means the same in both systems.
    views: Vec<MadeView>,
    /// What is there and is not moved: other views, routines, triggers.
    not_moved: Vec<NotMovedView>,
    /// SQL for the target that takes the migration back, in the order to execute it in; null unless `generate_rollback`
    /// asked for it.
    rollback_script: Option<Vec<String>>,
    /// Why there is no plan.
    error: Option<FailureView>,
}

/// How far a plan is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PlanStage {
    /// It is being made.
    Generating,
    /// It is there, and mappings await a person.
    PlanReady,
    /// Nothing of it awaits a person, or the migration was started all the same.
    Approved,
    /// It could not be made.
    Failed,
}

/// The plan in numbers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SummaryView {
    #[schema(example = 47)]
    tables: u64,
    #[schema(example = 892)]
    columns: u64,
    /// Foreign keys.
    #[schema(example = 63)]
    relationships: u64,
    /// Mappings that do more than take a column as it is.
    #[schema(example = 234)]
    transformations: u64,
    #[schema(example = 9000)]
    estimated_duration_seconds: u64,
    /// By the source's statistics.
    #[schema(example = 18_500_000)]
    estimated_records: u64,
    /// By the source's statistics.
    #[schema(example = 4_700_000_000_u64)]
    estimated_bytes: u64,
}

/// A phase to come.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PlannedPhase {
    name: PhaseWord,
    /// From 1.
    #[schema(example = 1)]
    order: u32,
    /// In the order in which they are begun.
    #[schema(example = json!(["employees", "departments", "locations"]))]
    tables: Vec<String>,
    /// Tables are worked on at the same time.
    parallel: bool,
    #[schema(example = 300)]
    estimated_duration_seconds: u64,
}

/// Something that may surprise.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RiskView {
    severity: SeverityView,
    #[serde(rename = "type")]
    #[schema(example = "data_truncation")]
    kind: String,
    #[schema(example = "3 VARCHAR columns may be truncated")]
    description: String,
    #[schema(example = json!(["products.description"]))]
    affected: Vec<String>,
    #[schema(example = "Increase target column size")]
    mitigation: String,
}

/// How bad a risk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SeverityView {
    /// Good to know.
    Low,
    /// Look at it.
    Medium,
    /// Decide before you start.
    High,
}

impl PlanView {
    /// There is a plan.
    pub(super) fn new(review: &Review) -> Self {
        let Review { record, plan, mappings: _, phases } = review;
        let awaiting = awaiting(review);
        let done = awaiting.is_empty() || record.started_at.is_some();
        Self {
            migration_id: record.id.clone(),
            status: if done { PlanStage::Approved } else { PlanStage::PlanReady },
            version: record.plan_version,
            generated_at: record.plan_generated_at.map(Moment::from),
            summary: Some(SummaryView::new(&plan.summary, phases)),
            mappings: MappingView::all(review),
            awaiting,
            phases: phases.iter().map(PlannedPhase::from).collect(),
            risks: plan.risks.iter().map(RiskView::from).collect(),
            source: Some(SideView::from(&plan.source)),
            target: Some(SideView::from(&plan.target)),
            tables: plan.tables.iter().map(TableView::from).collect(),
            views: plan.views.iter().map(MadeView::from).collect(),
            not_moved: plan.not_moved.iter().map(NotMovedView::from).collect(),
            rollback_script: plan.request.generate_rollback.then(|| plan.rollback.clone()),
            error: None,
        }
    }

    /// There is none, or none that counts.
    fn without(record: &Record, status: PlanStage) -> Self {
        Self {
            migration_id: record.id.clone(),
            status,
            version: record.plan_version,
            generated_at: None,
            summary: None,
            mappings: Vec::new(),
            awaiting: Vec::new(),
            phases: Vec::new(),
            risks: Vec::new(),
            source: None,
            target: None,
            tables: Vec::new(),
            views: Vec::new(),
            not_moved: Vec::new(),
            rollback_script: None,
            error: record.error.as_ref().map(FailureView::from),
        }
    }
}

impl SummaryView {
    fn new(summary: &Summary, phases: &[PhaseEstimate]) -> Self {
        Self {
            tables: summary.tables,
            columns: summary.columns,
            relationships: summary.relationships,
            transformations: summary.transformations,
            estimated_duration_seconds: phases.iter().map(|p| p.seconds).sum(),
            estimated_records: summary.estimated_records,
            estimated_bytes: summary.estimated_bytes,
        }
    }
}

impl From<&PhaseEstimate> for PlannedPhase {
    fn from(phase: &PhaseEstimate) -> Self {
        Self {
            name: phase.name.into(),
            order: phase.order,
            tables: phase.tables.clone(),
            parallel: phase.parallel,
            estimated_duration_seconds: phase.seconds,
        }
    }
}

impl From<&Risk> for RiskView {
    fn from(risk: &Risk) -> Self {
        Self {
            severity: match risk.severity {
                Severity::Low => SeverityView::Low,
                Severity::Medium => SeverityView::Medium,
                Severity::High => SeverityView::High,
            },
            kind: risk.kind.clone(),
            description: risk.description.clone(),
            affected: risk.affected.clone(),
            mitigation: risk.mitigation.clone(),
        }
    }
}

/// Its planning is what failed last: an earlier plan counts no more.
fn planning_failed(record: &Record) -> bool {
    let failed = |p: &sensei_engine::lifecycle::PhaseRecord| {
        p.name == Phase::Planning && p.outcome == Some(PhaseOutcome::Failed)
    };
    record.status == Status::Failed && (record.plan_version == 0 || record.phases.iter().any(failed))
}

/// Get a migration's plan
///
/// While the plan is being made, its status is `generating` and its lists are empty. Scope: `read`.
#[utoipa::path(
    get,
    path = "/v1/migrations/{id}/plan",
    operation_id = "get_plan",
    tag = "Plan",
    params(("id" = String, Path, description = "The migration.", example = "mig_abc123def456")),
    responses((status = 200, description = "The plan, as far as it is there.", body = PlanView)),
)]
pub(crate) async fn get_plan(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<axum::Json<PlanView>, ApiError> {
    caller.need(Scope::Read)?;
    let record = app.service.store().record(&id).await?;
    let view = if matches!(record.status, Status::Pending | Status::Planning) {
        PlanView::without(&record, PlanStage::Generating)
    } else if planning_failed(&record) {
        PlanView::without(&record, PlanStage::Failed)
    } else {
        PlanView::new(&app.service.review(&id).await?)
    };
    Ok(axum::Json(view))
}
