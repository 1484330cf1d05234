//! `DELETE /v1/migrations/{id}`.

use axum::extract::{Path, State};
use sensei_engine::lifecycle::{Deleted, Keep};
use sensei_engine::store::Scope;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::query::Parameters;
use crate::http::state::App;

/// A migration that is gone.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeletedView {
    #[schema(example = "mig_abc123def456")]
    id: String,
    #[schema(example = true)]
    deleted: bool,
    /// Its log can still be read.
    logs_retained: bool,
    /// The history of its metrics can still be read.
    metrics_retained: bool,
    /// What it had left in the target's staging was removed; false if there was nothing, or the target could not be reached.
    staging_removed: bool,
    /// Tables that it had replaced, which the target had kept and keeps no longer.
    replaced_removed: usize,
}

/// Delete a migration
///
/// A completed, failed, cancelled or rolled back one, with what it left in the target's staging. The tables that a completed
/// one replaced go, too, unless `keep_replaced` is set: from then on it cannot be rolled back. Scope: `write`.
#[utoipa::path(
    delete,
    path = "/v1/migrations/{id}",
    operation_id = "delete_migration",
    tag = "Migrations",
    params(
        ("id" = String, Path, description = "The migration.", example = "mig_abc123def456"),
        ("keep_logs" = Option<bool>, Query, description = "Retain logs for audit. Default: true."),
        ("keep_metrics" = Option<bool>, Query, description = "Retain metrics history. Default: true."),
        ("keep_replaced" = Option<bool>, Query, description = "Leave the tables that it replaced in the target. Default: false."),
    ),
    responses((status = 200, description = "It is gone.", body = DeletedView)),
)]
pub(crate) async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    mut query: Parameters,
) -> Result<axum::Json<DeletedView>, ApiError> {
    caller.need(Scope::Write)?;
    let logs_retained = query.flag("keep_logs", true)?;
    let metrics_retained = query.flag("keep_metrics", true)?;
    let replaced = query.flag("keep_replaced", false)?;
    query.end(&["keep_logs", "keep_metrics", "keep_replaced"])?;
    let keep = Keep { logs: logs_retained, metrics: metrics_retained, replaced };
    let Deleted { staging_removed, replaced_removed } = app.service.delete(&id, keep).await?;
    Ok(axum::Json(DeletedView {
        id,
        deleted: true,
        logs_retained,
        metrics_retained,
        staging_removed,
        replaced_removed,
    }))
}
