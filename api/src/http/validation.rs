//! `/v1/migrations/{id}/validation`: whether both sides agree, by table.

use axum::extract::{Path, State};
use sensei_engine::lifecycle::Validation;
use sensei_engine::migration::TableCheck;
use sensei_engine::store::Scope;
use sensei_engine::validate::{Content, Contradiction, DifferenceKind, Figure, RowDifference, Witness};
use serde::Serialize;
use serde_json::{Map, Value};
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
    /// Whether the target's rows were those in `staging`, before the cutover, or `live`; null before anybody looked.
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
    /// Nothing that was looked at differs.
    matches: bool,
    content: ContentValidation,
    witness: WitnessView,
}

/// Whether the systems' own figures agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WitnessStatus {
    /// Both say the same of every column that both can tell of.
    Agrees,
    /// They do not.
    Contradicts,
    /// They were not asked, or one has nothing to say.
    NotHeard,
}

/// What both systems say of a table in their own SQL: counts of values, least, greatest and sum, of the columns that are moved
/// as they are.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WitnessView {
    status: WitnessStatus,
    /// Rows that were asked about: all, or those at both ends of the key of a large table.
    #[schema(example = 107)]
    rows: u64,
    /// Columns of which both say the same, in the target's names.
    #[schema(example = json!(["employee_id", "name"]))]
    columns: Vec<String>,
    contradictions: Vec<ContradictionView>,
}

/// A figure of which the systems say different things.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ContradictionView {
    #[schema(example = "salary")]
    column: String,
    figure: FigureWord,
    #[schema(example = "691416.00")]
    source: String,
    #[schema(example = "691400.00")]
    target: String,
}

/// What is told of a column's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FigureWord {
    /// How many are not NULL.
    Present,
    Least,
    Greatest,
    /// Of numbers their sum, of texts and bytes their length together, in bytes.
    Total,
}

/// Whether the values agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ContentStatus {
    /// Every value that was compared is the same.
    Equal,
    /// Not all are.
    Different,
    /// Rows were only counted.
    NotCompared,
}

/// The values of one table.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ContentValidation {
    status: ContentStatus,
    /// Why values were not compared although they were to be; null otherwise.
    reason: Option<String>,
    /// Share of the rows that was compared.
    #[schema(minimum = 0, maximum = 100, example = 100)]
    percent: u8,
    /// What all rows add up to, whatever their order; after the mappings.
    #[schema(example = "6c62272e07bb014262b821756295c58d")]
    source_digest: Option<String>,
    #[schema(example = "6c62272e07bb014262b821756295c58d")]
    target_digest: Option<String>,
    /// In the target's names.
    #[schema(example = json!(["employee_id", "name"]))]
    compared_columns: Vec<String>,
    /// What the target hands back in a form that cannot be compared.
    columns_not_compared: Vec<ColumnNotCompared>,
    /// The first rows that differ.
    differences: Vec<DifferenceView>,
    /// Others differ, too.
    more_differences: bool,
}

/// A column whose values were not compared.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ColumnNotCompared {
    #[schema(example = "shape")]
    column: String,
    reason: String,
}

/// A row in which both sides differ.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DifferenceView {
    kind: DifferenceWord,
    /// What tells the row apart: columns and values, shortened where they are long. All columns where the table has no key.
    #[schema(value_type = Object, example = json!({"employee_id": "42"}))]
    key: Map<String, Value>,
    /// Columns whose values differ; empty where one side does not have the row.
    #[schema(example = json!(["name"]))]
    columns: Vec<String>,
}

/// What is wrong with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DifferenceWord {
    /// The target does not have it.
    Missing,
    /// The source does not have it, or less often.
    Extra,
    /// Both have it, with different values.
    Different,
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
    pub(super) fn new(migration_id: String, validation: Option<&Validation>) -> Self {
        Self {
            migration_id,
            summary: ValidationSummary::of(validation),
            counted: validation.map(|v| if v.staged { "staging" } else { "live" }),
            tables: validation.iter().flat_map(|v| &v.tables).map(TableValidation::from).collect(),
        }
    }
}

impl From<&TableCheck> for TableValidation {
    fn from(check: &TableCheck) -> Self {
        Self {
            table: check.target.clone(),
            source_table: check.source.clone(),
            source_rows: check.source_rows,
            target_rows: check.target_rows,
            matches: check.agrees(),
            content: ContentValidation::from(&check.content),
            witness: WitnessView::from(check.witness.as_ref()),
        }
    }
}

impl From<Option<&Witness>> for WitnessView {
    fn from(witness: Option<&Witness>) -> Self {
        let status = match witness {
            None => WitnessStatus::NotHeard,
            Some(witness) if !witness.agrees() => WitnessStatus::Contradicts,
            Some(witness) if witness.agreed.is_empty() => WitnessStatus::NotHeard,
            Some(_) => WitnessStatus::Agrees,
        };
        Self {
            status,
            rows: witness.map_or(0, |witness| witness.rows),
            columns: witness.map_or_else(Vec::new, |witness| witness.agreed.clone()),
            contradictions: (witness.iter().flat_map(|w| &w.contradictions)).map(ContradictionView::from).collect(),
        }
    }
}

impl From<&Contradiction> for ContradictionView {
    fn from(contradiction: &Contradiction) -> Self {
        Self {
            column: contradiction.column.clone(),
            figure: match contradiction.figure {
                Figure::Present => FigureWord::Present,
                Figure::Least => FigureWord::Least,
                Figure::Greatest => FigureWord::Greatest,
                Figure::Total => FigureWord::Total,
            },
            source: contradiction.source.clone(),
            target: contradiction.target.clone(),
        }
    }
}

