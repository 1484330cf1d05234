//! What was asked for, as responses show it, and what every response about a migration has beside it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use sensei_engine::error::{Code, Result};
use sensei_engine::event::Phase;
use sensei_engine::lifecycle::window::MaintenanceWindow;
use sensei_engine::lifecycle::{PhaseOutcome, Record, Spec, Status};
use sensei_engine::plan::{Naming, OnExisting};
use sensei_engine::store::Store;
use serde::Serialize;
use utoipa::ToSchema;

use super::request::{CutoverWord, MODE, NewWindow};
use crate::http::moment::Moment;

/// How long planning is said to take at most. A minute: a catalog, and samples of all tables, whose time is bounded.
const PLANNING: SignedDuration = SignedDuration::from_secs(60);

/// Where from.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SourceView {
    /// The stored connection.
    #[schema(example = "conn_legacy_prod")]
    connection_id: String,
    /// Its name; null once the connection was deleted.
    #[schema(example = "Legacy Production")]
    connection_name: Option<String>,
    /// Schemas that were asked for; empty: the connection's own.
    #[schema(example = json!(["HR", "FINANCE"]))]
    schemas: Vec<String>,
    /// Names and globs of tables that were left out.
    #[schema(example = json!(["AUDIT_LOG", "TEMP_*"]))]
    exclude_tables: Vec<String>,
    /// Tables that are moved; null until the source was looked at.
    #[schema(example = 47)]
    tables_count: Option<u64>,
}

/// Where to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TargetView {
    /// The stored connection.
    #[schema(example = "conn_cloud")]
    connection_id: String,
    /// Its name; null once the connection was deleted.
    #[schema(example = "Cloud")]
    connection_name: Option<String>,
    /// The schema that was asked for; null: the connection's own, or the source's.
    #[schema(example = "public")]
    schema: Option<String>,
    /// Source tables and columns, and the target's own that were named for them; null: a column that is left out.
    #[schema(example = json!({"EMP": "employees"}))]
    into: BTreeMap<String, Option<String>>,
}

/// How.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OptionsView {
    #[schema(example = "full")]
    mode: &'static str,
    #[schema(example = 8)]
    parallelism: usize,
    #[schema(example = 10_000)]
    batch_size: u32,
    #[schema(example = 0.95)]
    auto_approve_above: f64,
    #[schema(example = true)]
    generate_rollback: bool,
    #[schema(example = false)]
    bare: bool,
    /// `fail`, `replace` or `append`.
    #[schema(example = "fail")]
    on_existing: &'static str,
    /// `snake`, `lower` or `preserve`.
    #[schema(example = "snake")]
    naming: &'static str,
    #[schema(example = "auto")]
    cutover: CutoverWord,
    /// How closely both sides are compared: `full`, `counts`, or a sample of the rows.
    #[schema(example = "full")]
    validation: String,
    /// What takes the place of values that the target does not hold; kinds that are not named are refused.
    #[schema(example = json!({"zero_dates": "null"}))]
    policies: BTreeMap<String, String>,
}

/// When.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ScheduleView {
    /// Not before this.
    start_at: Option<Moment>,
    /// Only while it is open.
    #[schema(value_type = Option<NewWindow>)]
    maintenance_window: Option<MaintenanceWindow>,
}

/// Who wants to know.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NotificationsView {
    #[schema(example = json!(["team@company.com"]))]
    email: Vec<String>,
    #[schema(example = "#data-ops")]
    slack_channel: Option<String>,
    /// Empty: all of them.
    #[schema(example = json!(["completed", "failed", "approval_required"]))]
    on_events: Vec<String>,
}

/// Everything that was asked for beside the names.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AskedView {
    source: SourceView,
    target: TargetView,
    options: OptionsView,
    schedule: ScheduleView,
    notifications: NotificationsView,
}

/// Names of a migration's connections, as they are now.
#[derive(Debug, Default)]
pub(super) struct ConnectionNames {
    pub(super) source: Option<String>,
    pub(super) target: Option<String>,
}

impl ConnectionNames {
    pub(super) async fn of(store: &Store, spec: &Spec) -> Result<Self> {
        let source = name_of(store, &spec.source.connection_id).await?;
        let target = name_of(store, &spec.target.connection_id).await?;
        Ok(Self { source, target })
    }
}

