//! `POST /v1/connections/{id}/test`.

use axum::extract::{Path, State};
use sensei_engine::lifecycle::ConnectionTest;
use sensei_engine::store::Scope;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::migrations::outcome::FailureView;
use crate::http::state::App;

/// How a test came out.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConnectionTestView {
    /// Somebody answered, and knows the user.
    #[schema(example = true)]
    ok: bool,
    /// The system's own version text.
    #[schema(example = "Example 15.2")]
    server: Option<String>,
    /// How long connecting took; null if nobody answered.
    #[schema(example = 12)]
    latency_ms: Option<u64>,
    /// What stands in the way of reading from it, each with the statement that grants it; empty: nothing, or it cannot be
    /// a source.
    #[schema(example = json!([]))]
    missing_rights_as_source: Vec<String>,
    /// What stands in the way of writing to it; empty: nothing, or it cannot be a target.
    #[schema(example = json!([]))]
    missing_rights_as_target: Vec<String>,
    /// Why nobody could be connected to.
    error: Option<FailureView>,
}

impl From<ConnectionTest> for ConnectionTestView {
    fn from(test: ConnectionTest) -> Self {
        let ConnectionTest { ok, server, latency_ms, missing_rights_as_source, missing_rights_as_target, error } = test;
        Self {
            ok,
            server,
            latency_ms: ok.then_some(latency_ms),
            missing_rights_as_source,
            missing_rights_as_target,
            error: error.as_ref().map(FailureView::from),
        }
    }
}

/// Test a connection
///
/// Connects, and says who answers, how fast, and which rights are missing. That it does not work is an answer, not an error.
/// Scope: `write`.
#[utoipa::path(
    post,
    path = "/v1/connections/{id}/test",
    operation_id = "test_connection",
    tag = "Connections",
    params(("id" = String, Path, description = "The connection.", example = "conn_legacy_prod")),
    responses((status = 200, description = "How it came out.", body = ConnectionTestView)),
)]
pub(crate) async fn test_connection(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<axum::Json<ConnectionTestView>, ApiError> {
    caller.need(Scope::Write)?;
    Ok(axum::Json(app.service.test_connection(&id).await?.into()))
}
