//! What people decide about a plan: `POST /v1/migrations/{id}/plan/mappings/{mapping_id}/approve` for one mapping,
//! `POST /v1/migrations/{id}/plan/approve` for many, `POST /v1/migrations/{id}/plan/regenerate` for a plan made anew.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use sensei_engine::error::{Code, Error};
use sensei_engine::lifecycle::{Decide, MappingStatus, Review};
use sensei_engine::store::Scope;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::asked::{Links, PlanState};
use super::mapping::{MappingView, awaiting};
use crate::http::auth::Caller;
use crate::http::body::{Json, OptionalJson};
use crate::http::error::ApiError;
use crate::http::state::App;
use crate::http::text::{short, text};
use crate::http::words::StatusWord;

/// Characters of a transformation. 10,000: a CASE over a hundred values.
const TRANSFORMATION_CHARS: usize = 10_000;
/// Characters of a column's name. 1,000: longer than any system's.
const NAME_CHARS: usize = 1_000;
/// Characters of a comment. 2,000: half a page.
const COMMENT_CHARS: usize = 2_000;
/// Mappings that one request can name. 10,000: the columns of a large database; without names all are meant.
const MOST_MAPPINGS: usize = 10_000;

/// A decision about one mapping.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApproveRequest {
    /// False rejects it: its column is left out, or keeps the migration from its start where it cannot be.
    #[schema(example = true)]
    approved: bool,
    /// SQL over the source row, in the place of the proposed transformation. Parsed and typed at once.
    #[schema(max_length = 10_000, example = json!(null))]
    override_transformation: Option<String>,
    /// Of a table that the target has already: the column that the values go to, in the place of the proposed one.
    #[schema(max_length = 1000, example = json!(null))]
    target_column: Option<String>,
    /// Kept with who and when.
    #[schema(max_length = 2000, example = "Verified with business team")]
    comment: Option<String>,
    /// The plan that was looked at: a decision about another one is refused. Default: the present one.
    #[schema(minimum = 1, example = 1)]
    plan_version: Option<u32>,
}

/// A decided mapping.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Decided {
    #[schema(example = "mig_abc123def456")]
    migration_id: String,
    /// `approved` once nothing awaits a person.
    migration_status: StatusWord,
    #[schema(example = 1)]
    plan_version: u32,
    /// Ids of the mappings that still keep the migration from its start.
    #[schema(example = json!([]))]
    awaiting: Vec<String>,
    #[serde(flatten)]
    mapping: MappingView,
}

/// A decision about many mappings. Nothing needs to be said.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ApproveAllRequest {
    /// False rejects them. Default: true.
    #[schema(example = true)]
    approved: Option<bool>,
    /// Ids of those that are meant. Default: all that await a person.
    #[schema(max_items = 10_000, example = json!(null))]
    mappings: Option<Vec<String>>,
    /// Kept with who and when.
    #[schema(max_length = 2000, example = "Verified with business team")]
    comment: Option<String>,
    /// The plan that was looked at: a decision about another one is refused. Default: the present one.
    #[schema(minimum = 1, example = 1)]
    plan_version: Option<u32>,
}

/// A plan after a decision about many of its mappings.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DecidedAll {
    #[schema(example = "mig_abc123def456")]
    migration_id: String,
    /// `approved` once nothing awaits a person.
    migration_status: StatusWord,
    #[schema(example = 1)]
    plan_version: u32,
    /// Mappings of the plan that are approved now.
    #[schema(example = 890)]
    approved: usize,
    /// Mappings of the plan that are rejected now.
    #[schema(example = 2)]
    rejected: usize,
    /// Ids of the mappings that still keep the migration from its start.
    #[schema(example = json!([]))]
    awaiting: Vec<String>,
}

/// A migration whose plan is made anew.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Replanning {
    #[schema(example = "mig_abc123def456")]
    id: String,
    status: StatusWord,
    plan: PlanState,
    links: Links,
}

impl DecidedAll {
    fn new(review: &Review) -> Self {
        let count = |status| review.mappings.iter().filter(|m| m.status == status).count();
        Self {
            migration_id: review.record.id.clone(),
            migration_status: review.record.status.into(),
            plan_version: review.record.plan_version,
            approved: count(MappingStatus::Approved),
            rejected: count(MappingStatus::Rejected),
            awaiting: awaiting(review),
        }
    }
}

