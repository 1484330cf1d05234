//! `GET /v1/connections/{id}/catalog`.

use axum::extract::{Path, State};
use sensei_engine::catalog::Catalog;
use sensei_engine::store::Scope;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::query::Parameters;
use crate::http::state::App;

/// Schemas in one question. 1,000: more is a mistake.
const MOST_SCHEMAS: usize = 1_000;

/// What is behind a connection: the system's version, its schemas, and the tables of those that were asked for with columns,
/// keys and indexes; statistics are the system's own estimates.
#[derive(Debug, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = Object, example = json!({"server": "Example 15.2", "dialect": "example", "default_schema": "public",
    "schemas": ["public"], "tables": [], "named_types": [], "objects": []}))]
pub(crate) struct CatalogView(Catalog);

/// Get what is behind a connection
///
/// Scope: `read`.
#[utoipa::path(
    get,
    path = "/v1/connections/{id}/catalog",
    operation_id = "get_catalog",
    tag = "Connections",
    params(
        ("id" = String, Path, description = "The connection.", example = "conn_legacy_prod"),
        ("schema" = Option<Vec<String>>, Query, description = "Tables of this schema; may be given more than once. Default: the connection's own."),
    ),
    responses((status = 200, description = "The catalog.", body = CatalogView)),
)]
pub(crate) async fn get_catalog(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    mut query: Parameters,
) -> Result<axum::Json<CatalogView>, ApiError> {
    caller.need(Scope::Read)?;
    let schemas = query.all("schema");
    query.end(&["schema"])?;
    if schemas.len() > MOST_SCHEMAS || schemas.iter().any(String::is_empty) {
        let message = format!("`schema` must be a schema's name, and be given {MOST_SCHEMAS} times at most.");
        return Err(ApiError::invalid("schema", message));
    }
    Ok(axum::Json(CatalogView(app.service.catalog(&id, schemas).await?)))
}
