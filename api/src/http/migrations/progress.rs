//! How far a migration is, as responses show it.

use jiff::Timestamp;
use sensei_engine::event::Phase;
use sensei_engine::lifecycle::{PhaseOutcome, PhaseRecord, Progress, Record, Status};
use serde::Serialize;
use utoipa::ToSchema;

use super::figures::{Figures, overall_percent, whole, whole_percent};
use crate::http::moment::Moment;
use crate::http::units;
use crate::http::words::PhaseWord;

/// How far it is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProgressView {
    /// 100 when it is completed, and not before.
    #[schema(maximum = 100, example = 67)]
    overall_percent: u8,
    /// The phase it is in, or stopped in.
    current_phase: Option<PhaseWord>,
    /// All of them, in order.
    phases: Vec<PhaseView>,
}

/// One phase.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PhaseView {
    name: PhaseWord,
    status: PhaseStatus,
    /// How long it took; not there until it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 847)]
    duration_seconds: Option<u64>,
    /// How far it is; there while it goes on, or is stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 100, example = 78)]
    progress_percent: Option<u8>,
}

/// How a phase is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PhaseStatus {
    /// Not begun.
    Pending,
    /// Going on.
    Running,
    /// Ended well.
    Completed,
    /// Ended with an error.
    Failed,
    /// Stopped by a person, or by the schedule.
    Stopped,
}

impl ProgressView {
    pub(super) fn new(record: &Record, figures: Option<&Progress>) -> Self {
        Self {
            overall_percent: overall_percent(record, figures.map(|f| f.overall_percent)),
            current_phase: record.phase.map(PhaseWord::from),
            phases: PhaseWord::ALL.map(|phase| PhaseView::new(record, phase, figures)).into(),
        }
    }
}

impl PhaseView {
    fn new(record: &Record, name: Phase, figures: Option<&Progress>) -> Self {
        let begun: Option<&PhaseRecord> = record.phases.iter().find(|p| p.name == name);
        let status = match begun.map(|p| p.outcome) {
            None => PhaseStatus::Pending,
            Some(None) => PhaseStatus::Running,
            Some(Some(PhaseOutcome::Completed)) => PhaseStatus::Completed,
            Some(Some(PhaseOutcome::Failed)) => PhaseStatus::Failed,
            Some(Some(PhaseOutcome::Stopped)) => PhaseStatus::Stopped,
        };
        let ended = begun.filter(|p| p.outcome.is_some());
        let told = || figures.filter(|_| record.phase == Some(name)).map_or(0.0, |f| f.phase_percent);
        Self {
            name: name.into(),
            status,
            duration_seconds: ended.and_then(|p| p.seconds).map(whole),
            progress_percent: match status {
                PhaseStatus::Running | PhaseStatus::Stopped => Some(whole_percent(told())),
                PhaseStatus::Pending | PhaseStatus::Completed | PhaseStatus::Failed => None,
            },
        }
    }
}

/// Figures in short; all of them are under `metrics`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MetricsSummary {
    /// Rows that are in the target's staging, or live.
    #[schema(example = 12_453_891)]
    records_processed: u64,
    /// Rows there are: exact where they were counted, the source's estimate where not. 0 before the first row moves.
    #[schema(example = 18_500_000)]
    records_total: u64,
    /// For people.
    #[schema(example = "47.2 GB")]
    bytes_transferred: String,
    /// For programs.
    #[schema(example = 47_200_000_000_u64)]
    bytes_transferred_exact: u64,
    /// At present.
    #[schema(example = 8234)]
    throughput_records_per_second: u64,
    /// Errors that went away when what failed was tried again.
    #[schema(example = 127)]
    errors_recovered: u64,
    /// Errors that did not.
    #[schema(example = 0)]
    errors_escalated: u64,
}

impl MetricsSummary {
    pub(super) fn new(record: &Record, figures: Option<&Progress>) -> Self {
        let bytes = figures.map_or(0, |f| f.bytes_transferred);
        let moving = figures.filter(|_| is_at_work(record.status));
        Self {
            records_processed: figures.map_or(0, |f| f.records_processed),
            records_total: figures.map_or(0, |f| f.records_total),
            bytes_transferred: units::bytes(bytes),
            bytes_transferred_exact: bytes,
            throughput_records_per_second: moving.map_or(0, |f| whole(f.records_per_second)),
            errors_recovered: figures.map_or(0, |f| f.errors_recovered),
            errors_escalated: figures.map_or(0, |f| f.errors_escalated),
        }
    }
}

/// When what was, and will be.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TimingView {
    created_at: Moment,
    started_at: Option<Moment>,
    /// From what is left and how fast it goes; null while nothing goes on.
    estimated_completion: Option<Moment>,
    finished_at: Option<Moment>,
    /// At work; pauses do not count.
    #[schema(example = 5400)]
    elapsed_seconds: u64,
}

impl TimingView {
    pub(super) fn new(record: &Record, figures: Option<&Figures>, now: Timestamp) -> Self {
        let estimate = figures.filter(|_| is_at_work(record.status)).and_then(|f| f.progress.estimated_completion);
        Self {
            created_at: record.created_at.into(),
            started_at: record.started_at.map(Moment::from),
            // An estimate that has passed says: any moment.
            estimated_completion: estimate.map(|at| at.max(now).into()),
            finished_at: record.finished_at.map(Moment::from),
            elapsed_seconds: whole(record.elapsed_seconds(now)),
        }
    }
}

/// Rows move, or are compared.
pub(super) fn is_at_work(status: Status) -> bool {
    match status {
        Status::Running | Status::Validating => true,
        Status::Pending
        | Status::Planning
        | Status::PlanReady
        | Status::Approved
        | Status::Pausing
        | Status::Paused
        | Status::Completed
        | Status::Failed
        | Status::Cancelled
        | Status::RollingBack
        | Status::RolledBack => false,
    }
}
