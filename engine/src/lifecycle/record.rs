//! What the store keeps of a migration: its status and everything that hangs on it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::spec::{CutoverMode, Spec};
use super::state::{Intent, Status};
use crate::catalog::TableName;
use crate::error::Error;
use crate::event::Phase;
use crate::migration::{Rehearsal, TableCheck};

/// One migration. Saved whole, by compare-and-set on `version`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    /// `mig_...`; also names staging and ledger in the target.
    pub id: String,
    /// What was asked for.
    pub spec: Spec,
    /// Where it stands.
    pub status: Status,
    /// Grows with each save.
    #[serde(skip)]
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// The user of the key that created it.
    pub created_by: String,
    /// Of its plan; 0 while there is none.
    pub plan_version: u32,
    /// When that plan was made.
    pub plan_generated_at: Option<Timestamp>,
    /// Tables of that plan.
    pub tables_count: Option<u64>,
    /// When it was first started.
    pub started_at: Option<Timestamp>,
    /// Who started it, and whether mappings that awaited a person were passed over.
    pub started_by: Option<Started>,
    /// When it came to an end.
    pub finished_at: Option<Timestamp>,
    /// Seconds at work before `working_since`.
    pub worked_seconds: f64,
    /// At work since.
    pub working_since: Option<Timestamp>,
    /// The phase it is in, or stopped in.
    pub phase: Option<Phase>,
    /// Phases that have begun, in order.
    pub phases: Vec<PhaseRecord>,
    /// A stop that is under way, or was carried out.
    pub stop: Option<Stop>,
    /// Where it can go on from.
    pub checkpoint: Option<Checkpoint>,
    /// Why it failed.
    pub error: Option<Error>,
    /// The next run begins anew instead of going on from the ledger.
    pub restart: bool,
    /// Something of it may be in the target's staging.
    pub staged: bool,
    /// The new tables are live: what is left is to remove the ledger.
    pub switched: bool,
    /// Live tables that had predecessors, which the target keeps until the migration is deleted.
    #[serde(default)]
    pub replaced: Vec<TableName>,
    /// Its cutover is being taken back: from there it can only be rolled back.
    #[serde(default)]
    pub taking_back: bool,
    /// How far its cutover is.
    #[serde(default)]
    pub cutover: Cutover,
    /// How rows compared, as far as they were.
    pub validation: Option<Validation>,
    /// What the last dry run said.
    pub dry_run: Option<DryRun>,
}

/// Who started it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// A user, or `schedule`.
    pub by: String,
    /// Mappings that awaited a person were passed over.
    pub unreviewed: bool,
}

/// One phase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PhaseRecord {
    /// Which.
    pub name: Phase,
    /// When it (last) began.
    pub began_at: Timestamp,
    /// How long it took; none while it goes on.
    pub seconds: Option<f64>,
    /// How it ended: none while it goes on.
    pub outcome: Option<PhaseOutcome>,
}

/// How a phase ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhaseOutcome {
    /// Well.
    Completed,
    /// With an error.
    Failed,
    /// It was stopped.
    Stopped,
}

/// A stop that somebody asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// What for.
    pub intent: Intent,
    /// By whom: a user, or `schedule`, whose pauses end by themselves when the window opens.
    pub by: String,
    /// In their words.
    pub reason: Option<String>,
    /// Not at the next checkpoint but now: rows of unfinished chunks are moved again later.
    pub immediate: bool,
    /// When it was asked for.
    pub at: Timestamp,
}

/// The name under which the schedule asks.
pub const SCHEDULE: &str = "schedule";

/// Where a paused migration goes on from: everything the ledger has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// `ckpt_...`.
    pub id: String,
    /// When the lanes stood still.
    pub at: Timestamp,
    /// Rows that are durably in staging.
    pub records: u64,
    /// Chunks that are.
    pub chunks: u64,
}

/// How far a cutover is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cutover {
    /// Everything is loaded and agrees since then, and a person is to say when.
    pub waiting_since: Option<Timestamp>,
    /// Somebody said so.
    pub requested: Option<CutoverRequest>,
    /// It is under way since then, or was tried last.
    pub began_at: Option<Timestamp>,
}

