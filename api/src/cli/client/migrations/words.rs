//! The words of the contract that are also options of the command line.

use crate::cli::failure::Exit;

/// Statuses of a migration.
pub(super) const STATUSES: [&str; 13] = [
    "pending",
    "planning",
    "plan_ready",
    "approved",
    "running",
    "pausing",
    "paused",
    "validating",
    "completed",
    "failed",
    "cancelled",
    "rolling_back",
    "rolled_back",
];

/// Phases of a migration, in order.
pub(super) const PHASES: [&str; 5] = ["planning", "schema_migration", "data_transfer", "validation", "cutover"];

/// Levels of a log line, the least serious first.
pub(super) const LEVELS: [&str; 4] = ["debug", "info", "warning", "error"];

/// How one who waited for a migration ends; none while it may still go on.
pub(super) fn end_of(status: &str) -> Option<Exit> {
    match status {
        "completed" => Some(Exit::Done),
        "failed" | "cancelled" | "rolled_back" => Some(Exit::Failed),
        _ => None,
    }
}

/// `data_transfer` as people write it.
pub(super) fn spaced(word: &str) -> String {
    word.replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_statuses_are_ends() {
        let ends: Vec<_> = STATUSES.into_iter().filter(|status| end_of(status).is_some()).collect();
        assert_eq!(ends, ["completed", "failed", "cancelled", "rolled_back"]);
        assert_eq!(end_of("completed"), Some(Exit::Done));
    }
}
