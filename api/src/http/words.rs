//! The contract's fixed words, as its documents have them: a word that is none of them is refused, and the error lists
//! those there are.

use sensei_engine::event::Phase;
use sensei_engine::lifecycle::Status;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a migration stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StatusWord {
    /// Created, awaiting plan generation.
    Pending,
    /// The plan is being made.
    Planning,
    /// The plan is there, and mappings of it await a person.
    PlanReady,
    /// Nothing awaits a person: ready to start.
    Approved,
    /// At work.
    Running,
    /// Stopping at the next checkpoint.
    Pausing,
    /// Stopped at a checkpoint; can be resumed.
    Paused,
    /// Rows are being compared.
    Validating,
    /// Done, checked and live.
    Completed,
    /// Stopped by an error that does not mend by itself.
    Failed,
    /// Stopped by a person for good.
    Cancelled,
    /// What it made is being taken back.
    RollingBack,
    /// What it made is taken back.
    RolledBack,
}

impl From<Status> for StatusWord {
    fn from(status: Status) -> Self {
        match status {
            Status::Pending => Self::Pending,
            Status::Planning => Self::Planning,
            Status::PlanReady => Self::PlanReady,
            Status::Approved => Self::Approved,
            Status::Running => Self::Running,
            Status::Pausing => Self::Pausing,
            Status::Paused => Self::Paused,
            Status::Validating => Self::Validating,
            Status::Completed => Self::Completed,
            Status::Failed => Self::Failed,
            Status::Cancelled => Self::Cancelled,
            Status::RollingBack => Self::RollingBack,
            Status::RolledBack => Self::RolledBack,
        }
    }
}

/// A phase of a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PhaseWord {
    /// Catalog, mappings, risks.
    Planning,
    /// Types and bare tables, in staging.
    SchemaMigration,
    /// Rows, then each table's keys and indexes.
    DataTransfer,
    /// Rows are compared.
    Validation,
    /// Foreign keys, sequences, staging to live.
    Cutover,
}

impl PhaseWord {
    /// In their order.
    pub(crate) const ALL: [Phase; 5] =
        [Phase::Planning, Phase::SchemaMigration, Phase::DataTransfer, Phase::Validation, Phase::Cutover];
}

impl From<Phase> for PhaseWord {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::Planning => Self::Planning,
            Phase::SchemaMigration => Self::SchemaMigration,
            Phase::DataTransfer => Self::DataTransfer,
            Phase::Validation => Self::Validation,
            Phase::Cutover => Self::Cutover,
        }
    }
}

impl From<PhaseWord> for Phase {
    fn from(phase: PhaseWord) -> Self {
        match phase {
            PhaseWord::Planning => Self::Planning,
            PhaseWord::SchemaMigration => Self::SchemaMigration,
            PhaseWord::DataTransfer => Self::DataTransfer,
            PhaseWord::Validation => Self::Validation,
            PhaseWord::Cutover => Self::Cutover,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_engine_s() {
        for status in Status::ALL {
            assert_eq!(serde_json::to_value(StatusWord::from(status)).expect("JSON"), status.as_str());
        }
        for phase in PhaseWord::ALL {
            let word = PhaseWord::from(phase);
            assert_eq!(serde_json::to_value(word).expect("JSON"), phase.as_str());
            assert_eq!(Phase::from(word), phase);
        }
    }
}
