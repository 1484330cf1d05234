//! `/healthz` and `/readyz`, for whoever watches over servers. Neither asks for a key.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::error::ApiError;
use super::state::App;

/// How the server is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    #[schema(example = "ok")]
    status: &'static str,
    #[schema(example = "0.1.0")]
    version: &'static str,
}

const OK: Health = Health { status: "ok", version: env!("CARGO_PKG_VERSION") };

/// Is the server alive?
#[utoipa::path(
    get,
    path = "/healthz",
    operation_id = "is_alive",
    tag = "Server",
    security(()),
    responses((status = 200, description = "It answers.", body = Health)),
)]
pub(crate) async fn healthz() -> axum::Json<Health> {
    axum::Json(OK)
}

/// Can the server work?
///
/// Its state answers, and it is not about to leave.
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "is_ready",
    tag = "Server",
    security(()),
    responses((status = 200, description = "It can.", body = Health)),
)]
pub(crate) async fn readyz(State(app): State<App>) -> Result<axum::Json<Health>, ApiError> {
    if *app.shutdown.borrow() {
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "leaving", "The server is about to leave."));
    }
    app.service.store().ping().await?;
    Ok(axum::Json(OK))
}
