//! `POST /v1/migrations/{id}/pause`.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use sensei_engine::lifecycle::{Pause, Status};
use sensei_engine::store::Scope;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::auth::Caller;
use crate::http::body::OptionalJson;
use crate::http::error::ApiError;
use crate::http::moment::Moment;
use crate::http::state::App;
use crate::http::text::short;
use crate::http::words::StatusWord;

/// Characters of a reason. 1,000: a paragraph for the log.
pub(super) const REASON_CHARS: usize = 1_000;

/// How to pause. Nothing needs to be said.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PauseRequest {
    /// For the log.
    #[schema(max_length = 1000, example = "Maintenance window ending")]
    reason: Option<String>,
    /// At once, not at the next checkpoint: rows of unfinished chunks are moved again later.
    #[schema(example = false)]
    immediate: bool,
}

/// A migration that will pause.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PausingView {
    #[schema(example = "mig_abc123def456")]
    id: String,
    status: StatusWord,
    #[schema(example = "Migration will pause at next checkpoint")]
    message: String,
    /// When the chunks that are under way will be done, as far as can be told; where nothing moves, when they are given up.
    checkpoint_eta: Option<Moment>,
}

/// Pause a migration
///
/// Stops at the next safe checkpoint; nothing that is durable is moved again. Scope: `write`.
#[utoipa::path(
    post,
    path = "/v1/migrations/{id}/pause",
    operation_id = "pause_migration",
    tag = "Migrations",
    params(("id" = String, Path, description = "The migration.", example = "mig_abc123def456")),
    request_body = Option<PauseRequest>,
    responses((status = 202, description = "It will pause, or is paused.", body = PausingView)),
)]
pub(crate) async fn pause(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    OptionalJson(request): OptionalJson<PauseRequest>,
) -> Result<(StatusCode, axum::Json<PausingView>), ApiError> {
    caller.need(Scope::Write)?;
    let PauseRequest { reason, immediate } = request;
    let reason = reason.map(|reason| short("reason", reason, REASON_CHARS)).transpose()?;
    let pausing = app.service.pause(&id, Pause { reason, immediate }, caller.user()).await?;
    let message = if pausing.record.status == Status::Paused {
        "Migration is paused"
    } else if immediate {
        "Migration will pause at once"
    } else {
        "Migration will pause at next checkpoint"
    };
    let view = PausingView {
        id: pausing.record.id,
        status: pausing.record.status.into(),
        message: message.to_owned(),
        checkpoint_eta: pausing.checkpoint_eta.map(Moment::from),
    };
    Ok((StatusCode::ACCEPTED, axum::Json(view)))
}
