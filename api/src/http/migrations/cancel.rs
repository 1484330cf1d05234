//! `POST /v1/migrations/{id}/cancel`.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use sensei_engine::lifecycle::{Cancel, Status};
use sensei_engine::store::Scope;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::pause::REASON_CHARS;
use crate::http::auth::Caller;
use crate::http::body::OptionalJson;
use crate::http::error::ApiError;
use crate::http::state::App;
use crate::http::text::short;

/// How to cancel. Nothing needs to be said.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CancelRequest {
    /// For the log.
    #[schema(max_length = 1000, example = "Requirements changed")]
    reason: Option<String>,
    /// Take back what was made. Default: what the migration's `generate_rollback` says; what is completed is taken back only
    /// where this is `true`.
    #[schema(example = true)]
    rollback: Option<bool>,
    /// Do not wait for chunks that are under way.
    #[schema(example = false)]
    force: bool,
}

/// A migration that is being cancelled, or is.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Cancelling {
    #[schema(example = "mig_abc123def456")]
    id: String,
    status: CancelStatus,
    rollback_status: RollbackStatus,
    #[schema(example = "Migration cancellation in progress")]
    message: String,
}

/// Whether it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CancelStatus {
    /// Something is still at work; the migration itself is `pausing` or `rolling_back` meanwhile.
    Cancelling,
    /// It is over.
    Cancelled,
    /// It is over, and what was made is taken back.
    RolledBack,
}

/// Whether what was made is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RollbackStatus {
    /// It is under way.
    Initiated,
    /// Nobody asked for it: what was loaded stays in staging.
    NotRequested,
    /// There is nothing to take back.
    NotNeeded,
}

impl Cancelling {
    fn new(id: String, status: Status, rollback: bool) -> Self {
        let (status, rollback_status, message) = match status {
            Status::RollingBack => {
                (CancelStatus::Cancelling, RollbackStatus::Initiated, "Migration cancellation in progress")
            }
            Status::RolledBack => {
                (CancelStatus::RolledBack, RollbackStatus::NotNeeded, "Migration is cancelled and taken back already")
            }
            Status::Cancelled if rollback => (
                CancelStatus::Cancelled,
                RollbackStatus::NotNeeded,
                "Migration is cancelled; there was nothing to take back",
            ),
            Status::Cancelled => (CancelStatus::Cancelled, RollbackStatus::NotRequested, "Migration is cancelled"),
            // Lanes stop first; no other status follows from a cancellation.
            Status::Pausing
            | Status::Pending
            | Status::Planning
            | Status::PlanReady
            | Status::Approved
            | Status::Running
            | Status::Paused
            | Status::Validating
            | Status::Completed
            | Status::Failed => {
                let rollback_status = if rollback { RollbackStatus::Initiated } else { RollbackStatus::NotRequested };
                (CancelStatus::Cancelling, rollback_status, "Migration cancellation in progress")
            }
        };
        Self { id, status, rollback_status, message: message.to_owned() }
    }
}

/// Cancel a migration
///
/// What runs stops first; `rollback` takes back what was made, and without it what was loaded stays in staging. What is
/// completed cannot be cancelled, but rolled back: in one step the new tables go, with all that was written to them since, and
/// what they replaced is in its place again. Scope: `write`.
#[utoipa::path(
    post,
    path = "/v1/migrations/{id}/cancel",
    operation_id = "cancel_migration",
    tag = "Migrations",
    params(("id" = String, Path, description = "The migration.", example = "mig_abc123def456")),
    request_body = Option<CancelRequest>,
    responses((status = 202, description = "It is being cancelled, or is cancelled.", body = Cancelling)),
)]
pub(crate) async fn cancel(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    OptionalJson(request): OptionalJson<CancelRequest>,
) -> Result<(StatusCode, axum::Json<Cancelling>), ApiError> {
    caller.need(Scope::Write)?;
    let CancelRequest { reason, rollback, force } = request;
    let reason = reason.map(|reason| short("reason", reason, REASON_CHARS)).transpose()?;
    let rollback = match rollback {
        Some(rollback) => rollback,
        None => {
            let record = app.service.store().record(&id).await?;
            record.spec.options.generate_rollback && record.status != Status::Completed
        }
    };
    let record = app.service.cancel(&id, Cancel { reason, rollback, force }, caller.user()).await?;
    Ok((StatusCode::ACCEPTED, axum::Json(Cancelling::new(record.id, record.status, rollback))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_follows_from_where_the_migration_is() {
        let said = |status, rollback| {
            let view = Cancelling::new("mig_1".into(), status, rollback);
            (view.status, view.rollback_status)
        };
        assert_eq!(said(Status::RollingBack, true), (CancelStatus::Cancelling, RollbackStatus::Initiated));
        assert_eq!(said(Status::Pausing, false), (CancelStatus::Cancelling, RollbackStatus::NotRequested));
        assert_eq!(said(Status::Cancelled, false), (CancelStatus::Cancelled, RollbackStatus::NotRequested));
        assert_eq!(said(Status::Cancelled, true), (CancelStatus::Cancelled, RollbackStatus::NotNeeded));
        assert_eq!(said(Status::RolledBack, true), (CancelStatus::RolledBack, RollbackStatus::NotNeeded));
    }
}
