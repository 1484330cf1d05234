//! How long a plan will take, phase by phase: from the source's statistics and a rate.

use serde::{Deserialize, Serialize};

use super::{Plan, TablePlan};
use crate::event::Phase;

/// What making one table in staging takes: a few statements over a network.
const SECONDS_PER_TABLE: f64 = 0.05;
/// What switching one table over takes: a rename, or a few.
const SECONDS_PER_CUTOVER: f64 = 0.02;
/// Comparing every value of a table is this much faster than moving it: its rows are read once, and written nowhere.
const COMPARING_FACTOR: f64 = 2.5;

/// How fast rows move, all lanes together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// Rows a second. Default 75,000: half of what the slowest pair of servers reached on two processors, with keys.
    pub rows_per_second: f64,
    /// Bytes a second, where rows are wide. Default 15 MB: the same half, in bytes of the source.
    pub bytes_per_second: f64,
}

impl Default for Rate {
    fn default() -> Self {
        Self { rows_per_second: 75_000.0, bytes_per_second: 15e6 }
    }
}

impl Rate {
    /// Whichever is slower; a rate of nothing, or of no number, counts as one a second.
    fn seconds(self, rows: u64, bytes: u64) -> f64 {
        let at_least_one = |rate: f64| if rate >= 1.0 { rate } else { 1.0 };
        let by_rows = rows as f64 / at_least_one(self.rows_per_second);
        by_rows.max(bytes as f64 / at_least_one(self.bytes_per_second))
    }
}

/// One phase to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseEstimate {
    /// Which.
    pub name: Phase,
    /// From 1.
    pub order: u32,
    /// Names of its tables in the target, in the order in which they are begun.
    pub tables: Vec<String>,
    /// Tables are worked on at the same time.
    pub parallel: bool,
    /// About how long, in seconds; never less than 1.
    pub seconds: u64,
}

impl Plan {
    /// What executing the plan will take at this rate, in the order of the phases.
    #[must_use]
    pub fn estimate(&self, rate: Rate) -> Vec<PhaseEstimate> {
        let names = |tables: &[&TablePlan]| tables.iter().map(|t| t.target.name.name.clone()).collect::<Vec<_>>();
        let in_order: Vec<&TablePlan> = self.tables.iter().collect();
        let mut largest_first = in_order.clone();
        largest_first.sort_by_key(|t| std::cmp::Reverse((t.estimated_bytes, t.estimated_rows)));
        let (rows, bytes) = (self.summary.estimated_records, self.summary.estimated_bytes);
        let tables = self.tables.len() as f64;
        let moving = rate.seconds(rows, bytes);
        let phases = [
            (Phase::SchemaMigration, names(&in_order), false, tables * SECONDS_PER_TABLE),
            (Phase::DataTransfer, names(&largest_first), true, moving),
            (Phase::Validation, names(&largest_first), true, moving / COMPARING_FACTOR),
            (Phase::Cutover, names(&in_order), false, tables * SECONDS_PER_CUTOVER),
        ];
        let estimate = |(order, (name, tables, parallel, seconds)): (u32, (Phase, Vec<String>, bool, f64))| {
            PhaseEstimate { name, order, tables, parallel, seconds: (seconds.ceil() as u64).max(1) }
        };
        (1..).zip(phases).map(estimate).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slower_of_rows_and_bytes_counts() {
        let rate = Rate { rows_per_second: 100.0, bytes_per_second: 1000.0 };
        assert_eq!(rate.seconds(1000, 10), 10.0);
        assert_eq!(rate.seconds(10, 60_000), 60.0);
        let broken = Rate { rows_per_second: f64::NAN, bytes_per_second: 0.0 };
        assert_eq!(broken.seconds(7, 3), 7.0);
    }
}
