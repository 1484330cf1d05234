//! `POST /v1/migrations/{id}/resume`.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use sensei_engine::store::Scope;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::moment::Moment;
use crate::http::state::App;
use crate::http::words::{PhaseWord, StatusWord};

/// A migration that goes on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Resumed {
    #[schema(example = "mig_abc123def456")]
    id: String,
    status: StatusWord,
    /// The phase it goes on with.
    phase: Option<PhaseWord>,
    resumed_at: Moment,
    /// Everything up to there is durable and not moved again; null if it runs already and was never paused.
    #[schema(example = "ckpt_789xyz")]
    resumed_from_checkpoint: Option<String>,
}

/// Resume a migration
///
/// Goes on from the last checkpoint; resuming what runs already is a success. Scope: `write`.
#[utoipa::path(
    post,
    path = "/v1/migrations/{id}/resume",
    operation_id = "resume_migration",
    tag = "Migrations",
    params(("id" = String, Path, description = "The migration.", example = "mig_abc123def456")),
    responses((status = 202, description = "It goes on.", body = Resumed)),
)]
pub(crate) async fn resume(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<(StatusCode, axum::Json<Resumed>), ApiError> {
    caller.need(Scope::Write)?;
    let record = app.service.resume(&id, caller.user()).await?;
    let resumed = Resumed {
        status: record.status.into(),
        phase: record.phase.map(PhaseWord::from),
        resumed_at: record.working_since.unwrap_or_else(Timestamp::now).into(),
        resumed_from_checkpoint: record.checkpoint.map(|checkpoint| checkpoint.id),
        id: record.id,
    };
    Ok((StatusCode::ACCEPTED, axum::Json(resumed)))
}
