//! `DELETE /v1/connections/{id}`.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use sensei_engine::error::Code;
use sensei_engine::store::Scope;

use super::IN_USE;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::state::App;

/// Delete a connection
///
/// Not while a migration that is not at its end uses it: `connection_in_use`, and the details list them. Scope: `write`.
#[utoipa::path(
    delete,
    path = "/v1/connections/{id}",
    operation_id = "delete_connection",
    tag = "Connections",
    params(("id" = String, Path, description = "The connection.", example = "conn_legacy_prod")),
    responses((status = 204, description = "It is gone, with its secrets.")),
)]
pub(crate) async fn delete_connection(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    caller.need(Scope::Write)?;
    let deleted = app.service.delete_connection(&id).await;
    deleted.map_err(|e| ApiError::named(e, Code::Conflict, IN_USE))?;
    Ok(StatusCode::NO_CONTENT)
}