impl From<&Content> for ContentValidation {
    fn from(content: &Content) -> Self {
        let nothing = |reason| Self {
            status: ContentStatus::NotCompared,
            reason,
            percent: 0,
            source_digest: None,
            target_digest: None,
            compared_columns: Vec::new(),
            columns_not_compared: Vec::new(),
            differences: Vec::new(),
            more_differences: false,
        };
        let compared = match content {
            Content::NotAsked => return nothing(None),
            Content::NotPossible { why } => return nothing(Some(why.clone())),
            Content::Compared(compared) => compared,
        };
        let left_out = compared.not_compared.iter();
        Self {
            status: if content.agrees() { ContentStatus::Equal } else { ContentStatus::Different },
            reason: None,
            percent: compared.percent,
            source_digest: Some(compared.source_digest.clone()),
            target_digest: Some(compared.target_digest.clone()),
            compared_columns: compared.columns.clone(),
            columns_not_compared: left_out
                .map(|c| ColumnNotCompared { column: c.column.clone(), reason: c.why.clone() })
                .collect(),
            differences: compared.differences.iter().map(DifferenceView::from).collect(),
            more_differences: compared.more,
        }
    }
}

impl From<&RowDifference> for DifferenceView {
    fn from(difference: &RowDifference) -> Self {
        Self {
            kind: match difference.kind {
                DifferenceKind::Missing => DifferenceWord::Missing,
                DifferenceKind::Extra => DifferenceWord::Extra,
                DifferenceKind::Different => DifferenceWord::Different,
            },
            key: difference.key.iter().map(|(column, value)| (column.clone(), value.clone().into())).collect(),
            columns: difference.columns.clone(),
        }
    }
}

/// Tables that agree, of all, to a tenth; 100 where there is none. Never 100 when one does not.
pub(super) fn pass_rate_percent(validation: &Validation) -> f64 {
    let agree = validation.tables.iter().filter(|t| t.agrees()).count();
    match validation.tables.len() {
        0 => 100.0,
        tables => (agree as f64 / tables as f64 * 1000.0).floor() / 10.0,
    }
}

/// Get a migration's validation
///
/// As both sides were last compared: before the cutover, or when somebody asked. Scope: `read`.
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
/// Compares every table on both sides, as they are now, as closely as `options.validation` says. Scope: `write`.
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
    use sensei_engine::validate::{Compared, NotCompared};
    use serde_json::json;

    use super::*;

    fn check(source_rows: u64, target_rows: u64, content: Content) -> TableCheck {
        TableCheck {
            source: "HR.EMPLOYEES".into(),
            target: "public.employees".into(),
            source_rows,
            target_rows,
            content,
            witness: None,
        }
    }

    fn validation(counts: &[(u64, u64)]) -> Validation {
        let tables = counts.iter().map(|(source, target)| check(*source, *target, Content::NotAsked)).collect();
        Validation { at: Timestamp::UNIX_EPOCH, ..Validation::of(tables, false) }
    }

    #[test]
    fn a_result_has_its_tables() {
        let view = ValidationView::new("mig_1".into(), Some(&validation(&[(107, 107), (5, 4)])));
        let content = json!({"status": "not_compared", "reason": null, "percent": 0, "source_digest": null,
            "target_digest": null, "compared_columns": [], "columns_not_compared": [], "differences": [],
            "more_differences": false});
        let table = |source_rows: u64, target_rows: u64, matches: bool| {
            json!({"table": "public.employees", "source_table": "HR.EMPLOYEES", "source_rows": source_rows,
                "target_rows": target_rows, "matches": matches, "content": content,
                "witness": {"status": "not_heard", "rows": 0, "columns": [], "contradictions": []}})
        };
        assert_eq!(
            serde_json::to_value(&view).expect("JSON"),
            json!({"migration_id": "mig_1", "status": "failed", "pass_rate_percent": 50.0, "at": "1970-01-01T00:00:00Z",
                "counted": "live", "tables": [table(107, 107, true), table(5, 4, false)]})
        );
    }

    #[test]
    fn rows_that_differ_are_named() {
        let content = Content::Compared(Compared {
            source_digest: "a".into(),
            target_digest: "b".into(),
            percent: 100,
            columns: vec!["id".into(), "name".into()],
            not_compared: vec![NotCompared { column: "shape".into(), why: "it is odd".into() }],
            differences: vec![RowDifference {
                key: vec![("id".into(), "'7'".into())],
                kind: DifferenceKind::Different,
                columns: vec!["name".into()],
            }],
            more: true,
        });
        let view = TableValidation::from(&check(3, 3, content));
        assert!(!view.matches);
        assert_eq!(
            serde_json::to_value(&view.content).expect("JSON"),
            json!({"status": "different", "reason": null, "percent": 100, "source_digest": "a", "target_digest": "b",
                "compared_columns": ["id", "name"],
                "columns_not_compared": [{"column": "shape", "reason": "it is odd"}],
                "differences": [{"kind": "different", "key": {"id": "'7'"}, "columns": ["name"]}],
                "more_differences": true})
        );
    }

    #[test]
    fn what_the_systems_say_against_each_other_is_told() {
        let contradiction =
            Contradiction { column: "pay".into(), figure: Figure::Total, source: "3".into(), target: "2".into() };
        let witness = Witness { rows: 3, agreed: vec!["id".into()], contradictions: vec![contradiction] };
        let view = TableValidation::from(&TableCheck { witness: Some(witness), ..check(3, 3, Content::NotAsked) });
        assert!(!view.matches);
        let contradiction = json!({"column": "pay", "figure": "total", "source": "3", "target": "2"});
        assert_eq!(
            serde_json::to_value(&view.witness).expect("JSON"),
            json!({"status": "contradicts", "rows": 3, "columns": ["id"], "contradictions": [contradiction]})
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
