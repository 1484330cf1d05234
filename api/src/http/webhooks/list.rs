//! `GET /v1/webhooks`.

use axum::extract::State;
use sensei_engine::store::Scope;
use serde::Serialize;
use utoipa::ToSchema;

use super::WebhookView;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::state::App;

/// All webhooks, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebhookList {
    data: Vec<WebhookView>,
}

/// List webhooks
///
/// Scope: `admin`.
#[utoipa::path(
    get,
    path = "/v1/webhooks",
    operation_id = "list_webhooks",
    tag = "Webhooks",
    responses((status = 200, description = "All of them.", body = WebhookList)),
)]
pub(crate) async fn list_webhooks(State(app): State<App>, caller: Caller) -> Result<axum::Json<WebhookList>, ApiError> {
    caller.need(Scope::Admin)?;
    let webhooks = app.service.store().webhooks().await?;
    Ok(axum::Json(WebhookList { data: webhooks.into_iter().map(WebhookView::from).collect() }))
}
