//! What a plan moves and what it leaves, as it is shown.

use sensei_engine::catalog::{Object, ObjectKind, TableName};
use sensei_engine::plan::{ColumnProfile, LooksLike, Side, TablePlan, ViewPlan};
use serde::Serialize;
use utoipa::ToSchema;

/// One side of a plan.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SideView {
    /// The connector's name.
    connector: String,
    /// Where, without secrets.
    connection: String,
    /// The system's own version text.
    server: String,
}

/// A table.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TableView {
    source: QualifiedName,
    target: QualifiedName,
    /// By the source's statistics.
    #[schema(example = 107)]
    estimated_records: u64,
    /// By the source's statistics.
    #[schema(example = 16384)]
    estimated_bytes: u64,
    /// What the first rows say of each column; empty where there was no time, or no way, to read them.
    profile: Vec<ProfileView>,
}

/// A table's name.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QualifiedName {
    #[schema(example = "HR")]
    schema: String,
    #[schema(example = "EMPLOYEES")]
    table: String,
}

/// One column of the sampled rows. Of text and bytes it tells lengths, never content.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProfileView {
    #[schema(example = "EMP_ID")]
    column: String,
    /// Rows that were sampled.
    #[schema(example = 107)]
    sampled: u64,
    #[schema(example = 0)]
    nulls: u64,
    /// Different values, NULL not counted; 100 stands for 100 or more.
    #[schema(example = 100)]
    distinct: u64,
    /// Smallest number, date, time or boolean.
    #[schema(example = "100")]
    min: Option<String>,
    /// Largest.
    #[schema(example = "206")]
    max: Option<String>,
    /// Longest text in characters, or longest bytes.
    longest: Option<u64>,
    /// What every value of a text column looks like: `uuid`, `json`, `boolean`, `date` or `email`.
    looks_like: Option<&'static str>,
}

/// A view that is made in the target.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MadeView {
    source: QualifiedName,
    target: QualifiedName,
    #[schema(example = json!(["department", "employees"]))]
    columns: Vec<String>,
    /// Its query in the target's words.
    #[schema(example = "SELECT \"d\".\"name\", count(*) FROM hr.departments AS \"d\" GROUP BY \"d\".\"name\"")]
    query: String,
}

/// Something that is there and is not moved.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NotMovedView {
    kind: ObjectKindView,
    #[schema(example = "HR")]
    schema: String,
    #[schema(example = "EMP_DETAILS_VIEW")]
    name: String,
    /// Source text, where the system gives it.
    definition: Option<String>,
}

/// What something that is not moved is.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ObjectKindView {
    /// A view.
    View,
    /// A view that keeps its rows.
    MaterializedView,
    /// A function or procedure.
    Routine,
    /// A trigger.
    Trigger,
    /// A sequence that no column owns.
    Sequence,
    /// Something that runs by the clock.
    Event,
    /// Something else.
    Other,
}

impl From<&Side> for SideView {
    fn from(side: &Side) -> Self {
        Self { connector: side.connector.clone(), connection: side.connection.clone(), server: side.server.clone() }
    }
}

impl From<&TableName> for QualifiedName {
    fn from(name: &TableName) -> Self {
        Self { schema: name.schema.clone(), table: name.name.clone() }
    }
}

impl From<&TablePlan> for TableView {
    fn from(table: &TablePlan) -> Self {
        Self {
            source: QualifiedName::from(&table.source),
            target: QualifiedName::from(&table.target.name),
            estimated_records: table.estimated_rows,
            estimated_bytes: table.estimated_bytes,
            profile: table.profile.iter().map(ProfileView::from).collect(),
        }
    }
}

impl From<&ColumnProfile> for ProfileView {
    fn from(profile: &ColumnProfile) -> Self {
        Self {
            column: profile.column.clone(),
            sampled: profile.sampled,
            nulls: profile.nulls,
            distinct: profile.distinct,
            min: profile.min.clone(),
            max: profile.max.clone(),
            longest: profile.longest,
            looks_like: profile.looks_like.map(|looks| match looks {
                LooksLike::Uuid => "uuid",
                LooksLike::Json => "json",
                LooksLike::Boolean => "boolean",
                LooksLike::Date => "date",
                LooksLike::Email => "email",
            }),
        }
    }
}

impl From<&ViewPlan> for MadeView {
    fn from(plan: &ViewPlan) -> Self {
        Self {
            source: QualifiedName::from(&plan.source),
            target: QualifiedName::from(&plan.view.name),
            columns: plan.view.columns.clone(),
            query: plan.sql(),
        }
    }
}

impl From<&Object> for NotMovedView {
    fn from(object: &Object) -> Self {
        Self {
            kind: match object.kind {
                ObjectKind::View => ObjectKindView::View,
                ObjectKind::MaterializedView => ObjectKindView::MaterializedView,
                ObjectKind::Routine => ObjectKindView::Routine,
                ObjectKind::Trigger => ObjectKindView::Trigger,
                ObjectKind::Sequence => ObjectKindView::Sequence,
                ObjectKind::Event => ObjectKindView::Event,
                ObjectKind::Other => ObjectKindView::Other,
            },
            schema: object.schema.clone(),
            name: object.name.clone(),
            definition: object.definition.clone(),
        }
    }
}
