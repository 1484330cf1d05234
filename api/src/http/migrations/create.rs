//! `POST /v1/migrations`.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use jiff::Timestamp;
use sensei_engine::lifecycle::Record;
use sensei_engine::store::Scope;
use serde::Serialize;
use utoipa::ToSchema;

use super::asked::{AskedView, ConnectionNames, Links, PlanState, location};
use super::request::NewMigration;
use crate::http::auth::Caller;
use crate::http::body::Json;
use crate::http::error::ApiError;
use crate::http::moment::Moment;
use crate::http::state::App;
use crate::http::words::StatusWord;

/// A migration that was created: its plan is being made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Created {
    #[schema(example = "mig_abc123def456")]
    id: String,
    #[schema(example = "Q1 Database Modernization")]
    name: String,
    description: Option<String>,
    status: StatusWord,
    created_at: Moment,
    /// The user of the key that created it.
    #[schema(example = "user_xyz789")]
    created_by: String,
    #[serde(flatten)]
    asked: AskedView,
    plan: PlanState,
    links: Links,
}

impl Created {
    pub(super) fn new(record: &Record, names: ConnectionNames, now: Timestamp) -> Self {
        Self {
            id: record.id.clone(),
            name: record.spec.name.clone(),
            description: record.spec.description.clone(),
            status: record.status.into(),
            created_at: record.created_at.into(),
            created_by: record.created_by.clone(),
            asked: AskedView::new(record, names),
            plan: PlanState::of(record, now),
            links: Links::of(&record.id),
        }
    }
}

/// Create a migration
///
/// Everything is checked at once; planning begins at once. A system that cannot be reached makes the migration `failed`,
/// with `source_unreachable` or `target_unreachable` as its error. Scope: `write`.
#[utoipa::path(
    post,
    path = "/v1/migrations",
    operation_id = "create_migration",
    tag = "Migrations",
    request_body = NewMigration,
    responses(
        (status = 201, description = "Created; its plan is being made.", body = Created,
            headers(("location" = String, description = "Where it is."))),
    ),
)]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    Json(new): Json<NewMigration>,
) -> Result<impl IntoResponse, ApiError> {
    caller.need(Scope::Write)?;
    let record = app.service.create(new.into_spec()?, caller.user()).await?;
    let names = ConnectionNames::of(app.service.store(), &record.spec).await?;
    let location = location(&record.id);
    let created = Created::new(&record, names, Timestamp::now());
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], axum::Json(created)))
}
