//! `GET /v1/keys`.

use axum::extract::State;
use sensei_engine::store::Scope;
use serde::Serialize;
use utoipa::ToSchema;

use super::KeyView;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::state::App;

/// All keys, oldest first; the revoked ones too.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyList {
    data: Vec<KeyView>,
}

/// List keys
///
/// Scope: `admin`.
#[utoipa::path(
    get,
    path = "/v1/keys",
    operation_id = "list_keys",
    tag = "Keys",
    responses((status = 200, description = "All of them.", body = KeyList)),
)]
pub(crate) async fn list_keys(State(app): State<App>, caller: Caller) -> Result<axum::Json<KeyList>, ApiError> {
    caller.need(Scope::Admin)?;
    let keys = app.service.store().keys().await?;
    Ok(axum::Json(KeyList { data: keys.into_iter().map(KeyView::from).collect() }))
}
