//! `PATCH /v1/connections/{id}`.

use axum::extract::{Path, State};
use sensei_engine::error::Code;
use sensei_engine::lifecycle::ConnectionChange;
use sensei_engine::store::Scope;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{ConnectionView, IN_USE, NAME_CHARS};
use crate::http::auth::Caller;
use crate::http::body::Json;
use crate::http::error::ApiError;
use crate::http::state::App;
use crate::http::text::text;

/// What is to change.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConnectionPatch {
    /// Another name.
    #[schema(min_length = 1, max_length = 200, example = "Legacy Production")]
    name: Option<String>,
    /// Fields that get another value, secrets among them; null takes one away. What is not named stays.
    #[schema(value_type = Option<Object>, example = json!({"rows": 2000}))]
    config: Option<Map<String, Value>>,
}

/// Change a connection
///
/// Its configuration cannot change while a migration is at work with it: `connection_in_use`. Scope: `write`.
#[utoipa::path(
    patch,
    path = "/v1/connections/{id}",
    operation_id = "change_connection",
    tag = "Connections",
    params(("id" = String, Path, description = "The connection.", example = "conn_legacy_prod")),
    request_body = ConnectionPatch,
    responses((status = 200, description = "The connection as it is now.", body = ConnectionView)),
)]
pub(crate) async fn change_connection(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Json(patch): Json<ConnectionPatch>,
) -> Result<axum::Json<ConnectionView>, ApiError> {
    caller.need(Scope::Write)?;
    let ConnectionPatch { name, config } = patch;
    let name = name.map(|name| text("name", name, NAME_CHARS)).transpose()?;
    let change = ConnectionChange { name, config: config.unwrap_or_default() };
    let changed = app.service.change_connection(&id, change).await;
    Ok(axum::Json(changed.map_err(|e| ApiError::named(e, Code::Conflict, IN_USE))?.into()))
}
