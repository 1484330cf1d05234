//! Finding the rows in which two sides differ.
//!
//! Both sides are read twice more. The first time, rows are added up in [`BUCKETS`] by the hash of their key: a row is in the
//! same bucket on both sides, whatever order, chunks or collation the systems have. The second time, the rows of some buckets
//! that differ are kept and laid side by side. Memory is bounded by the constants here, not by the table (P6).

use std::collections::{BTreeMap, HashMap, HashSet};

use arrow::array::RecordBatch;
use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::rows::{Comparison, Hasher, pick};
use super::scan::{Gather, Scan, Side};
use crate::error::Result;
use crate::expression::shown_value;

/// Differing rows that are told of one table. 20: enough to see what is wrong, few enough to be read.
pub const MOST_DIFFERENCES: usize = 20;
/// Sums by key. 65,536: of a table of 6 million rows a bucket has about 90, and a side's sums take 1.5 MiB.
pub(super) const BUCKETS: usize = 1 << 16;
/// Rows of one side that are kept to be laid beside the other's. 50,000: some 20 MiB of hashes and keys.
const MOST_SUSPECTS: u64 = 50_000;

/// What is wrong with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceKind {
    /// The source has it, the target does not.
    Missing,
    /// The target has it (or has it once more than the source).
    Extra,
    /// Both have it, with different values.
    Different,
}

/// A row in which source and target differ.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RowDifference {
    /// Column and value of what tells it apart, in the target's names; of a table without a key, all columns.
    pub key: Vec<(String, String)>,
    /// What is wrong.
    pub kind: DifferenceKind,
    /// Columns whose values differ, where both sides have the row.
    pub columns: Vec<String>,
}

/// What was found in one table.
#[derive(Debug, Default)]
pub(super) struct Located {
    pub(super) differences: Vec<RowDifference>,
    /// There are others.
    pub(super) more: bool,
}

/// One table on both sides.
pub(super) struct Sides<'a> {
    pub(super) source: &'a Side<'a>,
    pub(super) target: &'a Side<'a>,
    pub(super) source_scan: Scan<'a>,
    pub(super) target_scan: Scan<'a>,
    pub(super) comparison: &'a Comparison,
}

impl Sides<'_> {
    /// The first rows that differ. None where the sides agree by now.
    pub(super) fn locate(&self) -> Result<Located> {
        let (source, target) = self.both(Buckets::default)?;
        let differing: Vec<usize> = (0..BUCKETS).filter(|&at| source.0[at] != target.0[at]).collect();
        let mut rows = 0;
        let chosen: HashSet<usize> = differing
            .iter()
            .take(MOST_DIFFERENCES)
            .take_while(|&&at| {
                rows += source.0[at].rows.max(target.0[at].rows);
                rows <= MOST_SUSPECTS
            })
            .copied()
            .collect();
        if chosen.is_empty() {
            return Ok(Located { differences: Vec::new(), more: !differing.is_empty() });
        }
        let (source, target) = self.both(|| Suspects { buckets: &chosen, rows: Vec::new() })?;
        let mut differences =
            laid_side_by_side(source.rows, target.rows, &self.comparison.names(), self.comparison.has_key());
        differences.sort();
        let more = differing.len() > chosen.len() || differences.len() > MOST_DIFFERENCES;
        differences.truncate(MOST_DIFFERENCES);
        Ok(Located { differences, more })
    }

    /// What each side's scan gathers.
    pub(super) fn both<G: Gather>(&self, fresh: impl Fn() -> G + Sync) -> Result<(G, G)> {
        let one = |side: &Side<'_>, scan| {
            let mut gathered = side.scan(std::slice::from_ref(scan), |_| fresh())?;
            Ok(gathered.pop().unwrap_or_else(&fresh))
        };
        Ok((one(self.source, &self.source_scan)?, one(self.target, &self.target_scan)?))
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Bucket {
    sum: Digest,
    pub(super) rows: u64,
}

pub(super) struct Buckets(pub(super) Vec<Bucket>);

impl Default for Buckets {
    fn default() -> Self {
        Self(vec![Bucket::default(); BUCKETS])
    }
}

pub(super) fn bucket(key: u128) -> usize {
    (key % BUCKETS as u128) as usize
}

impl Gather for Buckets {
    fn take(&mut self, hasher: &Hasher, batch: &RecordBatch) {
        let batch = hasher.sampled(batch);
        for (key, hash) in hasher.keys(&batch).into_iter().zip(hasher.rows(&batch)) {
            let bucket = &mut self.0[bucket(key)];
            bucket.sum.add_row(hash);
            bucket.rows += 1;
        }
    }

    fn join(&mut self, other: Self) {
        for (own, other) in self.0.iter_mut().zip(other.0) {
            own.sum.add(other.sum);
            own.rows += other.rows;
        }
    }
}

/// A row of a bucket that differs.
#[derive(Debug, Clone)]
struct Suspect {
    key: u128,
    row: u128,
    by_column: Vec<u128>,
    shown: Vec<(String, String)>,
}

