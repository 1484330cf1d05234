//! `GET /v1/connections`.

use axum::extract::State;
use sensei_engine::store::Scope;
use serde::Serialize;
use utoipa::ToSchema;

use super::ConnectionView;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::state::App;

/// All connections, by name.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConnectionList {
    data: Vec<ConnectionView>,
}

/// List connections
///
/// Scope: `read`.
#[utoipa::path(
    get,
    path = "/v1/connections",
    operation_id = "list_connections",
    tag = "Connections",
    responses((status = 200, description = "All of them.", body = ConnectionList)),
)]
pub(crate) async fn list_connections(
    State(app): State<App>,
    caller: Caller,
) -> Result<axum::Json<ConnectionList>, ApiError> {
    caller.need(Scope::Read)?;
    let stored = app.service.store().connections().await?;
    Ok(axum::Json(ConnectionList { data: stored.into_iter().map(ConnectionView::from).collect() }))
}
