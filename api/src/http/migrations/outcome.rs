//! What hangs on a migration that stopped, failed, or was tried out.

use sensei_engine::error::{Error, Role};
use sensei_engine::lifecycle::{Checkpoint, DryRun, Intent, Stop};
use sensei_engine::migration::{Reject, SchemaRehearsal, TableRehearsal};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::error::wire_code;
use crate::http::moment::Moment;

/// A stop that was asked for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StopView {
    intent: StopIntent,
    /// A user, or `schedule`: what the schedule pauses goes on by itself when its window opens.
    #[schema(example = "user_xyz789")]
    by: String,
    #[schema(example = "Maintenance window ending")]
    reason: Option<String>,
    /// Not at the next checkpoint but at once.
    immediate: bool,
    at: Moment,
}

/// What a stop is for.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StopIntent {
    /// To go on later.
    Pause,
    /// For good.
    Cancel,
}

impl From<&Stop> for StopView {
    fn from(stop: &Stop) -> Self {
        Self {
            intent: match stop.intent {
                Intent::Pause => StopIntent::Pause,
                Intent::Cancel => StopIntent::Cancel,
            },
            by: stop.by.clone(),
            reason: stop.reason.clone(),
            immediate: stop.immediate,
            at: stop.at.into(),
        }
    }
}

/// Where a migration goes on from.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CheckpointView {
    #[schema(example = "ckpt_789xyz")]
    id: String,
    at: Moment,
    /// Rows that are durable.
    #[schema(example = 4_500_000)]
    records: u64,
    /// Chunks that are.
    #[schema(example = 18)]
    chunks: u64,
}

impl From<&Checkpoint> for CheckpointView {
    fn from(checkpoint: &Checkpoint) -> Self {
        Self {
            id: checkpoint.id.clone(),
            at: checkpoint.at.into(),
            records: checkpoint.records,
            chunks: checkpoint.chunks,
        }
    }
}

/// Why something failed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FailureView {
    /// A word to act on, as in the error envelope.
    #[schema(example = "source_unreachable")]
    code: String,
    /// For people.
    #[schema(example = "Nobody answers at db.example.com:5432.")]
    message: String,
    /// `source` or `target`, where it is one side's.
    #[schema(example = "source")]
    role: Option<&'static str>,
    table: Option<String>,
    column: Option<String>,
    /// What identifies the row.
    row: Option<String>,
    /// The system's own code.
    native_code: Option<String>,
}

impl From<&Error> for FailureView {
    fn from(error: &Error) -> Self {
        Self {
            code: wire_code(error).to_owned(),
            message: error.message.clone(),
            role: error.role.map(|role| match role {
                Role::Source => "source",
                Role::Target => "target",
            }),
            table: error.table.clone(),
            column: error.column.clone(),
            row: error.row.clone(),
            native_code: error.native_code.clone(),
        }
    }
}

/// A dry run: nothing was written.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DryRunView {
    at: Moment,
    schema: SchemaTried,
    /// Statements that a run would execute before its rows are live.
    #[schema(example = 141)]
    statements: u64,
    /// Rows of all samples that a run would stop at.
    #[schema(example = 0)]
    predicted_rejects: u64,
    tables: Vec<TableTried>,
}

/// Whether the target executed what a run would execute.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SchemaTried {
    /// In one transaction, which was rolled back.
    Executed,
    /// Its schema changes are not transactional: nothing was executed.
    NotPossible,
}

/// How one table's sample came out.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TableTried {
    /// In the target.
    #[schema(example = "public.employees")]
    table: String,
    /// In the source.
    #[schema(example = "HR.EMPLOYEES")]
    source_table: String,
    /// Rows that were read and put through the mappings.
    #[schema(example = 1000)]
    rows_sampled: u64,
    /// The table has no other rows.
    whole: bool,
    /// Rows of the sample that a run would stop at.
    #[schema(example = 0)]
    predicted_rejects: u64,
    /// The first of them.
    rejects: Vec<RejectView>,
}

/// A row that a run would stop at.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RejectView {
    column: Option<String>,
    /// What identifies it.
    row: Option<String>,
    /// Why.
    reason: String,
}

impl From<&DryRun> for DryRunView {
    fn from(dry_run: &DryRun) -> Self {
        let rehearsal = &dry_run.rehearsal;
        Self {
            at: dry_run.at.into(),
            schema: match rehearsal.schema {
                SchemaRehearsal::Executed => SchemaTried::Executed,
                SchemaRehearsal::NotPossible => SchemaTried::NotPossible,
            },
            statements: rehearsal.statements,
            predicted_rejects: rehearsal.tables.iter().map(|t| t.predicted_rejects).sum(),
            tables: rehearsal.tables.iter().map(TableTried::from).collect(),
        }
    }
}

impl From<&TableRehearsal> for TableTried {
    fn from(table: &TableRehearsal) -> Self {
        Self {
            table: table.target.clone(),
            source_table: table.source.clone(),
            rows_sampled: table.rows_sampled,
            whole: table.whole,
            predicted_rejects: table.predicted_rejects,
            rejects: table.rejects.iter().map(RejectView::from).collect(),
        }
    }
}

impl From<&Reject> for RejectView {
    fn from(reject: &Reject) -> Self {
        Self { column: reject.column.clone(), row: reject.row.clone(), reason: reject.reason.clone() }
    }
}
