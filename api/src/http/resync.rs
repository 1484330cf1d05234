//! `POST /v1/migrations/{id}/validation/resync`.

use axum::extract::{Path, State};
use sensei_engine::lifecycle::Resync;
use sensei_engine::migration::TableRepair;
use sensei_engine::store::Scope;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::Caller;
use super::body::OptionalJson;
use super::error::ApiError;
use super::state::App;
use super::validation::ValidationView;

/// Rows of a table that may be repaired unless the request says another number. 10,000: what went wrong by accident; where more
/// differ, somebody should look first.
const MOST_ROWS: u64 = 10_000;

/// How much may be repaired. Nothing needs to be said.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ResyncRequest {
    /// Rows of a table that may differ at most; where more do, nothing is changed. Default: 10,000.
    #[schema(example = 10_000, minimum = 1)]
    most_rows: Option<u64>,
}

/// What was repaired.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ResyncView {
    /// Tables that did not agree; empty where all did.
    repaired: Vec<TableRepairView>,
    /// How both sides compare afterwards.
    validation: ValidationView,
}

/// What became of the rows of one table.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct TableRepairView {
    #[schema(example = "public.employees")]
    table: String,
    /// Rows that were there and were changed.
    updated: u64,
    /// Rows that were missing.
    inserted: u64,
    /// Rows that the source does not have.
    deleted: u64,
}

impl From<TableRepair> for TableRepairView {
    fn from(TableRepair { target, updated, inserted, deleted }: TableRepair) -> Self {
        Self { table: target, updated, inserted, deleted }
    }
}

/// Repair rows that differ
///
/// Compares the live tables of a completed migration with the source, value by value, and makes rows that differ equal to the
/// source's, in one transaction: also rows that somebody changed in the target since the cutover. Scope: `write`.
#[utoipa::path(
    post,
    path = "/v1/migrations/{id}/validation/resync",
    operation_id = "resync",
    tag = "Validation",
    params(("id" = String, Path, description = "The migration.", example = "mig_abc123def456")),
    request_body = Option<ResyncRequest>,
    responses((status = 200, description = "What was repaired, and how rows compare now.", body = ResyncView)),
)]
pub(crate) async fn resync(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    OptionalJson(request): OptionalJson<ResyncRequest>,
) -> Result<axum::Json<ResyncView>, ApiError> {
    caller.need(Scope::Write)?;
    let most_rows = match request.most_rows {
        Some(0) => return Err(ApiError::invalid("most_rows", "`most_rows` must be at least 1.")),
        given => given.unwrap_or(MOST_ROWS),
    };
    let Resync { repaired, validation } = app.service.resync(&id, most_rows, caller.user()).await?;
    let repaired = repaired.into_iter().map(TableRepairView::from).collect();
    Ok(axum::Json(ResyncView { repaired, validation: ValidationView::new(id, Some(&validation)) }))
}