/// Approve or reject a mapping
///
/// The last decision about a mapping counts; it can be changed until the migration starts. Scope: `approve`.
#[utoipa::path(
    post,
    path = "/v1/migrations/{id}/plan/mappings/{mapping_id}/approve",
    operation_id = "approve_mapping",
    tag = "Plan",
    params(
        ("id" = String, Path, description = "The migration.", example = "mig_abc123def456"),
        ("mapping_id" = String, Path, description = "A mapping of its plan.", example = "map_k2n4c7xq5v3b6d1a"),
    ),
    request_body = ApproveRequest,
    responses((status = 200, description = "The mapping as it is now.", body = Decided)),
)]
pub(crate) async fn approve(
    State(app): State<App>,
    caller: Caller,
    Path((id, mapping_id)): Path<(String, String)>,
    Json(request): Json<ApproveRequest>,
) -> Result<axum::Json<Decided>, ApiError> {
    caller.need(Scope::Approve)?;
    let ApproveRequest { approved, override_transformation, target_column, comment, plan_version } = request;
    let target_column = target_column.map(|name| text("target_column", name, NAME_CHARS)).transpose()?;
    if !approved && target_column.is_some() {
        let message = "`target_column` means nothing for a mapping that is rejected. Leave it out, or approve.";
        return Err(ApiError::invalid("target_column", message.to_owned()));
    }
    let field = "override_transformation";
    let override_transformation =
        override_transformation.map(|sql| text(field, sql, TRANSFORMATION_CHARS)).transpose()?;
    if !approved && override_transformation.is_some() {
        let message = format!("`{field}` means nothing for a mapping that is rejected. Leave it out, or approve.");
        return Err(ApiError::invalid(field, message));
    }
    let comment = comment.map(|comment| short("comment", comment, COMMENT_CHARS)).transpose()?;
    let decide = Decide { mapping: mapping_id.clone(), approved, override_transformation, target_column, comment };
    let review = app.service.decide(&id, plan_version, vec![decide], caller.user()).await?;
    let mapping = MappingView::find(&review, &mapping_id)
        .ok_or_else(|| Error::new(Code::NotFound, format!("The plan has no mapping `{mapping_id}`.")))?;
    Ok(axum::Json(Decided {
        migration_id: review.record.id.clone(),
        migration_status: review.record.status.into(),
        plan_version: review.record.plan_version,
        awaiting: awaiting(&review),
        mapping,
    }))
}

/// Approve or reject many mappings
///
/// Those that are named, or all that await a person. Scope: `approve`.
#[utoipa::path(
    post,
    path = "/v1/migrations/{id}/plan/approve",
    operation_id = "approve_plan",
    tag = "Plan",
    params(("id" = String, Path, description = "The migration.", example = "mig_abc123def456")),
    request_body = Option<ApproveAllRequest>,
    responses((status = 200, description = "The plan as it is now, in short.", body = DecidedAll)),
)]
pub(crate) async fn approve_all(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    OptionalJson(request): OptionalJson<ApproveAllRequest>,
) -> Result<axum::Json<DecidedAll>, ApiError> {
    caller.need(Scope::Approve)?;
    let ApproveAllRequest { approved, mappings, comment, plan_version } = request;
    let approved = approved.unwrap_or(true);
    let comment = comment.map(|comment| short("comment", comment, COMMENT_CHARS)).transpose()?;
    let review = match mappings {
        None => app.service.decide_all(&id, plan_version, approved, comment, caller.user()).await?,
        Some(ids) if ids.len() > MOST_MAPPINGS => {
            let message = format!("`mappings` must have {MOST_MAPPINGS} entries at most; without it all are meant.");
            return Err(ApiError::invalid("mappings", message));
        }
        Some(ids) => {
            let decide = |mapping| Decide {
                mapping,
                approved,
                override_transformation: None,
                target_column: None,
                comment: comment.clone(),
            };
            let decisions = ids.into_iter().map(decide).collect();
            app.service.decide(&id, plan_version, decisions, caller.user()).await?
        }
    };
    Ok(axum::Json(DecidedAll::new(&review)))
}

/// Make the plan anew
///
/// After the source changed, or what was asked for cannot be planned from what was seen. Decisions are about a version of
/// a plan: they are to be made again. Scope: `write`.
#[utoipa::path(
    post,
    path = "/v1/migrations/{id}/plan/regenerate",
    operation_id = "regenerate_plan",
    tag = "Plan",
    params(("id" = String, Path, description = "The migration.", example = "mig_abc123def456")),
    responses((status = 202, description = "It is being made.", body = Replanning)),
)]
pub(crate) async fn regenerate(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<(StatusCode, axum::Json<Replanning>), ApiError> {
    caller.need(Scope::Write)?;
    let record = app.service.replan(&id, caller.user()).await?;
    let replanning = Replanning {
        status: record.status.into(),
        plan: PlanState::of(&record, Timestamp::now()),
        links: Links::of(&record.id),
        id: record.id,
    };
    Ok((StatusCode::ACCEPTED, axum::Json(replanning)))
}