/// Somebody asked for a cutover that was held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutoverRequest {
    /// A user.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// How rows compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validation {
    /// When.
    pub at: Timestamp,
    /// Whether every table agrees.
    pub passed: bool,
    /// Whether the target's rows were those in staging, before the cutover, or live.
    pub staged: bool,
    /// By table.
    pub tables: Vec<TableCheck>,
}

impl Validation {
    /// Of tables that were compared just now.
    #[must_use]
    pub fn of(tables: Vec<TableCheck>, staged: bool) -> Self {
        Self { at: Timestamp::now(), passed: tables.iter().all(TableCheck::agrees), staged, tables }
    }
}

/// A dry run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DryRun {
    /// When.
    pub at: Timestamp,
    /// What it found.
    pub rehearsal: Rehearsal,
}

impl Record {
    /// A new one: pending.
    #[must_use]
    pub fn new(id: String, spec: Spec, created_by: String, now: Timestamp) -> Self {
        Self {
            id,
            spec,
            status: Status::Pending,
            version: 0,
            created_at: now,
            created_by,
            plan_version: 0,
            plan_generated_at: None,
            tables_count: None,
            started_at: None,
            started_by: None,
            finished_at: None,
            worked_seconds: 0.0,
            working_since: None,
            phase: None,
            phases: Vec::new(),
            stop: None,
            checkpoint: None,
            error: None,
            restart: false,
            staged: false,
            switched: false,
            replaced: Vec::new(),
            taking_back: false,
            cutover: Cutover::default(),
            validation: None,
            dry_run: None,
        }
    }

    /// Seconds at work until `now`.
    #[must_use]
    pub fn elapsed_seconds(&self, now: Timestamp) -> f64 {
        self.worked_seconds + self.working_since.map_or(0.0, |since| seconds_between(since, now))
    }

    /// The clock of work goes, or stands.
    pub(crate) fn set_working(&mut self, working: bool, now: Timestamp) {
        if working {
            self.working_since.get_or_insert(now);
        } else if let Some(since) = self.working_since.take() {
            self.worked_seconds += seconds_between(since, now);
        }
    }

    /// A phase begins; one that was begun before begins again.
    pub(crate) fn phase_began(&mut self, phase: Phase, now: Timestamp) {
        self.phase = Some(phase);
        let begun = PhaseRecord { name: phase, began_at: now, seconds: None, outcome: None };
        match self.phases.iter_mut().find(|p| p.name == phase) {
            // What an interrupted run spent on it counts too.
            Some(earlier) => *earlier = PhaseRecord { seconds: earlier.seconds, ..begun },
            None => self.phases.push(begun),
        }
    }

    /// The phase that goes on has ended.
    pub(crate) fn phase_ended(&mut self, outcome: PhaseOutcome, now: Timestamp) {
        if let Some(phase) = self.phases.iter_mut().find(|p| p.outcome.is_none()) {
            phase.seconds = Some(phase.seconds.unwrap_or(0.0) + seconds_between(phase.began_at, now));
            phase.outcome = Some(outcome);
        }
    }

    /// Whether its cutover is to be held for a person, who has not asked for it yet.
    #[must_use]
    pub fn awaits_cutover(&self) -> bool {
        let held = match self.spec.options.cutover {
            CutoverMode::Auto => false,
            CutoverMode::Manual => true,
        };
        held && self.cutover.requested.is_none()
    }

    /// Whether its cutover is under way.
    #[must_use]
    pub fn cuts_over(&self) -> bool {
        let at_work = match self.status {
            Status::Running | Status::Validating | Status::Pausing => true,
            Status::Pending
            | Status::Planning
            | Status::PlanReady
            | Status::Approved
            | Status::Paused
            | Status::Completed
            | Status::Failed
            | Status::Cancelled
            | Status::RollingBack
            | Status::RolledBack => false,
        };
        at_work && self.cutover.began_at.is_some()
    }

    /// Whether this phase has ended well.
    #[must_use]
    pub fn has_completed(&self, phase: Phase) -> bool {
        self.phases.iter().any(|p| p.name == phase && p.outcome == Some(PhaseOutcome::Completed))
    }
}

/// Seconds from one instant to a later one; 0 when clocks disagree.
#[must_use]
pub fn seconds_between(from: Timestamp, to: Timestamp) -> f64 {
    ((to.as_microsecond() - from.as_microsecond()).max(0)) as f64 / 1e6
}
