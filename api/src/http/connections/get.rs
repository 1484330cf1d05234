//! `GET /v1/connections/{id}`.

use axum::extract::{Path, State};
use sensei_engine::store::Scope;

use super::ConnectionView;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::state::App;

/// Get a connection
///
/// Without its secrets. Scope: `read`.
#[utoipa::path(
    get,
    path = "/v1/connections/{id}",
    operation_id = "get_connection",
    tag = "Connections",
    params(("id" = String, Path, description = "The connection.", example = "conn_legacy_prod")),
    responses((status = 200, description = "The connection.", body = ConnectionView)),
)]
pub(crate) async fn get_connection(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<axum::Json<ConnectionView>, ApiError> {
    caller.need(Scope::Read)?;
    Ok(axum::Json(app.service.store().connection(&id).await?.into()))
}
