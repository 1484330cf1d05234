//! `DELETE /v1/webhooks/{id}`.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use sensei_engine::store::Scope;

use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::state::App;

/// Delete a webhook
///
/// What was on its way to it is given up. Scope: `admin`.
#[utoipa::path(
    delete,
    path = "/v1/webhooks/{id}",
    operation_id = "delete_webhook",
    tag = "Webhooks",
    params(("id" = String, Path, description = "The webhook.", example = "whk_4d7f1k2m9q8s3x5z")),
    responses((status = 204, description = "It is gone.")),
)]
pub(crate) async fn delete_webhook(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    caller.need(Scope::Admin)?;
    app.service.store().delete_webhook(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}
