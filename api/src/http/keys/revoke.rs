//! `DELETE /v1/keys/{id}`.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use sensei_engine::store::Scope;

use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::state::App;

/// Revoke a key
///
/// From now on it is not known. Doing it again is a success. Scope: `admin`.
#[utoipa::path(
    delete,
    path = "/v1/keys/{id}",
    operation_id = "revoke_key",
    tag = "Keys",
    params(("id" = String, Path, description = "The key.", example = "key_3s5d7f9g1h2j4k6l")),
    responses((status = 204, description = "It is revoked.")),
)]
pub(crate) async fn revoke_key(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    caller.need(Scope::Admin)?;
    app.service.store().revoke_key(&id, Timestamp::now()).await?;
    Ok(StatusCode::NO_CONTENT)
}
