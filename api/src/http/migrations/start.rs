//! `POST /v1/migrations/{id}/start`.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use sensei_engine::event::Phase;
use sensei_engine::lifecycle::{Record, Start, Status};
use sensei_engine::store::Scope;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::outcome::DryRunView;
use crate::http::auth::Caller;
use crate::http::body::OptionalJson;
use crate::http::error::ApiError;
use crate::http::moment::Moment;
use crate::http::state::App;
use crate::http::words::{PhaseWord, StatusWord};

/// How to start. Nothing needs to be said.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct StartRequest {
    /// Start although mappings await a person; what awaits is done as proposed. Needs the scope `approve` too.
    #[schema(example = false)]
    skip_approval: bool,
    /// Begin with this phase: what earlier ones left must be there. Default: the first that is not done.
    #[schema(example = "data_transfer")]
    start_from_phase: Option<PhaseWord>,
    /// Try it out and write nothing: connect, have the target execute the schema and roll it back where it can, and put a
    /// sample of every table through its mappings.
    #[schema(example = false)]
    dry_run: bool,
}

/// A migration that was started.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Started {
    #[schema(example = "mig_abc123def456")]
    id: String,
    status: StatusWord,
    /// The phase it begins with.
    phase: Option<PhaseWord>,
    started_at: Option<Moment>,
    #[schema(example = "Migration started successfully")]
    message: String,
    /// What a dry run found.
    #[serde(skip_serializing_if = "Option::is_none")]
    dry_run: Option<DryRunView>,
}

impl Started {
    pub(super) fn new(record: &Record, message: &str) -> Self {
        // Planning is over when a migration starts; what comes next is the first thing a start does.
        let begins = record.status == Status::Running && matches!(record.phase, None | Some(Phase::Planning));
        let phase = if begins { Some(Phase::SchemaMigration) } else { record.phase };
        Self {
            id: record.id.clone(),
            status: record.status.into(),
            phase: phase.map(PhaseWord::from),
            started_at: record.started_at.map(Moment::from),
            message: message.to_owned(),
            dry_run: None,
        }
    }

    fn rehearsed(record: &Record) -> Self {
        let rejects = record.dry_run.iter().flat_map(|d| &d.rehearsal.tables).map(|t| t.predicted_rejects).sum();
        let message = match rejects {
            0 => "Dry run completed: nothing was written, and nothing that was looked at would stop the migration"
                .to_owned(),
            rows => format!(
                "Dry run completed: nothing was written, and {rows} of the sampled rows would stop the migration"
            ),
        };
        let dry_run = record.dry_run.as_ref().map(DryRunView::from);
        Self { phase: record.phase.map(PhaseWord::from), dry_run, ..Self::new(record, &message) }
    }
}

fn message(record: &Record, before: Status) -> &'static str {
    match record.status {
        Status::Running | Status::Validating if before == record.status => "Migration is running already",
        Status::Running | Status::Validating => "Migration started successfully",
        Status::Pending
        | Status::Planning
        | Status::PlanReady
        | Status::Approved
        | Status::Pausing
        | Status::Paused
        | Status::Completed
        | Status::Failed
        | Status::Cancelled
        | Status::RollingBack
        | Status::RolledBack => "Migration will start as soon as its schedule lets it",
    }
}

/// Start a migration
///
/// Begins what is approved; starting what runs already is a success. With mappings that await a person it is
/// `approval_required`, and the details list them. One that failed goes on from what is done. Scope: `write`.
#[utoipa::path(
    post,
    path = "/v1/migrations/{id}/start",
    operation_id = "start_migration",
    tag = "Migrations",
    params(("id" = String, Path, description = "The migration.", example = "mig_abc123def456")),
    request_body = Option<StartRequest>,
    responses(
        (status = 200, description = "A dry run: what it found.", body = Started),
        (status = 202, description = "It starts.", body = Started),
    ),
)]
pub(crate) async fn start(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    OptionalJson(request): OptionalJson<StartRequest>,
) -> Result<Response, ApiError> {
    caller.need(Scope::Write)?;
    let StartRequest { skip_approval, start_from_phase, dry_run } = request;
    if dry_run {
        let record = app.service.rehearse(&id).await?;
        return Ok(axum::Json(Started::rehearsed(&record)).into_response());
    }
    if skip_approval {
        caller.need(Scope::Approve)?;
    }
    let before = app.service.store().record(&id).await?.status;
    let how = Start { skip_approval, start_from_phase: start_from_phase.map(Phase::from) };
    let record = app.service.start(&id, how, caller.user()).await?;
    let started = Started::new(&record, message(&record, before));
    Ok((StatusCode::ACCEPTED, axum::Json(started)).into_response())
}
