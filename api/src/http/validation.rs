//! `/v1/migrations/{id}/validation`: whether both sides agree, by table.

use axum::extract::{Path, State};
use sensei_engine::lifecycle::Validation;
use sensei_engine::migration::TableCount;
use sensei_engine::store::Scope;
use serde::Serialize;
use utoipa::ToSchema;

use super::auth::Caller;
use super::error::ApiError;
use super::moment::Moment;
use super::state::App;

/// Whether both sides agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ValidationStatus {
    /// Every table agrees.
    Passed,
    /// At least one does not.
    Failed,
    /// Nobody has looked yet.
    NotRun,
}

/// How rows compared.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ValidationView {
    #[schema(example = "mig_abc123def456")]
    migration_id: String,
    #[serde(flatten)]
    summary: ValidationSummary,
    /// Whether the target's rows were counted in `staging`, before the cutover, or `live`; null before anybody looked.
    #[schema(example = "live")]
    counted: Option<&'static str>,
    /// By table; empty before anybody looked.
    tables: Vec<TableValidation>,
}

/// How rows compared, in short.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ValidationSummary {
    status: ValidationStatus,
    /// Tables that agree, of all.
    #[schema(example = 100.0)]
    pass_rate_percent: Option<f64>,
    /// When rows were last compared.
    at: Option<Moment>,
}

/// One table.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TableValidation {
    /// In the target.
    #[schema(example = "public.employees")]
    table: String,
    /// In the source.
    #[schema(example = "HR.EMPLOYEES")]
    source_table: String,
    #[schema(example = 107)]
    source_rows: u64,
    #[schema(example = 107)]
    target_rows: u64,
    matches: bool,
}

impl ValidationSummary {
    pub(super) fn of(validation: Option<&Validation>) -> Self {
        Self {
            status: match validation {
                None => ValidationStatus::NotRun,
                Some(validation) if validation.passed => ValidationStatus::Passed,
                Some(_) => ValidationStatus::Failed,
            },
            pass_rate_percent: validation.map(pass_rate_percent),
            at: validation.map(|v| v.at.into()),
        }
    }
}

impl ValidationView {
    fn new(migration_id: String, validation: Option<&Validation>) -> Self {
        Self {
            migration_id,
            summary: ValidationSummary::of(validation),
            counted: validation.map(|v| if v.staged { "staging" } else { "live" }),
            tables: validation.iter().flat_map(|v| &v.tables).map(TableValidation::from).collect(),
        }
    }
}

impl From<&TableCount> for TableValidation {
    fn from(count: &TableCount) -> Self {
        Self {
            table: count.target.clone(),
            source_table: count.source.clone(),
            source_rows: count.source_rows,
            target_rows: count.target_rows,
            matches: count.source_rows == count.target_rows,
        }
    }
}

/// Tables that agree, of all, to a tenth; 100 where there is none. Never 100 when one does not.
pub(super) fn pass_rate_percent(validation: &Validation) -> f64 {
    let agree = validation.tables.iter().filter(|t| t.source_rows == t.target_rows).count();
    match validation.tables.len() {
        0 => 100.0,
        tables => (agree as f64 / tables as f64 * 1000.0).floor() / 10.0,
    }
}

/// Get a migration's validation
///
/// As rows were last compared: before the cutover, or when somebody asked. Scope: `read`.
#[utoipa::path(
    get,
    path = "/v1/migrations/{id}/validation",
    operation_id = "get_validation",
    tag = "Validation",
    params(("id" = String, Path, description = "The migration.", example = "mig_abc123def456")),
    responses((status = 200, description = "How rows compared.", body = ValidationView)),
)]
pub(crate) async fn get_validation(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<axum::Json<ValidationView>, ApiError> {
    caller.need(Scope::Read)?;
    let record = app.service.store().record(&id).await?;
    Ok(axum::Json(ValidationView::new(id, record.validation.as_ref())))
}

/// Validate a migration again
///
/// Counts the rows of every table on both sides, as they are now. Scope: `write`.
#[utoipa::path(
    post,
    path = "/v1/migrations/{id}/validation",
    operation_id = "validate",
    tag = "Validation",
    params(("id" = String, Path, description = "The migration.", example = "mig_abc123def456")),
    responses((status = 200, description = "How rows compare.", body = ValidationView)),
)]
pub(crate) async fn validate(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<axum::Json<ValidationView>, ApiError> {
    caller.need(Scope::Write)?;
    let validation = app.service.validate(&id).await?;
    Ok(axum::Json(ValidationView::new(id, Some(&validation))))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;

    fn validation(counts: &[(u64, u64)]) -> Validation {
        let count = |(source_rows, target_rows): &(u64, u64)| TableCount {
            source: "HR.EMPLOYEES".into(),
            target: "public.employees".into(),
            source_rows: *source_rows,
            target_rows: *target_rows,
        };
        let passed = counts.iter().all(|(source, target)| source == target);
        Validation { at: Timestamp::UNIX_EPOCH, passed, staged: false, tables: counts.iter().map(count).collect() }
    }

    #[test]
    fn a_result_has_its_tables() {
        let view = ValidationView::new("mig_1".into(), Some(&validation(&[(107, 107), (5, 4)])));
        let table = |source_rows: u64, target_rows: u64, matches: bool| {
            json!({"table": "public.employees", "source_table": "HR.EMPLOYEES", "source_rows": source_rows,
                "target_rows": target_rows, "matches": matches})
        };
        assert_eq!(
            serde_json::to_value(&view).expect("JSON"),
            json!({"migration_id": "mig_1", "status": "failed", "pass_rate_percent": 50.0, "at": "1970-01-01T00:00:00Z",
                "counted": "live", "tables": [table(107, 107, true), table(5, 4, false)]})
        );
    }

    #[test]
    fn who_has_not_looked_says_so() {
        let view = ValidationView::new("mig_1".into(), None);
        assert_eq!(
            serde_json::to_value(&view).expect("JSON"),
            json!({"migration_id": "mig_1", "status": "not_run", "pass_rate_percent": null, "at": null,
                "counted": null, "tables": []})
        );
    }

    #[test]
    fn one_table_in_many_that_does_not_agree_is_seen() {
        let mut counts = vec![(1, 1); 9_999];
        counts.push((1, 0));
        assert_eq!(pass_rate_percent(&validation(&counts)), 99.9);
        assert_eq!(pass_rate_percent(&validation(&[])), 100.0);
    }
}