async fn name_of(store: &Store, connection: &str) -> Result<Option<String>> {
    match store.connection(connection).await {
        Ok(connection) => Ok(Some(connection.name)),
        Err(e) if e.code == Code::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

impl AskedView {
    pub(super) fn new(record: &Record, names: ConnectionNames) -> Self {
        let Spec { name: _, description: _, source, target, options, schedule, notifications } = &record.spec;
        let effective = record.spec.run_options();
        Self {
            source: SourceView {
                connection_id: source.connection_id.clone(),
                connection_name: names.source,
                schemas: source.schemas.clone(),
                exclude_tables: source.exclude_tables.clone(),
                tables_count: record.tables_count,
            },
            target: TargetView {
                connection_id: target.connection_id.clone(),
                connection_name: names.target,
                schema: target.schema.clone(),
                into: (target.into.iter())
                    .map(|(from, to)| (from.clone(), Some(to.clone()).filter(|to| !to.is_empty())))
                    .collect(),
            },
            options: OptionsView {
                mode: MODE,
                parallelism: effective.parallelism,
                batch_size: effective.batch_rows,
                auto_approve_above: options.auto_approve_above,
                generate_rollback: options.generate_rollback,
                bare: options.bare,
                on_existing: match options.on_existing {
                    OnExisting::Fail => "fail",
                    OnExisting::Replace => "replace",
                    OnExisting::Append => "append",
                },
                naming: match options.naming {
                    Naming::Snake => "snake",
                    Naming::Lower => "lower",
                    Naming::Preserve => "preserve",
                },
                cutover: options.cutover.into(),
                validation: options.validation.to_string(),
                policies: options.policies.iter().map(|(kind, word)| (kind.into(), word.into())).collect(),
            },
            schedule: ScheduleView {
                start_at: schedule.start_at.map(Moment::from),
                maintenance_window: schedule.maintenance_window.clone(),
            },
            notifications: NotificationsView {
                email: notifications.email.clone(),
                slack_channel: notifications.slack_channel.clone(),
                on_events: notifications.on_events.clone(),
            },
        }
    }
}

/// How far a plan is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PlanStatus {
    /// It is being made.
    Generating,
    /// It is there, and mappings await a person.
    Ready,
    /// It is there, and nothing of it awaits a person.
    Approved,
    /// It could not be made, or was given up before.
    Failed,
}

impl PlanStatus {
    pub(super) fn of(record: &Record) -> Self {
        let planning = record.phases.iter().find(|p| p.name == Phase::Planning);
        match record.status {
            Status::Pending | Status::Planning => Self::Generating,
            Status::PlanReady => Self::Ready,
            Status::Approved
            | Status::Running
            | Status::Pausing
            | Status::Paused
            | Status::Validating
            | Status::Completed
            | Status::RollingBack
            | Status::RolledBack => Self::Approved,
            Status::Failed | Status::Cancelled if record.started_at.is_some() => Self::Approved,
            Status::Failed if planning.is_some_and(|p| p.outcome == Some(PhaseOutcome::Failed)) => Self::Failed,
            Status::Failed | Status::Cancelled if record.plan_version == 0 => Self::Failed,
            Status::Failed | Status::Cancelled => Self::Ready,
        }
    }
}

/// The plan in short.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PlanState {
    status: PlanStatus,
    /// When it will be there, or was; null if it could not be made.
    estimated_completion: Option<Moment>,
    /// Grows each time it is made anew; 0 while there is none.
    #[schema(example = 1)]
    version: u32,
}

impl PlanState {
    pub(super) fn of(record: &Record, now: Timestamp) -> Self {
        let status = PlanStatus::of(record);
        let estimated_completion = match status {
            PlanStatus::Generating => {
                let began = record.phases.iter().find(|p| p.name == Phase::Planning && p.outcome.is_none());
                let expected = began.map_or(record.created_at, |p| p.began_at).checked_add(PLANNING).unwrap_or(now);
                Some(expected.max(now))
            }
            PlanStatus::Ready | PlanStatus::Approved => record.plan_generated_at,
            PlanStatus::Failed => None,
        };
        Self { status, estimated_completion: estimated_completion.map(Moment::from), version: record.plan_version }
    }
}

/// Where the rest is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Links {
    #[serde(rename = "self")]
    #[schema(example = "/v1/migrations/mig_abc123def456")]
    this: String,
    #[schema(example = "/v1/migrations/mig_abc123def456/plan")]
    plan: String,
    #[schema(example = "/v1/migrations/mig_abc123def456/start")]
    start: String,
    #[schema(example = "/v1/migrations/mig_abc123def456/logs")]
    logs: String,
    #[schema(example = "/v1/migrations/mig_abc123def456/metrics")]
    metrics: String,
    #[schema(example = "/v1/migrations/mig_abc123def456/validation")]
    validation: String,
}

impl Links {
    pub(super) fn of(id: &str) -> Self {
        let this = location(id);
        let below = |name: &str| format!("{this}/{name}");
        Self {
            plan: below("plan"),
            start: below("start"),
            logs: below("logs"),
            metrics: below("metrics"),
            validation: below("validation"),
            this,
        }
    }
}

/// Where a migration is.
pub(super) fn location(id: &str) -> String {
    format!("/v1/migrations/{id}")
}
