//! `GET /v1/webhooks/{id}`.

use axum::extract::{Path, State};
use sensei_engine::store::Scope;

use super::WebhookView;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::state::App;

/// Get a webhook
///
/// Without its secret. Scope: `admin`.
#[utoipa::path(
    get,
    path = "/v1/webhooks/{id}",
    operation_id = "get_webhook",
    tag = "Webhooks",
    params(("id" = String, Path, description = "The webhook.", example = "whk_4d7f1k2m9q8s3x5z")),
    responses((status = 200, description = "The webhook.", body = WebhookView)),
)]
pub(crate) async fn get_webhook(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<axum::Json<WebhookView>, ApiError> {
    caller.need(Scope::Admin)?;
    Ok(axum::Json(app.service.store().webhook(&id).await?.into()))
}