struct Suspects<'a> {
    buckets: &'a HashSet<usize>,
    rows: Vec<Suspect>,
}

impl Gather for Suspects<'_> {
    fn take(&mut self, hasher: &Hasher, batch: &RecordBatch) {
        let batch = hasher.sampled(batch);
        let batch = pick(&batch, hasher.keys(&batch).into_iter().map(|key| self.buckets.contains(&bucket(key))));
        if batch.num_rows() == 0 || self.rows.len() as u64 > MOST_SUSPECTS {
            return;
        }
        let (keys, rows, columns) = (hasher.keys(&batch), hasher.rows(&batch), hasher.by_column(&batch));
        for (at, (key, row)) in keys.into_iter().zip(rows).enumerate() {
            let show = |column: usize| {
                let name = batch.schema_ref().field(column).name().clone();
                (name, shown_value(batch.column(column), at))
            };
            let shown = hasher.key_columns().map(show).collect();
            self.rows.push(Suspect { key, row, by_column: columns.iter().map(|c| c[at]).collect(), shown });
        }
    }

    fn join(&mut self, other: Self) {
        self.rows.extend(other.rows);
    }
}

/// What is on one side alone, key by key; a row that both sides have goes, as often as both have it.
fn laid_side_by_side(source: Vec<Suspect>, target: Vec<Suspect>, names: &[String], keyed: bool) -> Vec<RowDifference> {
    let mut by_key: BTreeMap<u128, (Vec<Suspect>, Vec<Suspect>)> = BTreeMap::new();
    for row in source {
        by_key.entry(row.key).or_default().0.push(row);
    }
    for row in target {
        by_key.entry(row.key).or_default().1.push(row);
    }
    let mut differences = Vec::new();
    for (source, target) in by_key.into_values() {
        let (missing, extra) = without_common(source, target);
        let both = if keyed { missing.len().min(extra.len()) } else { 0 };
        for (one, other) in missing.iter().zip(&extra).take(both) {
            let pairs = names.iter().zip(one.by_column.iter().zip(&other.by_column));
            let columns = pairs.filter(|(_, (a, b))| a != b).map(|(name, _)| name.clone()).collect();
            differences.push(RowDifference { key: one.shown.clone(), kind: DifferenceKind::Different, columns });
        }
        let alone = |kind| move |row: &Suspect| RowDifference { key: row.shown.clone(), kind, columns: Vec::new() };
        differences.extend(missing.iter().skip(both).map(alone(DifferenceKind::Missing)));
        differences.extend(extra.iter().skip(both).map(alone(DifferenceKind::Extra)));
    }
    differences
}

fn without_common(source: Vec<Suspect>, target: Vec<Suspect>) -> (Vec<Suspect>, Vec<Suspect>) {
    let mut counts: HashMap<u128, i64> = HashMap::new();
    source.iter().for_each(|row| *counts.entry(row.row).or_default() += 1);
    target.iter().for_each(|row| *counts.entry(row.row).or_default() -= 1);
    let mut left = |rows: Vec<Suspect>, sign: i64| {
        rows.into_iter()
            .filter(|row| {
                let count = counts.entry(row.row).or_default();
                let alone = *count * sign > 0;
                *count -= if alone { sign } else { 0 };
                alone
            })
            .collect::<Vec<_>>()
    };
    (left(source, 1), left(target, -1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suspect(key: u128, value: u128) -> Suspect {
        Suspect {
            key,
            row: key ^ (value << 64),
            by_column: vec![key, value],
            shown: vec![("id".into(), key.to_string())],
        }
    }

    fn told(source: &[(u128, u128)], target: &[(u128, u128)], keyed: bool) -> Vec<String> {
        let rows = |rows: &[(u128, u128)]| rows.iter().map(|(key, value)| suspect(*key, *value)).collect();
        let found = laid_side_by_side(rows(source), rows(target), &["id".into(), "v".into()], keyed);
        found.iter().map(|d| format!("{:?} {} {}", d.kind, d.key[0].1, d.columns.join(","))).collect()
    }

    #[test]
    fn rows_are_missing_extra_or_different() {
        let source = [(1, 10), (2, 20), (3, 30), (4, 40)];
        assert_eq!(told(&source, &[(4, 40), (3, 30), (2, 20), (1, 10)], true), [""; 0]);
        assert_eq!(
            told(&source, &[(1, 10), (2, 21), (4, 40), (4, 40), (5, 50)], true),
            ["Different 2 v", "Missing 3 ", "Extra 4 ", "Extra 5 "]
        );
    }

    #[test]
    fn without_a_key_a_row_is_there_or_not() {
        assert_eq!(told(&[(1, 10), (1, 10)], &[(1, 10)], false), ["Missing 1 "]);
        assert_eq!(told(&[(1, 10)], &[(1, 11)], false), ["Missing 1 ", "Extra 1 "]);
    }
}
