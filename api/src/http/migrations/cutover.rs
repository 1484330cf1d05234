//! `POST /v1/migrations/{id}/cutover`, and how far a cutover is.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use sensei_engine::lifecycle::Record;
use sensei_engine::store::Scope;
use serde::Serialize;
use utoipa::ToSchema;

use super::asked::location;
use super::request::CutoverWord;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::moment::Moment;
use crate::http::state::App;
use crate::http::words::StatusWord;

/// How far the cutover of a migration is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CutoverView {
    mode: CutoverWord,
    state: CutoverState,
    /// Why it waits; null unless it does.
    #[schema(example = "Everything is loaded and agrees; it waits for POST /v1/migrations/mig_abc123def456/cutover.")]
    reason: Option<String>,
    /// Everything was loaded and agreed, and it began to wait.
    waiting_since: Option<Moment>,
    requested_at: Option<Moment>,
    /// Who asked for it.
    #[schema(example = "user_xyz789")]
    requested_by: Option<String>,
    began_at: Option<Moment>,
}

/// Where the cutover of a migration stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CutoverState {
    /// Its time has not come.
    Pending,
    /// It waits for a person.
    Waiting,
    /// A person asked for it.
    Requested,
    /// It is under way, or was when the migration ended.
    Begun,
    /// The new tables are live.
    Done,
}

impl CutoverView {
    pub(super) fn of(record: &Record) -> Self {
        let cutover = &record.cutover;
        let state = if record.switched {
            CutoverState::Done
        } else if cutover.began_at.is_some() {
            CutoverState::Begun
        } else if cutover.requested.is_some() {
            CutoverState::Requested
        } else if cutover.waiting_since.is_some() && record.working_since.is_some() {
            CutoverState::Waiting
        } else {
            CutoverState::Pending
        };
        let waits = || format!("Everything is loaded and agrees; it waits for POST {}/cutover.", location(&record.id));
        Self {
            mode: record.spec.options.cutover.into(),
            state,
            reason: (state == CutoverState::Waiting).then(waits),
            waiting_since: cutover.waiting_since.map(Moment::from),
            requested_at: cutover.requested.as_ref().map(|r| r.at.into()),
            requested_by: cutover.requested.as_ref().map(|r| r.by.clone()),
            began_at: cutover.began_at.map(Moment::from),
        }
    }
}

/// A cutover that was asked for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CuttingOver {
    #[schema(example = "mig_abc123def456")]
    id: String,
    status: StatusWord,
    cutover: CutoverView,
    #[schema(example = "The cutover follows at once")]
    message: &'static str,
}

/// Cut over
///
/// Lets the cutover go of a migration with `options.cutover` `manual` that waits for it; asking again is a success. Scope:
/// `write`.
#[utoipa::path(
    post,
    path = "/v1/migrations/{id}/cutover",
    operation_id = "cut_over_migration",
    tag = "Migrations",
    params(("id" = String, Path, description = "The migration.", example = "mig_abc123def456")),
    responses((status = 202, description = "The cutover follows.", body = CuttingOver)),
)]
pub(crate) async fn cut_over(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<(StatusCode, axum::Json<CuttingOver>), ApiError> {
    caller.need(Scope::Write)?;
    let record = app.service.cut_over(&id, caller.user()).await?;
    let cutting = CuttingOver {
        status: record.status.into(),
        cutover: CutoverView::of(&record),
        message: "The cutover follows at once",
        id: record.id,
    };
    Ok((StatusCode::ACCEPTED, axum::Json(cutting)))
}
