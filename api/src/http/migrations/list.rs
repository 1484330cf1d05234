//! `GET /v1/migrations`.

use axum::extract::State;
use sensei_engine::lifecycle::{Record, Status};
use sensei_engine::store::{ListQuery, Order, Scope, Sort};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::figures::{overall_percent, told_percent};
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::moment::Moment;
use crate::http::query::Parameters;
use crate::http::state::App;
use crate::http::words::{PhaseWord, StatusWord};

/// Results of a page where nobody asks for another number.
const PAGE: u32 = 20;
/// Results of a page at most: the contract's limit.
const LARGEST_PAGE: u32 = 100;
/// Results that can be passed over. 1 billion: more than any store of ours holds, and every store counts so far.
const LARGEST_OFFSET: u32 = 1_000_000_000;
const PARAMETERS: [&str; 9] =
    ["status", "source_id", "target_id", "created_after", "created_before", "limit", "offset", "sort", "order"];

/// A page of migrations.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MigrationPage {
    data: Vec<MigrationEntry>,
    pagination: Pagination,
}

/// A migration in short.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MigrationEntry {
    #[schema(example = "mig_abc123")]
    id: String,
    #[schema(example = "Q1 Database Modernization")]
    name: String,
    status: StatusWord,
    phase: Option<PhaseWord>,
    /// 100 when it is completed, and not before.
    #[schema(maximum = 100, example = 67)]
    progress_percent: u8,
    #[schema(example = "conn_legacy_prod")]
    source_id: String,
    #[schema(example = "conn_cloud")]
    target_id: String,
    created_at: Moment,
    started_at: Option<Moment>,
    finished_at: Option<Moment>,
}

/// Which part of the whole a page is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Pagination {
    /// All that the filters let through.
    #[schema(example = 42)]
    total: u64,
    #[schema(example = 10)]
    limit: u32,
    #[schema(example = 0)]
    offset: u32,
    has_more: bool,
}

impl MigrationEntry {
    fn new(record: &Record, progress: Option<&Value>) -> Self {
        Self {
            id: record.id.clone(),
            name: record.spec.name.clone(),
            status: record.status.into(),
            phase: record.phase.map(PhaseWord::from),
            progress_percent: overall_percent(record, progress.and_then(told_percent)),
            source_id: record.spec.source.connection_id.clone(),
            target_id: record.spec.target.connection_id.clone(),
            created_at: record.created_at.into(),
            started_at: record.started_at.map(Moment::from),
            finished_at: record.finished_at.map(Moment::from),
        }
    }
}

impl MigrationPage {
    fn new(page: &[(Record, Option<Value>)], total: u64, query: &ListQuery) -> Self {
        let ListQuery { limit, offset, .. } = *query;
        Self {
            data: page.iter().map(|(record, progress)| MigrationEntry::new(record, progress.as_ref())).collect(),
            pagination: Pagination { total, limit, offset, has_more: u64::from(offset) + (page.len() as u64) < total },
        }
    }
}

/// A page of which so many were let through, for tests.
#[cfg(test)]
pub(super) fn page_of(page: &[(Record, Option<Value>)], total: u64) -> MigrationPage {
    let query = read(Parameters::default()).expect("nothing is wrong with nothing");
    MigrationPage::new(page, total, &query)
}

fn read(mut query: Parameters) -> Result<ListQuery, ApiError> {
    let statuses = format!("one of {}", Status::ALL.map(Status::as_str).join(", "));
    let sort = |word: &str| match word {
        "created_at" => Some(Sort::CreatedAt),
        "started_at" => Some(Sort::StartedAt),
        "name" => Some(Sort::Name),
        _ => None,
    };
    let order = |word: &str| match word {
        "asc" => Some(Order::Ascending),
        "desc" => Some(Order::Descending),
        _ => None,
    };
    let list = ListQuery {
        status: query.read_as("status", &statuses, Status::parse)?,
        source_id: query.text("source_id")?,
        target_id: query.text("target_id")?,
        created_after: query.moment("created_after")?,
        created_before: query.moment("created_before")?,
        limit: query.number("limit", 1..=LARGEST_PAGE, PAGE)?,
        offset: query.number("offset", 0..=LARGEST_OFFSET, 0)?,
        sort: query.read_as("sort", "one of created_at, started_at, name", sort)?.unwrap_or(Sort::CreatedAt),
        order: query.read_as("order", "`asc` or `desc`", order)?.unwrap_or(Order::Descending),
    };
    query.end(&PARAMETERS)?;
    Ok(list)
}

/// List migrations
///
/// Newest first, unless asked for otherwise; those that were not started come last where `started_at` sorts. Scope: `read`.
#[utoipa::path(
    get,
    path = "/v1/migrations",
    operation_id = "list_migrations",
    tag = "Migrations",
    params(
        ("status" = Option<StatusWord>, Query, description = "In this status."),
        ("source_id" = Option<String>, Query, description = "From this connection."),
        ("target_id" = Option<String>, Query, description = "To this connection."),
        ("created_after" = Option<Moment>, Query, description = "Created after this time."),
        ("created_before" = Option<Moment>, Query, description = "Created before this time."),
        ("limit" = Option<u32>, Query, description = "Results per page. Default: 20.", minimum = 1, maximum = 100, example = 10),
        ("offset" = Option<u32>, Query, description = "Results to pass over.", maximum = 1_000_000_000, example = 0),
        ("sort" = Option<String>, Query, description = "Sort field: `created_at` (default), `started_at`, `name`.",
            pattern = "^(created_at|started_at|name)$", example = "created_at"),
        ("order" = Option<String>, Query, description = "Sort order: `asc`, `desc` (default).",
            pattern = "^(asc|desc)$", example = "desc"),
    ),
    responses((status = 200, description = "A page.", body = MigrationPage)),
)]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    query: Parameters,
) -> Result<axum::Json<MigrationPage>, ApiError> {
    caller.need(Scope::Read)?;
    let query = read(query)?;
    let listed = app.service.store().list(&query).await?;
    Ok(axum::Json(MigrationPage::new(&listed.page, listed.total, &query)))
}
